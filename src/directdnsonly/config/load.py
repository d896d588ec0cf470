"""Loads `Settings` from the file and the environment, or raises one ConfigError that lists every problem."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from directdnsonly.backends.registry import BACKENDS, type_of
from directdnsonly.backends.settings import BackendSettings
from directdnsonly.config import original, rules, variables
from directdnsonly.config.file import Tree, read
from directdnsonly.config.settings import Settings, section_of
from directdnsonly.config.starter import Starter, placed, who_starts
from directdnsonly.door.settings import AppSettings
from directdnsonly.errors import ConfigError, ConfigProblem

PLACES = tuple(
    Path(place)
    for place in (
        "config/app.yml", "config.yml", "/etc/directdnsonly/app.yml",
        "config/app.yaml", "app.yml", "app.yaml", "/etc/directdnsonly/app.yaml",
    )  # the last four: where the original looks, too
)  # fmt: skip
ABSENT_TYPES = frozenset({"nsd", "knot", "powerdns", "coredns_mysql"}) - set(BACKENDS)
_BACKEND_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")  # it names a folder, and stands in the log
_NO_SECTION = frozenset({"model_type", "model_attributes_type", "dict_type"})

M = TypeVar("M", bound=BaseModel)


def find_file(chosen: Path | None, environ: Mapping[str, str]) -> Path | None:
    """The configuration file: from --config, DADNS_CONFIG, then the usual places; None if there is none."""
    named = chosen or (Path(environ["DADNS_CONFIG"]) if environ.get("DADNS_CONFIG") else None)
    if named is not None:
        return named
    return next((place for place in PLACES if place.is_file()), None)


def load(
    config: Path | None = None, *, environ: Mapping[str, str] = os.environ, starter: Starter | None = None
) -> Settings:
    """The settings. `starter`: who starts us; detected if not given. Raises ConfigError with every problem at once."""
    problems: list[ConfigProblem] = []
    starter = starter or who_starts(environ, problems)
    file = find_file(config, environ)
    tree = read(file, problems) if file else Tree()
    if tree is None:  # of what stands in it nothing is known, so nothing else can be judged
        raise ConfigError(problems, file=str(file))
    variables.overlay(tree, environ, problems)
    notes = original.adopt(tree, starter, environ, problems)
    if file in PLACES and not (config or environ.get("DADNS_CONFIG")):
        notes += _not_read(file)
    settings = _validate(tree, starter, problems)
    if problems:
        told = [_with_origin(problem, tree) for problem in dict.fromkeys(problems)]
        raise ConfigError(told, file=str(file) if file else None)
    assert settings is not None
    return settings.completed(backends=settings.dns.backends, source_file=file, notes=notes, starter=starter)


def _not_read(file: Path) -> Iterator[ConfigProblem]:
    """Other files that would be taken if the first one were not there."""
    for place in PLACES:
        if place != file and place.is_file():
            yield ConfigProblem(
                str(place), f"is not read, because {file} exists as well", "remove one, or choose: --config"
            )


def _validate(tree: Tree, starter: Starter, problems: list[ConfigProblem]) -> Settings | None:
    """Everything that can be judged is judged, also when another part is wrong."""
    for name in [key for key in tree.values if key not in Settings.model_fields]:
        del tree.values[name]
        problems.append(ConfigProblem(name, "is not a key", _nearest(name, Settings)))
    app = _quietly(AppSettings, tree.values.get("app", {}))
    door = app.listen_host if app is not None else ""
    backends, broken = _backends(tree.values.get("dns"), problems, lambda found: placed(found, starter, door))
    settings: Settings | None = None
    try:
        settings = Settings(**tree.values)
        settings = settings.completed(backends=backends, source_file=None)
    except ValidationError as error:
        problems += _problems(error, Settings, "")
    enabled = {name: backend for name, backend in backends.items() if backend.enabled}
    dns = tree.values.get("dns", {})
    if app is not None:
        problems += rules.door(app)
        problems += rules.credentials(app)
        problems += rules.tls(app)
    if isinstance(dns, dict) and isinstance(dns.get("backends", {}), dict):
        default = dns.get("default_backend")
        problems += rules.somewhere_to_go(enabled, default if isinstance(default, str) else None, broken)
    problems += rules.apart(enabled, app)
    return settings


def _quietly(model: type[M], values: Any) -> M | None:
    """A section, None when it is wrong (which is told elsewhere)."""
    try:
        return model.model_validate(values)
    except ValidationError:
        return None


def _backends(
    dns: Any, problems: list[ConfigProblem], place: Callable[[BackendSettings], BackendSettings]
) -> tuple[dict[str, Any], set[str]]:
    """Each backend validated by the model of its type, and the names of those that are wrong."""
    listed = dns.get("backends", {}) if isinstance(dns, dict) else {}
    if not isinstance(listed, dict):
        return {}, set()  # Settings tells it
    found: dict[str, Any] = {}
    for name, values in listed.items():
        path = f"dns.backends.{name}"
        kind = str((values.get("type") if isinstance(values, dict) else None) or type_of(name) or "")
        if not _BACKEND_NAME.fullmatch(name):
            problems.append(
                ConfigProblem(repr(path), "a backend's name may have letters, digits, - and _, at most 63 in all")
            )
        elif not isinstance(values, dict):
            problems.append(ConfigProblem(path, "holds no keys and values"))
        elif kind not in BACKENDS:
            problems.append(_unknown_type(path, name, kind))
        else:
            try:
                found[name] = place(BACKENDS[kind].settings.model_validate({**values, "type": kind}))
            except ValidationError as error:
                problems += _problems(error, BACKENDS[kind].settings, f"{path}.")
    return found, set(listed) - set(found)


def _unknown_type(path: str, name: str, kind: str) -> ConfigProblem:
    known = f"known types: {', '.join(BACKENDS)}"
    told = kind or next((absent for absent in ABSENT_TYPES if name.startswith(absent)), "")
    if told in ABSENT_TYPES:
        return ConfigProblem(f"{path}.type", f"this version has no {told} backend yet", known)
    if not kind:
        return ConfigProblem(f"{path}.type", "is missing, and cannot be derived from the backend's name", known)
    near = difflib.get_close_matches(kind, BACKENDS, n=1)
    return ConfigProblem(f"{path}.type", f"{kind!r} is not a type", f"did you mean {near[0]}?" if near else known)


def _problems(error: ValidationError, model: type[BaseModel], prefix: str) -> list[ConfigProblem]:
    """Pydantic's errors by key, with the nearest key for a misspelt one. Values are never repeated."""
    found = []
    for entry in error.errors(include_input=False, include_url=False):
        location = [str(part) for part in entry["loc"]]
        path = prefix + ".".join(location) if location else prefix.rstrip(".")
        message = entry["msg"].removeprefix("Value error, ")
        if entry["type"] == "extra_forbidden":
            found.append(ConfigProblem(path, "is not a key", _nearest(location[-1], _model_at(model, location[:-1]))))
        elif entry["type"] in _NO_SECTION:
            found.append(ConfigProblem(path, "holds no keys and values"))
        elif entry["type"] == "string_type":
            found.append(ConfigProblem(path, message, "put it in quotes"))
        else:
            found.append(ConfigProblem(path, message))
    return found


def _nearest(key: str, model: type[BaseModel] | None) -> str:
    beside = original.BESIDE if model in (Settings, AppSettings) else ()
    near = difflib.get_close_matches(key, [*model.model_fields, *beside], n=1) if model else []
    return f"did you mean {near[0]}?" if near else ""


def _model_at(model: type[BaseModel] | None, location: list[str]) -> type[BaseModel] | None:
    for step in location:
        field = model.model_fields.get(step) if model else None
        model = section_of(field.annotation) if field else None
    return model


def _with_origin(problem: ConfigProblem, tree: Tree) -> ConfigProblem:
    """The problem with the line or the variable that it comes from."""
    origin = tree.origin(problem.path)
    return replace(problem, hint="; ".join(part for part in (origin, problem.hint) if part)) if origin else problem
