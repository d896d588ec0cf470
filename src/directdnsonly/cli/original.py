"""Import from the original directdnsonly: zones and owners from its database, zone names from its queues. Read-only."""

from __future__ import annotations

import pickletools
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from directdnsonly.cli.sources import Found, Left, NothingToImport, Source, only_once

MAGIC: Final = b"SQLite format 3\0"
COLUMNS: Final = ("domain", "hostname", "username", "zone_data")
NO_TABLE: Final = "is not a database of the original: it has no table domains"
LOCKED_S: Final = 2.0  # it writes for milliseconds; whoever holds the lock longer is no passing write
BESIDE: Final = ("-journal", "-wal")  # SQLite's files of a write that did not end
NO_TEXT: Final = "the original never stored its text: have DirectAdmin push it"
NUMBERS: Final = frozenset({"BININT", "BININT1", "BININT2", "INT", "LONG", "LONG1", "LONG4"})  # of pickletools
CUT: Final = "its text was cut at the {} octets that the column holds: have DirectAdmin push it"
DELETE_WAITS: Final = "its delete was answered OK but is still in the original's queue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Names of the zones whose newest push or delete was answered OK but never carried out."""

    saves: tuple[str, ...] = ()
    deletes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the original's table `domains`."""

    domain: str
    hostname: str
    username: str
    text: bytes


def is_database(file: Path) -> bool:
    """Whether the file begins like an SQLite database; False if it cannot be read."""
    try:
        return file.is_file() and _magic(file) == MAGIC
    except OSError:
        return False


def _magic(file: Path) -> bytes:
    with file.open("rb") as handle:
        return handle.read(len(MAGIC))


def zones_of(file: Path, *, zone_files: Path | None = None, waiting: Waiting | None = None) -> Source:
    """Every zone of the database. `zone_files`: folder of the texts that the database lacks. Raises NothingToImport.

    A file that is damaged anywhere yields nothing, because missing zones would go unnoticed.
    """
    if file.exists() and not file.is_file():
        raise NothingToImport(f"{file} is not a file: give the database, directdnsonly.db")
    try:
        rows = _rows(file)
    except OSError as error:
        raise NothingToImport(f"{file} cannot be read: {error.strerror or error}") from error
    except sqlite3.Error as error:
        raise NothingToImport(f"{file} {_why(error)}") from error
    return taken(rows, str(file), zone_files=zone_files, waiting=waiting)


def taken(
    rows: Sequence[Row], where: str, *, zone_files: Path | None, waiting: Waiting | None, longest: int = 0
) -> Source:
    """The zones of these rows. `longest`: octets at which that database cut texts. Raises NothingToImport if there is no row."""
    if not rows:
        raise NothingToImport(f"{where} holds no zones: its table domains is empty")
    waiting = waiting or Waiting()
    gone = set(waiting.deletes) - set(waiting.saves)
    return only_once([_zone(row, zone_files, gone, longest) for row in rows])


def _zone(row: Row, zone_files: Path | None, gone: set[str], longest: int) -> Found | Left:
    place = f"{row.domain or 'a row without a name'} in the database"
    if _normal(row.domain) in gone:
        return Left(place=place, reason=DELETE_WAITS, wrong=False)
    file = zone_files / f"{row.domain}.db" if zone_files and "/" not in row.domain else None
    whole = not longest or len(row.text) < longest
    if row.domain and row.text.strip() and whole:
        return Found(zone=row.domain, text=row.text, hostname=row.hostname, username=row.username)
    if row.domain and file is not None and file.is_file():
        return Found(zone=row.domain, file=file, hostname=row.hostname, username=row.username)
    return Left(place=place, reason=NO_TEXT if whole else CUT.format(longest))


def _rows(file: Path) -> list[Row]:
    """Raises OSError, sqlite3.Error, NothingToImport."""
    if _magic(file) != MAGIC:
        raise NothingToImport(f"{file} is not an SQLite database")
    try:
        return _read(file, f"{file.absolute().as_uri()}?mode=ro")
    except sqlite3.OperationalError as error:
        if not _needs_recovery(file, error):
            raise
    with tempfile.TemporaryDirectory(prefix="dadns-import-") as folder:
        for name in (file.name, *(f"{file.name}{end}" for end in BESIDE)):
            with suppress(FileNotFoundError):
                shutil.copyfile(file.with_name(name), Path(folder, name))
        return _read(file, str(Path(folder, file.name)))


def _needs_recovery(file: Path, error: sqlite3.OperationalError) -> bool:
    """Whether an unfinished write must be rolled back first, which SQLite does not do with read-only access."""
    cannot = getattr(error, "sqlite_errorname", "").startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN"))
    return cannot and any(file.with_name(f"{file.name}{end}").exists() for end in BESIDE)


def _read(file: Path, where: str) -> list[Row]:
    with closing(sqlite3.connect(where, uri=where.startswith("file:"), timeout=LOCKED_S)) as connection:
        connection.text_factory = bytes
        verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if verdict != b"ok":
            raise sqlite3.DatabaseError(verdict.decode(errors="replace"))
        columns = {row[1].decode() for row in connection.execute("PRAGMA table_info(domains)")}
        if "domain" not in columns:
            raise NothingToImport(f"{file} {NO_TABLE}")
        asked = [key if key in columns else "NULL" for key in COLUMNS]
        found = connection.execute(f"SELECT {', '.join(asked)} FROM domains ORDER BY domain")
        return [row_of(*row) for row in found]


def row_of(domain: object, hostname: object, username: object, text: object) -> Row:
    """A Row from the values of a database, in the order of COLUMNS."""
    return Row(_text(domain), _text(hostname), _text(username), _octets(text))


def _octets(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value if value is not None else "").encode()


def _text(value: object) -> str:
    return _octets(value).decode(errors="replace").strip()


def _why(error: sqlite3.Error) -> str:
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return "is locked by another program: stop the original first"
    if name.startswith("SQLITE_CANTOPEN"):
        return f"cannot be read: {error}"
    return f"is damaged, so nothing is imported from it: {error}"


def waiting_in(folder: Path) -> Waiting:
    """The zones in the queues below `queue_location`. They are pickles: scanned, never loaded."""
    saves = {*_names(folder / "save"), *_names(folder / "retry")}
    return Waiting(saves=tuple(sorted(saves)), deletes=tuple(sorted(set(_names(folder / "delete")))))


def _names(queue: Path) -> Iterator[str]:
    """The zones of one queue from its last read position on; of all its files if the position is unknown."""
    first, offset = _position(queue / "info")
    for file in sorted(queue.glob("q[0-9]*")) if queue.is_dir() else ():
        number = int(file.name[1:]) if file.name[1:].isdigit() else first
        if number >= first:
            with suppress(OSError), file.open("rb") as octets:
                octets.seek(offset if number == first else 0)
                yield from _domains(octets)


def _position(info: Path) -> tuple[int, int]:
    """The read position, as file number and octets. The list after the word `tail` has other items in between."""
    numbers: list[int] = []
    with suppress(OSError, ValueError), info.open("rb") as octets:
        in_tail = False
        for opcode, argument, _ in pickletools.genops(octets):
            if isinstance(argument, str):
                in_tail = argument == "tail"
            elif in_tail and opcode.name in NUMBERS and isinstance(argument, int):
                numbers.append(argument)
    return (numbers[0], numbers[2]) if len(numbers) == 3 else (0, 0)  # noqa: PLR2004 - see above


def _domains(octets: BinaryIO) -> Iterator[str]:
    """The value after the word `domain` in each pickle, up to the end of the file or a torn pickle."""
    with suppress(ValueError):
        while True:
            follows = False
            for _, argument, _ in pickletools.genops(octets):
                if isinstance(argument, str):
                    if follows:
                        yield _normal(argument)
                    follows = argument == "domain" and not follows


def _normal(name: str) -> str:
    return name.strip().rstrip(".").lower()
