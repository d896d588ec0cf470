"""`dadns check --against`: which of our zones another version of a name server would refuse to load."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final

from directdnsonly.backends.newer import RELEASES, Judge, Rule, Version, title_of
from directdnsonly.cli.findings import Finding
from directdnsonly.cli.stopped import stopped_store
from directdnsonly.config import Settings
from directdnsonly.errors import OutboxUnavailable
from directdnsonly.outbox.store.stopped import StoppedStore
from directdnsonly.wording import counted

SHOWN: Final = 20  # names; all of them are in the JSON
_NEWEST: Final = RELEASES["debian-14"]


def against(settings: Settings, versions: Mapping[str, Version]) -> Iterator[Finding]:
    """For each backend of these types, every reason why zones would not load, with the zones; or that all load."""
    concerned = {name: backend for name, backend in settings.enabled_backends().items() if backend.type in versions}
    titles = " and ".join(title_of(kind, version) for kind, version in versions.items())
    if not concerned:
        yield Finding(True, f"no backend here is of a type that {titles} could replace", "against")
        return
    try:
        found, count = _by_rule(stopped_store(settings), {kind: versions[kind] for kind in versions})
    except OutboxUnavailable as error:
        yield Finding(False, f"store: {settings.store_folder} cannot be read ({error})", "against")
        return
    for name, backend in concerned.items():
        title = title_of(backend.type, versions[backend.type])
        lost = {rule: zones for (kind, rule), zones in found.items() if kind == backend.type}
        if not lost:
            yield Finding(
                True, f"{name}: {title} loads {counted(count, 'zone', 'zones')}, as far as we know", f"{name}: against"
            )
        for rule, zones in lost.items():
            yield _told(name, title, rule, tuple(zones), is_managed=backend.is_managed)


def newer_versions(name: str, kind: str, store: StoppedStore) -> Iterator[Finding]:
    """One line if an external name server would stop loading some of our zones after an upgrade."""
    if kind not in _NEWEST:
        return
    try:
        found, _ = _by_rule(store, {kind: _NEWEST[kind]})
    except OutboxUnavailable:
        return  # no store yet
    if zones := {zone for several in found.values() for zone in several}:
        title = title_of(kind, _NEWEST[kind][:2])
        told = (
            f"{name}: {counted(len(zones), 'zone is', 'zones are')} not loaded by {title},"
            f" unless an option allows them or they are corrected: dadns check --against {title.lower().replace(' ', '-')} names them"
        )
        yield Finding(True, told, f"{name}: newer versions", tuple(sorted(zones)))


def _by_rule(store: StoppedStore, versions: Mapping[str, Version]) -> tuple[dict[tuple[str, Rule], list[str]], int]:
    """The zones that each rule matches, by type of name server, and how many zones were examined."""
    judges = {kind: Judge({kind: version}) for kind, version in versions.items()}
    found: dict[tuple[str, Rule], list[str]] = defaultdict(list)
    count = 0
    for zone, text in store.texts():
        count += 1
        for kind, judge in judges.items():
            for rule in judge.rules_for(text):
                found[kind, rule].append(zone)
    return found, count


def _told(name: str, title: str, rule: Rule, zones: tuple[str, ...], *, is_managed: bool) -> Finding:
    shown = ", ".join(zones[:SHOWN]) + (f" and {len(zones) - SHOWN} more (--json)" if len(zones) > SHOWN else "")
    what = f"{counted(len(zones), 'zone has', 'zones have')} {rule.what}: {shown}"
    if is_managed and rule.option:
        return Finding(True, f"{name}: {what}; a bundled {title} is configured to load them", f"{name}: against", zones)
    cure = f"add `{rule.option}` to its options, or correct them" if rule.option else "correct them"
    return Finding(
        False, f"{name}: {what}; {title} does not load them: {cure} before you upgrade", f"{name}: against", zones
    )
