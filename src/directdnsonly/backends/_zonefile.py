"""Zone files: written whole, carrying their version, never outside their folder. Blocking; call in a thread.

A file can always be written again from the store, so that no fsync is needed: a file torn by a power loss lacks its
last line and is found by `read_trailer` at start.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from directdnsonly.backends.contract import ZoneObserved
from directdnsonly.errors import NameRefused
from directdnsonly.zone.model import Record
from directdnsonly.zone.name import CUT, ZoneName
from directdnsonly.zone.text import records_of

SUFFIX = ".db"
_TRAILER = re.compile(rb"; directdnsonly version=(\d+) serial=(\d+) records=(\d+) end\n\Z")
_TRAILER_OCTETS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Trailer:
    """What the last line of one of our files says."""

    version: int
    serial: int
    records: int


class ZoneFolder:
    """The folder of one backend's zone files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._newest_ns = 0
        self._stamping = threading.Lock()

    @property
    def folder(self) -> Path:
        """Where the files are."""
        return self._folder

    def path(self, name: ZoneName) -> Path:
        """The file of a zone; the name has no folder parts (ZoneName.file_stem)."""
        return self._folder / (name.file_stem + SUFFIX)

    def _temporary(self, name: ZoneName) -> Path:
        return self._folder / f".{name.file_stem}.tmp"

    def write(self, name: ZoneName, text: str, *, version: int, serial: int, records: int) -> None:
        """Replace the file in one step, with a modification time later than any before.

        named compares the times and ignores a file that is not newer (daemons.md, BIND gotcha 3).
        """
        path = self.path(name)
        temporary = self._temporary(name)
        trailer = f"; directdnsonly version={version} serial={serial} records={records} end\n"
        with temporary.open("wb") as file:
            file.write(text.encode("ascii"))
            file.write(trailer.encode("ascii"))
            os.fchmod(file.fileno(), 0o644)
        later = self._later_ns()
        os.utime(temporary, ns=(later, later))
        temporary.replace(path)

    def _later_ns(self) -> int:
        """A time later than any that was given before, also when threads ask at once or the clock goes back."""
        with self._stamping:
            self._newest_ns = max(time.time_ns(), self._newest_ns + 1)
            return self._newest_ns

    def read(self, name: ZoneName) -> bytes | None:
        """The whole file; None when absent."""
        try:
            return self.path(name).read_bytes()
        except FileNotFoundError:
            return None

    def put_back(self, name: ZoneName, content: bytes | None) -> None:
        """Undo a write: the content it replaced, or no file."""
        if content is None:
            self.remove(name)
            return
        temporary = self._temporary(name)
        temporary.write_bytes(content)
        temporary.chmod(0o644)
        later = self._later_ns()
        os.utime(temporary, ns=(later, later))
        temporary.replace(self.path(name))

    def remove(self, name: ZoneName) -> None:
        """Delete the file; absent already is fine."""
        with contextlib.suppress(FileNotFoundError):
            self.path(name).unlink()

    def trailer(self, name: ZoneName) -> Trailer | None:
        """What the file says of itself; None when it is absent, torn, or not ours."""
        try:
            with self.path(name).open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(size - _TRAILER_OCTETS, 0))
                tail = file.read()
        except OSError:
            return None
        found = _TRAILER.search(tail)
        if found is None:
            return None
        version, serial, records = (int(number) for number in found.groups())
        return Trailer(version=version, serial=serial, records=records)

    def observe_all(self, names: Sequence[ZoneName]) -> list[ZoneObserved | None]:
        """What the files of these zones say of themselves; None where there is none."""
        return [self._observe(name) for name in names]

    def _observe(self, name: ZoneName) -> ZoneObserved | None:
        trailer = self.trailer(name)
        if trailer is not None:
            return ZoneObserved(name=name, serial=trailer.serial, records=trailer.records, version=trailer.version)
        return ZoneObserved(name=name, whole=False) if self.path(name).exists() else None

    def records(self, name: ZoneName) -> list[Record] | None:
        """The records of a zone's file; None when there is none or it is not in our form."""
        content = self.read(name)
        if content is None or self.trailer(name) is None:
            return None
        return list(records_of(content.decode("ascii")))

    def all_names(self) -> list[ZoneName]:
        """The zones that have a file here; none when the folder is absent."""
        return list(self.names()) if self._folder.exists() else []

    def names(self) -> Iterator[ZoneName]:
        """The zones that have a file here; foreign files are passed over."""
        with os.scandir(self._folder) as entries:
            for entry in entries:
                if entry.name.endswith(SUFFIX) and not entry.name.startswith("."):
                    with contextlib.suppress(NameRefused, OSError):
                        yield self._name_of(entry.name.removesuffix(SUFFIX))

    def _name_of(self, stem: str) -> ZoneName:
        """The zone of a file; a cut stem does not tell it, the file's first line does."""
        if CUT not in stem:
            return ZoneName.from_file_stem(stem)
        with (self._folder / (stem + SUFFIX)).open("rb") as file:
            name = ZoneName.parse(file.readline(300).decode("ascii", "replace").removeprefix("$ORIGIN ").strip())
        if name.file_stem != stem:
            raise NameRefused(f"{stem} does not hold the zone of its name", rule="name-file")
        return name


class NamedFolder(ZoneFolder):
    """Files named as their zones and nothing else, for name servers that take the origin from the file's name.

    A name of 253 octets fits; one with a slash (RFC 2317) has no such file.
    """

    def path(self, name: ZoneName) -> Path:
        """The file of a zone. Raises ValueError when no file can have that name."""
        if "/" in name:
            raise ValueError(f"no file can be named {name}")
        return self._folder / name

    def _temporary(self, name: ZoneName) -> Path:
        return self._folder / f".{hashlib.sha256(name.encode('ascii')).hexdigest()[:32]}.tmp"

    def observe_all(self, names: Sequence[ZoneName]) -> list[ZoneObserved | None]:
        """See ZoneFolder."""
        return [self._observe(name) if "/" not in name else None for name in names]

    def names(self) -> Iterator[ZoneName]:
        """See ZoneFolder."""
        with os.scandir(self._folder) as entries:
            for entry in entries:
                if not entry.name.startswith("."):
                    with contextlib.suppress(NameRefused):
                        if (name := ZoneName.parse(entry.name)) == entry.name:
                            yield name
