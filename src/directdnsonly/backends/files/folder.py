"""Zone files: replaced atomically, marked with their version, never outside their folder. Blocking; call in a thread.

A file can always be written again from the store, so that no fsync is needed: a file torn by a power loss lacks its
last line and is found by `read_trailer` at start.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import stat
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from directdnsonly.backends.contract import ZoneObserved
from directdnsonly.backends.files.faults import concerns_one_path
from directdnsonly.errors import NameRefused
from directdnsonly.zone.model import Record
from directdnsonly.zone.name import CUT, ZoneName
from directdnsonly.zone.text import records_of

SUFFIX = ".db"
_TRAILER = re.compile(rb"; directdnsonly version=(\d+) serial=(\d+) records=(\d+) end\n\Z")
_TRAILER_OCTETS = 120
_HEAD_OCTETS = 300
# Descriptors, not `Path`: these calls are a seventh of what a change costs us. Without O_NONBLOCK a pipe in the place of a
# file would hang us for ever.
_TO_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
_TO_WRITE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True, kw_only=True)
class Trailer:
    """The last line of one of our files: version, serial and number of records."""

    version: int
    serial: int
    records: int


class ZoneFolder:
    """The folder of one backend's zone files. An OSError of one zone's path: see `concerns_one_path`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._prefix = f"{folder}/"
        self._newest_ns = 0
        self._stamping = threading.Lock()

    @property
    def folder(self) -> Path:
        """The folder's path."""
        return self._folder

    def path(self, name: ZoneName) -> Path:
        """The file of a zone; the name has no folder parts (ZoneName.file_stem)."""
        return Path(self._at(name))

    def _at(self, name: ZoneName) -> str:
        return f"{self._prefix}{name.file_stem}{SUFFIX}"

    def _temporary(self, name: ZoneName) -> str:
        return f"{self._prefix}.{name.file_stem}.tmp"

    def write(self, name: ZoneName, text: str, *, version: int, serial: int, records: int) -> None:
        """Replace the file in one step, with a modification time later than any before.

        named compares modification times and does not read a file again that is not newer (docs/backends/bind.md).
        """
        trailer = f"; directdnsonly version={version} serial={serial} records={records} end\n"
        self._replace(name, (text + trailer).encode("ascii"))

    def _replace(self, name: ZoneName, content: bytes) -> None:
        temporary = self._temporary(name)
        later = self._later_ns()
        try:
            file = os.open(temporary, _TO_WRITE, 0o644)
            try:
                left = memoryview(content)
                while left:
                    left = left[os.write(file, left) :]
                os.fchmod(file, 0o644)  # whatever the umask
                os.utime(file, ns=(later, later))
            finally:
                os.close(file)
            os.rename(temporary, self._at(name))  # noqa: PTH104 - see _TO_READ
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(temporary)  # noqa: PTH108 - as above
            raise

    def _later_ns(self) -> int:
        """A time later than any that was given before, also when threads ask at once or the clock goes back."""
        with self._stamping:
            self._newest_ns = max(time.time_ns(), self._newest_ns + 1)
            return self._newest_ns

    def read(self, name: ZoneName) -> bytes | None:
        """The content of the file; None if absent."""
        try:
            with _opened(self._at(name)) as (file, size):
                parts = []
                while part := os.read(file, size + 1):
                    parts.append(part)
                return b"".join(parts)
        except FileNotFoundError:
            return None

    def put_back(self, name: ZoneName, content: bytes | None) -> None:
        """Undo a write: the content it replaced, or no file."""
        if content is None:
            self.remove(name)
        else:
            self._replace(name, content)

    def remove(self, name: ZoneName) -> None:
        """Delete the file; absent already is fine, and so is a directory: no name server reads a zone from one."""
        with contextlib.suppress(FileNotFoundError, IsADirectoryError):
            os.unlink(self._at(name))  # noqa: PTH108 - see _TO_READ

    def trailer(self, name: ZoneName) -> Trailer | None:
        """The file's last line; None if the file is absent, torn, unreadable, or not ours."""
        try:
            with _opened(self._at(name)) as (file, size):
                tail = os.pread(file, _TRAILER_OCTETS, max(size - _TRAILER_OCTETS, 0))
        except FileNotFoundError:
            return None
        except OSError as error:
            if concerns_one_path(error, self._folder):
                return None
            raise
        found = _TRAILER.search(tail)
        if found is None:
            return None
        version, serial, records = (int(number) for number in found.groups())
        return Trailer(version=version, serial=serial, records=records)

    def is_foreign(self, name: ZoneName) -> bool:
        """Whether somebody else wrote the file: it has neither our last line nor, torn, our first ones."""
        if self.trailer(name) is not None:
            return False
        try:
            with _opened(self._at(name)) as (file, _):
                head = os.read(file, _HEAD_OCTETS).decode("ascii", "replace")
        except OSError:
            return False  # absent, or no file that a name server could read
        ours = f"$ORIGIN {name.absolute}\n$TTL "
        return not (head.startswith(ours) or ours.startswith(head))

    def observe_all(self, names: Sequence[ZoneName]) -> list[ZoneObserved | None]:
        """What the files of these zones say of themselves; None where there is none."""
        return [self._observe(name) for name in names]

    def _observe(self, name: ZoneName) -> ZoneObserved | None:
        trailer = self.trailer(name)
        if trailer is not None:
            return ZoneObserved(name=name, serial=trailer.serial, records=trailer.records, version=trailer.version)
        return ZoneObserved(name=name, whole=False) if os.path.lexists(self._at(name)) else None

    def records(self, name: ZoneName) -> list[Record] | None:
        """The records of a zone's file; None when there is none or it is not in our form."""
        if self.trailer(name) is None or (content := self.read(name)) is None:
            return None
        return list(records_of(content.decode("ascii")))

    def all_names(self) -> list[ZoneName]:
        """The zones that have a file here; none when the folder is absent."""
        return list(self.names()) if self._folder.exists() else []

    def is_bare(self) -> bool:
        """Whether no zone has a file here."""
        return not self._folder.exists() or next(self.names(), None) is None

    def names(self) -> Iterator[ZoneName]:
        """The zones that have a file here; foreign files are passed over, and directories, which we cannot remove."""
        with os.scandir(self._folder) as entries:
            for entry in entries:
                if entry.name.endswith(SUFFIX) and _may_be_ours(entry):
                    with contextlib.suppress(NameRefused):
                        yield self._name_of(entry.name.removesuffix(SUFFIX))

    def _name_of(self, stem: str) -> ZoneName:
        """The zone of a file; a cut stem does not tell it, the file's first line does."""
        if CUT not in stem:
            return ZoneName.from_file_stem(stem)
        try:
            with _opened(f"{self._prefix}{stem}{SUFFIX}") as (file, _):
                line = os.read(file, 300).split(b"\n", 1)[0]
        except OSError as error:
            if isinstance(error, FileNotFoundError) or concerns_one_path(error, self._folder):
                raise NameRefused(f"{stem} cannot be read, which would tell its zone", rule="name-file") from error
            raise
        name = ZoneName.parse(line.decode("ascii", "replace").removeprefix("$ORIGIN ").strip())
        if name.file_stem != stem:
            raise NameRefused(f"{stem} does not hold the zone of its name", rule="name-file")
        return name


class NamedFolder(ZoneFolder):
    """Files named exactly as their zones, for name servers that take the origin from the file's name.

    A name of 253 octets fits; one with a slash (RFC 2317) has no such file.
    """

    def _at(self, name: ZoneName) -> str:
        """Raises ValueError when no file can have that name."""
        if "/" in name:
            raise ValueError(f"no file can be named {name}")
        return self._prefix + name

    def _temporary(self, name: ZoneName) -> str:
        return f"{self._prefix}.{hashlib.sha256(name.encode('ascii')).hexdigest()[:32]}.tmp"

    def observe_all(self, names: Sequence[ZoneName]) -> list[ZoneObserved | None]:
        """What the files of these zones say of themselves; None where there is none."""
        return [self._observe(name) if "/" not in name else None for name in names]

    def names(self) -> Iterator[ZoneName]:
        """The zones that have a file here; foreign files are passed over, and directories, which we cannot remove."""
        with os.scandir(self._folder) as entries:
            for entry in entries:
                if _may_be_ours(entry):
                    with contextlib.suppress(NameRefused):
                        if (name := ZoneName.parse(entry.name)) == entry.name:
                            yield name


def _may_be_ours(entry: os.DirEntry[str]) -> bool:
    return not entry.name.startswith(".") and not entry.is_dir(follow_symlinks=False)


@contextlib.contextmanager
def _opened(path: str) -> Iterator[tuple[int, int]]:
    """The descriptor of a plain file, to be read, and its size. Raises OSError, also where something else is there."""
    file = os.open(path, _TO_READ)
    try:
        about = os.fstat(file)
        if not stat.S_ISREG(about.st_mode):
            number = errno.EISDIR if stat.S_ISDIR(about.st_mode) else errno.ENXIO
            raise OSError(number, os.strerror(number), path)
        yield file, about.st_size
    finally:
        os.close(file)
