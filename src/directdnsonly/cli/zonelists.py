"""Lists of zones to compare: a file of names, a named.conf, or the zones that we hold. Read-only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from directdnsonly.cli.client import Client, NoService, find_target, zone_path
from directdnsonly.cli.named_conf import Broken, Word, bare, statements, value_of, words_of
from directdnsonly.cli.stopped import stopped_store
from directdnsonly.config import load
from directdnsonly.errors import DirectDNSOnlyError, NameRefused, OutboxUnavailable
from directdnsonly.zone.name import ZoneName

DEEPEST_INCLUDE: Final = 16
SHOWN: Final = 5  # mistakes
SERVED: Final = ("master", "primary", "slave", "secondary", "mirror")  # types of zones that a name server answers for


class NoList(DirectDNSOnlyError):
    """There is no list of zones, or one that cannot be read; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Zones:
    """The zones and their number, each with its text or a way to get it."""

    count: int
    each: Iterator[tuple[ZoneName, str | None]]
    text_of: Callable[[ZoneName], Awaitable[str | None]] | None = None


def listed(names: list[ZoneName]) -> Zones:
    """Zones of which only the names are known."""
    return Zones(count=len(names), each=((name, None) for name in names))


def read_list(file: Path) -> list[ZoneName]:
    """The names in a file, each once: one a line (`#` and `;` begin a comment), or the zones of a named.conf. Raises NoList."""
    try:
        text = file.read_text(encoding="utf-8")
        places = list(_of_named_conf(file, text, 0) if "{" in text else _of_lines(file, text))
    except (OSError, UnicodeDecodeError) as error:
        raise NoList(f"{file} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    names: dict[ZoneName, None] = {}
    wrong: list[str] = []
    for place, name in places:
        try:
            names[ZoneName.parse(name)] = None
        except NameRefused as error:
            wrong.append(f"{place}: {error}")
    if wrong:
        more = f" (and {len(wrong) - SHOWN} more)" if len(wrong) > SHOWN else ""
        raise NoList("\n".join(wrong[:SHOWN]) + more)
    if not names:
        raise NoList(f"{file} names no zone")
    return list(names)


def _of_lines(file: Path, text: str) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        name = line.partition("#")[0].partition(";")[0].strip()
        if name:
            yield f"{file}, line {number}", name


def _of_named_conf(file: Path, text: str, depth: int) -> Iterator[tuple[str, str]]:
    """Raises NoList for what cannot be read: of a list with a hole nobody sees what lacks."""
    if depth > DEEPEST_INCLUDE:
        raise NoList(f"{file}: includes are nested deeper than {DEEPEST_INCLUDE}")
    for statement in statements(words_of(text)):
        if isinstance(statement, Broken):
            raise NoList(f"{file}, line {statement.line}: {statement.reason}")
        if statement[0] == "include" and len(statement) > 1:
            below = file.parent / bare(statement[1])
            yield from _of_named_conf(below, below.read_text(encoding="utf-8"), depth + 1)
        for zone in _zones_in(file, statement):
            if value_of(zone, "type") in SERVED and (name := bare(zone[1])) != ".":
                yield f"{file}, line {zone[0].line}", name


def _zones_in(file: Path, statement: list[Word]) -> Iterator[list[Word]]:
    if statement[0] == "zone" and len(statement) > 1:
        yield statement
    if statement[0] == "view" and "{" in statement:
        for inner in statements(statement[statement.index(Word("{")) + 1 : -1]):
            if isinstance(inner, Broken):
                raise NoList(f"{file}, line {inner.line}: {inner.reason}")
            yield from _zones_in(file, inner)


async def held(client: Client) -> Zones:
    """Every zone of the running service; texts are fetched when needed. Raises NoService, Rejected."""
    names = [ZoneName.trusted(entry["zone"]) for entry in await client.items("/api/v1/zones")]

    async def text_of(name: ZoneName) -> str | None:
        return await client.text(f"{zone_path(name)}/text")

    return Zones(count=len(names), each=((name, None) for name in names), text_of=text_of)


def stored(config: Path | None) -> Zones:
    """Every zone in the store of a stopped service. Raises NoList, ConfigError."""
    store = stopped_store(load(config))
    try:
        count = sum(1 for _ in store.texts())
    except OutboxUnavailable as error:
        raise NoList(f"no service answers, and its store cannot be read: {error}") from error
    return Zones(count=count, each=((ZoneName.trusted(name), text) for name, text in store.texts()))


async def is_there(client: Client) -> bool:
    """Whether a service answers at all. Raises NoService if it hangs or rejects our credentials."""
    try:
        await client.call("GET", "/api/v1/zones", params={"limit": 1})
    except NoService as error:
        if type(error) is NoService:
            return False
        raise
    return True


def client_of(url: str | None, config: Path | None) -> Client:
    """A client of the service. Raises ConfigError."""
    return Client(find_target(url, config))
