"""What a reload would do: the settings in force against new ones. Pure; what each setting needs, it says itself (`effect`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from pydantic import BaseModel

from directdnsonly.config import rules
from directdnsonly.config.settings import Settings, section_of
from directdnsonly.effect import Effect, effect_of
from directdnsonly.errors import ConfigProblem

BACKENDS: Final = "dns.backends"
NAMED_BY: Final = ("name", "hostname")  # of a list of models: what people know each by


class What(StrEnum):
    """What became of a key."""

    CHANGED = "changed"
    ADDED = "added"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Change:
    """One key, or one entry of a list by its name. Never a value: it may be a secret."""

    path: str  # as in the configuration: app.takeover, app.credentials.da7, dns.backends.ns2
    what: What = What.CHANGED

    def __str__(self) -> str:
        """For people."""
        return self.path if self.what is What.CHANGED else f"{self.path} ({self.what})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a reload applies, and what it leaves as it is until a restart. `result`: the settings that are then in force."""

    changed: tuple[Change, ...]
    needs_restart: tuple[Change, ...]
    result: Settings

    def touches(self, *beginnings: str) -> bool:
        """Whether anything at or below one of these keys is applied."""
        return any(_is_below(one.path, beginning) for one in self.changed for beginning in beginnings)


def plan(old: Settings, new: Settings) -> Plan:
    """What changes from `old`, which is in force, to `new`."""
    changed: list[Change] = []
    waiting: list[Change] = []
    result = _section(old, new, "", changed, waiting)
    backends = _backends(old.dns.backends, new.dns.backends, changed, waiting)
    whole = result.completed(
        backends=backends, source_file=new.source_file, notes=new.notes, starter=new.starter
    )  # fmt: skip
    return Plan(changed=tuple(changed), needs_restart=tuple(waiting), result=whole)


def misfits(found: Plan) -> list[ConfigProblem]:
    """What is wrong with the mixture of what is applied and what waits for a restart. Each half is right by itself."""
    if not found.needs_restart:
        return []
    app, enabled = found.result.app, found.result.enabled_backends()
    told = [*rules.door(app), *rules.credentials(app), *rules.apart(enabled, app)]
    waiting = ", ".join(one.path for one in found.needs_restart)
    return [ConfigProblem(one.path, one.problem, f"as long as {waiting} waits for a restart") for one in told]


def _section(old: Any, new: Any, path: str, changed: list[Change], waiting: list[Change]) -> Any:
    """The section that is in force then. `old` and `new` are of one model."""
    taken: dict[str, Any] = {}
    for name, field in type(new).model_fields.items():
        key = f"{path}{name}"
        before, after = getattr(old, name), getattr(new, name)
        if key == BACKENDS or before == after:
            continue
        if section_of(field.annotation) is not None:
            taken[name] = _section(before, after, f"{key}.", changed, waiting)
        elif _needs_restart(effect_of(field), before, after):
            waiting.append(Change(path=key))
            taken[name] = before
        else:
            changed += _changes(key, before, after)
    return new.model_copy(update=taken)


def _needs_restart(effect: Effect, before: Any, after: Any, *, is_bundled: bool = False) -> bool:
    match effect:
        case Effect.RESTART:
            return True
        case Effect.SWITCH:
            return (before is None) is not (after is None)
        case Effect.BUNDLED:
            return is_bundled
    return False


def _backends(
    old: Mapping[str, Any], new: Mapping[str, Any], changed: list[Change], waiting: list[Change]
) -> dict[str, Any]:
    """The backends that are in force then."""
    result = dict(new)
    for name in (*new, *(gone for gone in old if gone not in new)):
        path = f"{BACKENDS}.{name}"
        before, after = _enabled(old.get(name)), _enabled(new.get(name))
        if before is None and after is None:
            continue
        if before is None or after is None:
            changed.append(Change(path=path, what=What.ADDED if before is None else What.REMOVED))
        else:
            result[name] = _one_backend(before, after, path, changed, waiting)
    return result


def _enabled(backend: Any) -> Any:
    """One that is not enabled is as good as none."""
    return backend if backend is not None and backend.enabled else None


def _one_backend(old: Any, new: Any, path: str, changed: list[Change], waiting: list[Change]) -> Any:
    """A backend that stays. Where we begin or end to run its name server, all of it waits: that is another name server."""
    keys = [*dict.fromkeys((*type(old).model_fields, *type(new).model_fields))]
    differing = [key for key in keys if getattr(old, key, None) != getattr(new, key, None)]
    if not differing:
        return new
    bundled = (old.is_managed, new.is_managed)
    if any(bundled) and (not all(bundled) or old.type != new.type):
        waiting += [Change(path=f"{path}.{key}") for key in differing]
        return old
    taken: dict[str, Any] = {}
    for key in differing:
        field = type(new).model_fields.get(key) or type(old).model_fields[key]
        if _needs_restart(effect_of(field), None, None, is_bundled=all(bundled)):
            waiting.append(Change(path=f"{path}.{key}"))
            taken[key] = getattr(old, key)
        else:
            changed.append(Change(path=f"{path}.{key}"))
    return new.model_copy(update=taken)


def _changes(key: str, before: Any, after: Any) -> Iterator[Change]:
    """A key; of a list of things that have names, each of those."""
    first, second = _by_name(before), _by_name(after)
    if first is None or second is None:
        yield Change(path=key)
        return
    for name in (*first, *(new for new in second if new not in first)):
        if name not in second:
            yield Change(path=f"{key}.{name}", what=What.REMOVED)
        elif name not in first:
            yield Change(path=f"{key}.{name}", what=What.ADDED)
        elif first[name] != second[name]:
            yield Change(path=f"{key}.{name}")
    if list(first) != list(second) and first == second:
        yield Change(path=key)  # their order


def _by_name(values: Any) -> dict[str, Any] | None:
    if not isinstance(values, Sequence) or isinstance(values, str):
        return None
    found: dict[str, Any] = {}
    for value in values:
        label = next((key for key in NAMED_BY if isinstance(value, BaseModel) and key in type(value).model_fields), "")
        if not label:
            return None
        found[str(getattr(value, label))] = value
    return found


def _is_below(path: str, beginning: str) -> bool:
    return path == beginning or path.startswith(f"{beginning}.")
