"""Settings: a YAML file, then DADNS_ variables, then secrets from files. All problems are told at once.

The original's keys and variables work unchanged. A variable's name is the path of its key with single underscores;
it is resolved against the models, so that `DADNS_DNS_BACKENDS_COREDNS_MYSQL_DC1_HOST` finds `dns.backends.coredns_mysql_dc1.host`.
"""

from __future__ import annotations

import difflib
import ipaddress
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_origin
from zoneinfo import ZoneInfo

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from directdnsonly.backends.registry import BACKENDS, type_of
from directdnsonly.dispatch.settings import DispatchSettings
from directdnsonly.errors import ConfigError, ConfigProblem
from directdnsonly.outbox.settings import OutboxSettings
from directdnsonly.receive.settings import AppSettings

PREFIX = "DADNS_"
PLACES = (Path("config/app.yml"), Path("config.yml"), Path("/etc/directdnsonly/app.yml"))
# Read by the command line and by `load` itself, not part of the settings.
NOT_SETTINGS = frozenset(f"{PREFIX}{name}" for name in ("CONFIG", "URL", "USERNAME", "PASSWORD", "PASSWORD_FILE"))
DEFAULT_PASSWORDS = frozenset({"", "changeme"})


class DnsSettings(BaseModel):
    """The name servers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    default_backend: str | None = Field(
        None, description="Accepted for the original's sake; every enabled backend is delivered to."
    )
    backends: dict[str, Any] = Field(default_factory=dict, description="The backends by name; see docs/backends/.")


class Settings(BaseSettings):
    """Everything that can be configured."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True)

    app: AppSettings = Field(default_factory=AppSettings)
    dns: DnsSettings = Field(default_factory=DnsSettings)
    outbox: OutboxSettings = Field(default_factory=OutboxSettings)
    dispatch: DispatchSettings = Field(default_factory=DispatchSettings)
    data_dir: Path = Field(Path("data"), description="Folder of everything that we own.")
    queue_location: Path | None = Field(None, description="Folder of the store. Default: `<data_dir>/queues`.")
    timezone: str = Field("UTC", description="Time zone of the log (IANA name).")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = Field(
        "INFO", description="Least level that is logged."
    )
    log_format: Literal["auto", "json", "console"] = Field(
        "auto", description="`auto`: console on a terminal, JSON elsewhere."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `load` has put together: it names each problem by its key."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"{value!r} is not a time zone (example: Pacific/Auckland)") from None
        return value

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @property
    def store_folder(self) -> Path:
        """Where the outbox is."""
        return self.queue_location or self.data_dir / "queues"

    def enabled_backends(self) -> dict[str, Any]:
        """The settings of each backend that is delivered to."""
        return {name: settings for name, settings in self.dns.backends.items() if settings.enabled}


def find_file(chosen: Path | None, environ: Mapping[str, str]) -> Path | None:
    """The configuration file: --config, DADNS_CONFIG, then the usual places; None when there is none."""
    named = chosen or (Path(environ["DADNS_CONFIG"]) if environ.get("DADNS_CONFIG") else None)
    if named is not None:
        return named
    return next((place for place in PLACES if place.is_file()), None)


def load(config: Path | None = None, *, environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings. Raises ConfigError with every problem at once."""
    problems: list[ConfigProblem] = []
    file = find_file(config, environ)
    tree = _read_file(file, problems) if file else {}
    _overlay(tree, environ, problems)
    backends = _backends(tree, problems)
    settings: Settings | None = None
    try:
        settings = Settings(**tree)
    except ValidationError as error:
        problems += _problems(error, Settings, "")
    if settings is not None:
        settings = settings.model_copy(update={"dns": settings.dns.model_copy(update={"backends": backends})})
        problems += _rules(settings)
    if problems or settings is None:
        raise ConfigError(list(dict.fromkeys(problems)), file=str(file) if file else None)
    return settings


def _read_file(file: Path, problems: list[ConfigProblem]) -> dict[str, Any]:
    try:
        tree = yaml.load(file.read_text(encoding="utf-8"), _UniqueKeys)  # noqa: S506 - a subclass of SafeLoader
    except OSError as error:
        problems.append(ConfigProblem(str(file), f"cannot be read: {error.strerror}"))
        return {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        problems.append(ConfigProblem(str(file), " ".join(str(error).split())))
        return {}
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        problems.append(ConfigProblem(str(file), "holds no keys and values"))
        return {}
    return {key: value for key, value in tree.items() if value is not None}  # an empty section is no section


class _UniqueKeys(yaml.SafeLoader):
    """A key that stands twice is a mistake, not a choice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} stands twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


# -- variables


def _overlay(tree: dict[str, Any], environ: Mapping[str, str], problems: list[ConfigProblem]) -> None:
    """Put the variables over the file."""
    for variable in sorted(environ):
        if not variable.startswith(PREFIX) or variable in NOT_SETTINGS:
            continue
        value: str = environ[variable]
        path = _resolve(variable.removeprefix(PREFIX), tree)
        if path is None and variable.endswith("_FILE"):
            path = _resolve(variable.removeprefix(PREFIX).removesuffix("_FILE"), tree)
            if path is not None:
                if variable.removesuffix("_FILE") in environ:
                    problems.append(
                        ConfigProblem(variable, f"and {variable.removesuffix('_FILE')} are both set: choose one")
                    )
                    continue
                try:
                    value = Path(value).read_text(encoding="utf-8").removesuffix("\n")
                except OSError as error:
                    problems.append(ConfigProblem(variable, f"the file {value} cannot be read: {error.strerror}"))
                    continue
        if path is None:
            near = difflib.get_close_matches(variable, variables(tree), n=1)
            problems.append(ConfigProblem(variable, "is not a setting", f"did you mean {near[0]}?" if near else ""))
            continue
        branch = tree
        for step in path[:-1]:
            branch = branch.setdefault(step, {})
        branch[path[-1]] = _listed(value) if _is_list(path) else value


def _resolve(name: str, tree: Mapping[str, Any]) -> list[str] | None:
    """The key path that a variable means."""
    if name.startswith("DNS_BACKENDS_"):
        return _resolve_backend(name.removeprefix("DNS_BACKENDS_"), tree)
    for field, info in Settings.model_fields.items():
        if name == field.upper() and not _model(info.annotation):
            return [field]
        model = _model(info.annotation)
        if model is not None and name.startswith(f"{field.upper()}_"):
            inner = name.removeprefix(f"{field.upper()}_").lower()
            if inner in model.model_fields and inner != "backends":
                return [field, inner]
    return None


def _resolve_backend(name: str, tree: Mapping[str, Any]) -> list[str] | None:
    """<NAME>_<KEY>, where both may hold underscores: names of the file first, then the longest key that fits."""
    dns = tree.get("dns")
    listed = dns.get("backends") if isinstance(dns, dict) else None
    known = sorted((str(key) for key in listed or {}), key=len, reverse=True)
    keys = {field for kind in BACKENDS.values() for field in kind.settings.model_fields}
    for backend in known:
        prefix = backend.upper().replace("-", "_") + "_"
        if name.startswith(prefix) and name.removeprefix(prefix).lower() in keys:
            return ["dns", "backends", backend, name.removeprefix(prefix).lower()]
    for key in sorted(keys, key=len, reverse=True):
        if name.endswith(f"_{key.upper()}"):
            return ["dns", "backends", name.removesuffix(f"_{key.upper()}").lower(), key]
    return None


def variables(tree: Mapping[str, Any]) -> list[str]:
    """The names of all variables that mean something, for the nearest match."""
    names = []
    for field, info in Settings.model_fields.items():
        model = _model(info.annotation)
        names += (
            [f"{PREFIX}{field}_{inner}".upper() for inner in model.model_fields]
            if model
            else [f"{PREFIX}{field}".upper()]
        )
    dns = tree.get("dns")
    listed = dns.get("backends") if isinstance(dns, dict) else None
    for backend in listed or {}:
        kind = BACKENDS.get(type_of(str(backend)) or "")
        names += [f"{PREFIX}DNS_BACKENDS_{backend}_{key}".upper() for key in kind.settings.model_fields] if kind else []
    return names


def _model(annotation: Any) -> type[BaseModel] | None:
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def _is_list(path: list[str]) -> bool:
    if path[:2] == ["dns", "backends"]:
        return any(
            get_origin(kind.settings.model_fields[path[-1]].annotation) in (list, tuple)
            for kind in BACKENDS.values()
            if path[-1] in kind.settings.model_fields
        )
    field = Settings.model_fields[path[0]]
    if len(path) > 1:
        model = _model(field.annotation)
        assert model is not None
        field = model.model_fields[path[1]]
    return get_origin(field.annotation) in (list, tuple)


def _listed(value: str) -> Any:
    """A list from JSON, or from commas."""
    if value.lstrip().startswith("["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return [part.strip() for part in value.split(",") if part.strip()]


# -- backends, rules, problems


def _backends(tree: dict[str, Any], problems: list[ConfigProblem]) -> dict[str, Any]:
    """Each backend validated by the model of its type."""
    dns = tree.get("dns")
    listed = dns.get("backends") if isinstance(dns, dict) else None
    if listed is None:
        return {}
    if not isinstance(listed, dict):
        problems.append(ConfigProblem("dns.backends", "holds no backends by name"))
        return {}
    found: dict[str, Any] = {}
    for name, values in listed.items():
        path = f"dns.backends.{name}"
        given = dict(values) if isinstance(values, dict) else {}
        kind = str(given.get("type") or type_of(str(name)) or "")
        if kind not in BACKENDS:
            known = ", ".join(BACKENDS)
            what = f"the type {kind!r} is not known" if kind else "has no type, and its name does not tell it"
            problems.append(ConfigProblem(f"{path}.type", what, f"known types: {known}"))
            continue
        try:
            found[str(name)] = BACKENDS[kind].settings(**{**given, "type": kind})
        except ValidationError as error:
            problems += _problems(error, BACKENDS[kind].settings, f"{path}.")
    return found


def _rules(settings: Settings) -> list[ConfigProblem]:
    """What no single key can know."""
    problems = []
    app = settings.app
    if app.auth_password.get_secret_value() in DEFAULT_PASSWORDS and not _is_loopback(app.listen_host):
        problems.append(
            ConfigProblem(
                "app.auth_password",
                f"is the default or empty, and {app.listen_host} can be reached from outside",
                "set DADNS_APP_AUTH_PASSWORD, or listen on 127.0.0.1",
            )
        )
    enabled = settings.enabled_backends()
    if not enabled:
        problems.append(ConfigProblem("dns.backends", "no backend is enabled: pushes would go nowhere"))
    default = settings.dns.default_backend
    if default is not None and default not in enabled:
        near = difflib.get_close_matches(default, enabled, n=1)
        hint = f"did you mean {near[0]}?" if near else ""
        problems.append(ConfigProblem("dns.default_backend", f"{default!r} is no enabled backend", hint))
    owners: dict[object, str] = {}
    for name, backend in enabled.items():
        zones = getattr(backend, "zones_dir", None)
        keys: list[object] = [("zones_dir", zones.resolve())] if zones else []
        if getattr(backend, "is_managed", False):
            keys.append(("port", backend.port, tuple(backend.listen)))
        for key in keys:
            other = owners.setdefault(key, name)
            if other != name:
                problems.append(ConfigProblem(f"dns.backends.{name}", f"shares its {key[0]} with {other}"))  # type: ignore[index]
    return problems


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _problems(error: ValidationError, model: type[BaseModel], prefix: str) -> list[ConfigProblem]:
    """Pydantic's errors by key, with the nearest key for a misspelt one. Values are never repeated."""
    found = []
    for entry in error.errors(include_input=False, include_url=False):
        location = [str(part) for part in entry["loc"]]
        path = prefix + ".".join(location) if location else prefix.rstrip(".")
        if entry["type"] == "extra_forbidden":
            near = difflib.get_close_matches(location[-1], _keys_at(model, location[:-1]), n=1)
            found.append(ConfigProblem(path, "is not a key", f"did you mean {near[0]}?" if near else ""))
        else:
            found.append(ConfigProblem(path, entry["msg"].removeprefix("Value error, ")))
    return found


def _keys_at(model: type[BaseModel], location: list[str]) -> list[str]:
    for step in location:
        field = model.model_fields.get(step)
        inner = _model(field.annotation) if field else None
        if inner is None:
            return []
        model = inner
    return list(model.model_fields)
