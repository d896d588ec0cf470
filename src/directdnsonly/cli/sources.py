"""Sources of an import: a folder of zone files, a named.conf, or the original's database. Read-only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from directdnsonly.cli.named_conf import Broken, Word, bare, statements, value_of, words_of
from directdnsonly.cli.zonefiles import NoZone, is_called_a_zone, zone_of
from directdnsonly.errors import DirectDNSOnlyError

DEEPEST_INCLUDE = 16
NO_FILE = "neither a file nor a folder: a pipe, a socket or a device"


class NothingToImport(DirectDNSOnlyError):
    """The source cannot be read, or holds no zone; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One zone of a source: its name, its text or file, and its former owner."""

    zone: str
    file: Path | None = None
    text: bytes = b""
    hostname: str = ""
    username: str = ""

    @property
    def place(self) -> str:
        """Where the zone was found, for people."""
        return str(self.file) if self.file is not None else f"{self.zone} in the database"

    def read(self) -> bytes:
        """The text of the zone file. Raises OSError."""
        return self.text if self.file is None else self.file.read_bytes()


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """Something in the source that is not imported, and why. `wrong`: it was meant to be a zone."""

    place: str
    reason: str
    wrong: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The zones that can be imported, by name and each once, and everything that was left out."""

    zones: Sequence[Found]
    left: Sequence[Left]


def zones_in(source: Path) -> Source:
    """Every zone of the source. Raises NothingToImport."""
    try:
        if source.is_dir():
            found = list(_in_folder(source))
        elif _is_pipe(source):
            raise NothingToImport(f"{source} is {NO_FILE}")
        else:
            found = list(_in_named_conf(source, _Folder(source.parent), depth=0))
    except (OSError, UnicodeDecodeError) as error:
        raise NothingToImport(f"{source} cannot be read: {error}") from error
    if not found:
        if isinstance(_of_file(source), Found):
            raise NothingToImport(f"{source} is the file of one zone: dadns push {source}")
        raise NothingToImport(
            f"{source} holds no zones: give a folder of zone files, a named.conf, or directdnsonly.db"
        )
    return only_once(found)


def _is_pipe(file: Path) -> bool:
    """Whether reading might block for ever: a pipe, a socket, a device. A path that does not exist is none."""
    return file.exists() and not file.is_file()


def only_once(found: Sequence[Found | Left]) -> Source:
    """The zones by name. If a zone has two texts, nobody knows which is right, so neither is taken."""
    left = [each for each in found if isinstance(each, Left)]
    by_name: dict[str, dict[str, Found]] = {}
    for each in found:
        if isinstance(each, Found):
            by_name.setdefault(each.zone.rstrip(".").lower(), {})[each.place] = each
    for name, places in by_name.items():
        if len(places) > 1:
            others = " and ".join(places)
            left += [
                Left(place=place, reason=f"the zone {name} is in {others}: leave only one of them") for place in places
            ]
    zones = [next(iter(places.values())) for _, places in sorted(by_name.items()) if len(places) == 1]
    return Source(zones=zones, left=sorted(left, key=lambda each: each.place))


def _in_folder(folder: Path) -> Iterator[Found | Left]:
    for file in sorted(folder.iterdir()):
        if file.is_dir():
            yield Left(place=str(file), reason="it is a folder: import it separately", wrong=False)
            continue
        yield _of_file(file)


def _of_file(file: Path, *, zone: str = "") -> Found | Left:
    """The zone in a file. `zone`: its name if the source says it; otherwise the file's content decides."""
    try:
        if _is_pipe(file):
            return Left(place=str(file), reason=f"it is {NO_FILE}", wrong=bool(zone))
        told = zone_of(file)
    except NoZone as error:
        return Left(place=str(file), reason=str(error), wrong=bool(zone) or is_called_a_zone(file.name))
    except FileNotFoundError:
        return Left(place=str(file), reason="it is a dangling link" if file.is_symlink() else "it does not exist")
    except OSError as error:
        return Left(place=str(file), reason=f"it cannot be read: {error.strerror or error}")
    return Found(zone=zone or told, file=file)


@dataclass(slots=True)
class _Folder:
    """The folder for relative paths: `directory` of the options, which also holds in included files."""

    of_files: Path


def _in_named_conf(file: Path, folder: _Folder, *, depth: int) -> Iterator[Found | Left]:
    """The primary zones of a named.conf with their files; `directory` and `include` are honoured."""
    if depth > DEEPEST_INCLUDE:
        raise NothingToImport(f"{file}: includes are nested deeper than {DEEPEST_INCLUDE}")
    for statement in statements(words_of(file.read_text(encoding="utf-8"))):
        if isinstance(statement, Broken):
            yield _left(file, statement)
            continue
        match statement[0]:
            case "include" if len(statement) > 1:
                yield from _in_named_conf(file.parent / bare(statement[1]), folder, depth=depth + 1)
            case "options":
                place = value_of(statement, "directory")
                folder.of_files = folder.of_files / place if place else folder.of_files
            case "view":
                inner = statement[statement.index(Word("{")) + 1 : -1] if "{" in statement else []
                for below in statements(inner):
                    yield from [_left(file, below)] if isinstance(below, Broken) else _zone(below, folder.of_files)
            case "zone":
                yield from _zone(statement, folder.of_files)


def _zone(statement: Sequence[str], folder: Path) -> Iterator[Found | Left]:
    if statement[0] != "zone" or len(statement) <= 1:
        return
    name, kind, place = bare(statement[1]), value_of(statement, "type"), value_of(statement, "file")
    if kind not in ("master", "primary"):
        yield Left(place=f"zone {name}", reason=f"its type is {kind or 'not given'}, not primary", wrong=False)
    elif not place:
        yield Left(place=f"zone {name}", reason="it has no file")
    else:
        yield _of_file(folder / place, zone=name)


def _left(file: Path, broken: Broken) -> Left:
    return Left(place=f"{file}, line {broken.line}", reason=broken.reason)
