"""DADNS_ variables: the path of a key joined by single underscores, resolved against the models.

So `DADNS_DNS_BACKENDS_COREDNS_MYSQL_DC1_HOST` finds `dns.backends.coredns_mysql_dc1.host`. A name that ends in
`_FILE` reads the value from a file, as container secrets come.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from directdnsonly.backends.registry import BACKENDS, BackendType, type_of
from directdnsonly.config import original, starter
from directdnsonly.config.file import Tree
from directdnsonly.config.settings import Settings, is_list, key_paths, section_of
from directdnsonly.errors import ConfigProblem

PREFIX = "DADNS_"
BACKENDS_PREFIX = f"{PREFIX}DNS_BACKENDS_"
# Read by the command line and by `load` itself, not part of the settings.
NOT_SETTINGS: Mapping[str, str] = {
    "DADNS_CONFIG": "The configuration file, when `--config` is not given.",
    starter.VARIABLE: "Who starts the service: `image` (set by our image) or `make` (by `make run`). It decides where a bundled name server"
    " listens if its `listen` and `port` are not set.",
    "DADNS_URL": "Command line: where the service answers, `unix:PATH` for a socket. Default: from the configuration.",
    "DADNS_TOKEN": "Command line: a bearer token instead of user name and password.",
    "DADNS_TOKEN_FILE": "Command line: a file that holds the token.",
    "DADNS_USERNAME": "Command line: user name. Default: from the configuration.",
    "DADNS_PASSWORD": "Command line: password. Default: from the configuration.",
    "DADNS_PASSWORD_FILE": "Command line: a file that holds the password.",
}

Path_ = tuple[str, ...]


def overlay(tree: Tree, environ: Mapping[str, str], problems: list[ConfigProblem]) -> None:
    """Overlay the variables on the file's keys."""
    for variable in sorted(environ, key=_types_first):
        if not variable.startswith(PREFIX) or variable in NOT_SETTINGS:
            continue
        path, from_file = _meaning(variable, tree)
        if path is None:
            near = difflib.get_close_matches(variable, list(names(tree)), n=1)
            problems.append(ConfigProblem(variable, "is not a setting", f"did you mean {near[0]}?" if near else ""))
            continue
        value: str | None = environ[variable]
        if from_file:
            twin = variable.removesuffix("_FILE")
            if twin in environ:
                problems.append(ConfigProblem(variable, f"and {twin} are both set: choose one"))
                continue
            value = read_secret(variable, environ[variable], problems)
        if value is not None:
            _put(tree, path, value, variable)


def _types_first(variable: str) -> tuple[bool, str]:
    """What a backend's other keys mean, and where its name ends, is known once its type is."""
    return not (variable.startswith(BACKENDS_PREFIX) and variable.endswith("_TYPE")), variable


def names(tree: Tree) -> Iterator[str]:
    """The names of all variables that have a meaning, for suggestions."""
    for path in (*key_paths(), *original.PATHS):
        yield f"{PREFIX}{'_'.join(path)}".upper()
    for backend, values in _backends(tree).items():
        for key in _keys_of(backend, values):
            yield f"{BACKENDS_PREFIX}{backend}_{key}".upper().replace("-", "_")


def _meaning(variable: str, tree: Tree) -> tuple[Path_ | None, bool]:
    """The key that a variable sets, and whether its value is the name of a file that holds the value."""
    path = _resolve(variable, tree)
    if path is None and variable.endswith("_FILE"):
        return _resolve(variable.removesuffix("_FILE"), tree), True
    return path, False


def _resolve(variable: str, tree: Tree) -> Path_ | None:
    if variable.startswith(BACKENDS_PREFIX):
        return _resolve_backend(variable.removeprefix(BACKENDS_PREFIX), tree)
    return next(
        (path for path in (*key_paths(), *original.PATHS) if variable == f"{PREFIX}{'_'.join(path)}".upper()), None
    )


def _resolve_backend(name: str, tree: Tree) -> Path_ | None:
    """<NAME>_<KEY>, where both may hold underscores: known names first, then the longest key that fits the type."""
    known = _backends(tree)
    for backend in sorted(known, key=len, reverse=True):
        prefix = backend.upper().replace("-", "_") + "_"
        key = name.removeprefix(prefix).lower()
        if name.startswith(prefix) and key in _keys_of(backend, known[backend]):
            return ("dns", "backends", backend, key)
    words = name.lower().split("_")
    splits = [("_".join(words[:cut]), "_".join(words[cut:])) for cut in range(1, len(words))]
    by_type = [split for split in splits if type_of(split[0]) and split[1] in _keys_of(split[0], None)]
    any_type = [split for split in splits if split[1] in _keys_of("", None)]
    return next((("dns", "backends", *split) for split in (*by_type, *any_type)), None)


def _backends(tree: Tree) -> dict[str, Any]:
    dns = tree.values.get("dns")
    listed = dns.get("backends") if isinstance(dns, dict) else None
    return listed if isinstance(listed, dict) else {}


def _keys_of(backend: str, values: Any) -> set[str]:
    """The keys of a backend's type; of every type while its type is not known."""
    return {key for kind in _kinds_of(backend, values) for key in kind.settings.model_fields}


def _kinds_of(backend: str, values: Any) -> list[BackendType]:
    """The type of a backend; every type while it is not known."""
    given = values.get("type") if isinstance(values, dict) else None
    kind = BACKENDS.get(str(given or type_of(backend) or ""))
    return [kind] if kind else list(BACKENDS.values())


def read_secret(variable: str, file: str, problems: list[ConfigProblem]) -> str | None:
    """The content of the file named by a `_FILE` variable, without its final line end; None if that is a problem."""
    try:
        value = Path(file).read_text(encoding="utf-8").removesuffix("\n")
    except OSError as error:
        problems.append(ConfigProblem(variable, f"the file {file} cannot be read: {error.strerror}"))
    except UnicodeDecodeError:
        problems.append(ConfigProblem(variable, f"the file {file} is not text in UTF-8"))
    else:
        if value:
            return value
        problems.append(ConfigProblem(variable, f"the file {file} is empty"))
    return None


def _put(tree: Tree, path: Path_, value: str, variable: str) -> None:
    branch = tree.values
    for step in path[:-1]:
        below = branch.setdefault(step, {})
        if not isinstance(below, dict):
            return  # the file holds nonsense here, and is told so
        branch = below
    branch[path[-1]] = _listed(value) if any(is_list(model, path[-1]) for model in _models(path, tree)) else value
    tree.origins[".".join(path)] = variable


def _models(path: Path_, tree: Tree) -> list[type[BaseModel]]:
    """The models that a key may belong to: the one of the backend's type, or every one while that is not known."""
    if path[:2] == ("dns", "backends"):
        models = [kind.settings for kind in _kinds_of(path[2], _backends(tree).get(path[2]))]
        return [model for model in models if path[-1] in model.model_fields]
    if path[0] not in Settings.model_fields:
        return []  # a section of the original's
    section = section_of(Settings.model_fields[path[0]].annotation)
    return [section or Settings]


def _listed(value: str) -> Any:
    """A list from JSON, or from commas."""
    if value.lstrip().startswith("["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return [part.strip() for part in value.split(",") if part.strip()]
