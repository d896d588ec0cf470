r"""Links by which NSD finds the files of zones whose name cannot be a file name (RFC 2317 slashes, over 240 octets). Blocking.

NSD makes the path of a zone file from a pattern, `%s` being the raw name: `/` begins a folder in 4.6 to 4.12 and becomes
`\047` in 4.15. Such zones have a pattern of their own, `names/%s`, and in that folder a link for each way to write it.
"""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path

from directdnsonly.backends.files.backend import UnwritableName
from directdnsonly.zone.name import ZoneName

FOLDER = "names"


def is_odd(name: ZoneName) -> bool:
    """Whether the zone needs a link: its file is not called as NSD would call it."""
    return name.file_stem != str(name)


class NameLinks:
    """The folder of the links, inside the folder of the zone files."""

    def __init__(self, zones_dir: Path) -> None:
        self._folder = zones_dir / FOLDER

    def link(self, name: ZoneName, file: Path) -> None:
        """Let NSD find `file`. Raises UnwritableName where another zone is in the way."""
        for place in self._places(name):
            try:
                place.parent.mkdir(parents=True, exist_ok=True)
                with contextlib.suppress(FileExistsError):
                    place.symlink_to(file)
                if place.readlink() == file:
                    continue
                if place.readlink().name == file.name:  # the same zone's, of before the folder was moved
                    place.unlink()
                    place.symlink_to(file)
                    continue
            except OSError as error:
                if error.errno == errno.ENAMETOOLONG:
                    continue  # this way of writing it cannot be a file for NSD either
                if error.errno not in {errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.EINVAL}:
                    raise
            raise UnwritableName(f"NSD would read another zone's file for {name}: their names are too similar")

    def unlink(self, name: ZoneName) -> None:
        """Remove the links, and the folders that they leave empty."""
        for place in self._places(name):
            with contextlib.suppress(OSError):
                place.unlink()
                folder = place.parent
                while folder != self._folder:
                    folder.rmdir()
                    folder = folder.parent

    def _places(self, name: ZoneName) -> Iterator[Path]:
        yield self._folder / str(name)
        if "/" in name:
            yield self._folder / name.replace("/", "\\047")
