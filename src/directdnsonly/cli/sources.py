"""Where zones can be imported from: a folder, a named.conf, the original's database. Reads, changes nothing."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from directdnsonly.errors import DirectDNSOnlyError

SUFFIXES = (".db", ".zone", ".txt")
DEEPEST_INCLUDE = 16
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{};]|[^\s{};"]+')
_COMMENT = re.compile(r'("(?:[^"\\]|\\.)*")|/\*.*?\*/|//[^\n]*|#[^\n]*', re.DOTALL)


class NothingToImport(DirectDNSOnlyError):
    """The source cannot be read, or holds no zone; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One zone of a source: its name, where its text is, and whose it was."""

    zone: str
    file: Path | None = None
    text: bytes = b""
    hostname: str = ""
    username: str = ""

    def read(self) -> bytes:
        """The zone file. Raises OSError."""
        return self.text if self.file is None else self.file.read_bytes()


def zones_in(source: Path) -> list[Found]:
    """Every zone of the source, by name, each once. Raises NothingToImport."""
    try:
        if source.is_dir():
            found = list(_in_folder(source))
        elif source.read_bytes()[:16] == b"SQLite format 3\0":
            found = list(_in_database(source))
        else:
            found = list(_in_named_conf(source, _Folder(source.parent), depth=0))
    except (OSError, UnicodeDecodeError, sqlite3.Error) as error:
        raise NothingToImport(f"{source} cannot be read: {error}") from error
    unique = {each.zone.rstrip(".").lower(): each for each in found}
    if not unique:
        raise NothingToImport(f"{source} holds no zone: give a folder of zone files, a named.conf, or directdnsonly.db")
    return [unique[name] for name in sorted(unique)]


def _in_folder(folder: Path) -> Iterator[Found]:
    for file in sorted(folder.iterdir()):
        suffix = next((one for one in SUFFIXES if file.name.endswith(one)), "")
        if suffix and file.is_file():
            yield Found(zone=file.name.removesuffix(suffix), file=file)


def _in_database(file: Path) -> Iterator[Found]:
    """The original keeps the text of each zone in a table with the columns `domain` and `zone_data`."""
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"):
            quoted = table.replace('"', '""')
            columns = {row[1] for row in connection.execute(f'PRAGMA table_info("{quoted}")')}
            if not {"domain", "zone_data"} <= columns:
                continue
            whose = [column if column in columns else "''" for column in ("hostname", "username")]
            rows = connection.execute(f'SELECT domain, zone_data, {", ".join(whose)} FROM "{quoted}" ORDER BY domain')
            for domain, text, hostname, username in rows:
                if domain and text:
                    octets = text if isinstance(text, bytes) else str(text).encode()
                    yield Found(zone=domain, text=octets, hostname=hostname or "", username=username or "")


@dataclass(slots=True)
class _Folder:
    """Where relative files are: `directory` of the options, for zones of every file that is included."""

    of_files: Path


def _in_named_conf(file: Path, folder: _Folder, *, depth: int) -> Iterator[Found]:
    """Primary zones with their files; `directory` and `include` are followed."""
    if depth > DEEPEST_INCLUDE:
        raise NothingToImport(f"{file}: includes are nested deeper than {DEEPEST_INCLUDE}")
    words = _TOKEN.findall(_COMMENT.sub(lambda found: found[1] or " ", file.read_text(encoding="utf-8")))
    for statement in _statements(words):
        match statement[0]:
            case "include" if len(statement) > 1:
                yield from _in_named_conf(file.parent / _bare(statement[1]), folder, depth=depth + 1)
            case "options":
                place = _value(statement, "directory")
                folder.of_files = folder.of_files / place if place else folder.of_files
            case "view":
                inner = statement[statement.index("{") + 1 : -1] if "{" in statement else []
                for below in _statements(inner):
                    yield from _zone(below, folder.of_files)
            case "zone":
                yield from _zone(statement, folder.of_files)


def _zone(statement: list[str], folder: Path) -> Iterator[Found]:
    kind, place = _value(statement, "type"), _value(statement, "file")
    if statement[0] == "zone" and len(statement) > 1 and kind in ("master", "primary") and place:
        yield Found(zone=_bare(statement[1]), file=folder / place)


def _statements(words: list[str]) -> Iterator[list[str]]:
    """Top-level statements, each with what its braces hold, without the last semicolon."""
    current: list[str] = []
    depth = 0
    for word in words:
        if word == ";" and depth == 0:
            if current:
                yield current
            current = []
            continue
        depth += (word == "{") - (word == "}")
        current.append(word)


def _value(statement: list[str], key: str) -> str:
    """The value of `key value;` directly inside of the statement's braces."""
    depth = 0
    for number, word in enumerate(statement[:-1]):
        depth += (word == "{") - (word == "}")
        if depth == 1 and word == key and statement[number - 1] in ("{", ";", "}"):
            return _bare(statement[number + 1])
    return ""


def _bare(word: str) -> str:
    return re.sub(r"\\(.)", r"\1", word[1:-1]) if word.startswith('"') else word
