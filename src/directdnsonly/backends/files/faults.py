"""Whether an OSError at a zone file concerns one zone's path, or the folder and so every zone.

One path: that zone fails, its neighbours are delivered. The folder, the disk, our process: nothing is any zone's fault.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

# errno -> what is wrong at the path and how to cure it. Every other errno (ENOSPC, EROFS, EDQUOT, EIO, EMFILE, ESTALE
# ...) would meet the next zone just the same.
ONE_PATH = {
    errno.EISDIR: "there is a directory in its place: move the directory away",
    errno.ELOOP: "there is a symbolic link in its place, or a loop of links: remove the link",
    errno.ENOTDIR: "a part of its path is a file where a folder should be: move that file away",
    errno.ENAMETOOLONG: "the file system does not allow names of this length: use another one for the folder of the zone files",
    errno.EACCES: "we may not read or replace it: give it to the user that we run as, or remove it",
    errno.EPERM: "it may not be changed: clear its immutable attribute (chattr -i), or remove it",
    errno.ENOENT: "it disappeared while we used it: find out what else works in this folder",
    errno.EEXIST: "there is something else in its place: move it away",
    errno.ENOTEMPTY: "there is a directory in its place: move the directory away",
    errno.EBUSY: "something is mounted on it: unmount it",
    errno.ETXTBSY: "a program is running from it: end the program and remove the file",
    errno.ENXIO: "there is a socket or a device in its place: remove it",
    errno.ENODEV: "there is a device in its place: remove it",
    errno.EINVAL: "the file system does not allow such names: use another one for the folder of the zone files",
    errno.EILSEQ: "the file system does not allow such names: use another one for the folder of the zone files",
    errno.EFBIG: "the file system does not allow files of this size: use another one for the folder of the zone files",
}


def is_one_path(number: int | None, *, folder_is_usable: bool) -> bool:
    """Whether an errno at one path concerns that path alone.

    Some errnos mean the path or the folder (EACCES: may we not read this file, or write nothing at all?): with a folder in
    which files can be made they are the path's.
    """
    return number in ONE_PATH and folder_is_usable


def concerns_one_path(error: OSError, folder: Path) -> bool:
    """Whether an error concerns one path alone, also judging by the folder."""
    return error.errno in ONE_PATH and is_one_path(error.errno, folder_is_usable=_is_usable(folder))


def cause_and_cure(error: OSError, path: Path) -> str:
    """Path, cause and cure, for people. `path`: used if the error does not name its own."""
    where = error.filename2 or error.filename or path
    cure = ONE_PATH.get(error.errno or 0, "")
    return f"{where}: {error.strerror or error}{cure and f': {cure}'}"


def cannot_be(error: OSError, path: Path, *, removed: bool) -> str:
    """The reason for a zone whose file could not be replaced, or removed after a delete."""
    what = "the file of the deleted zone cannot be removed" if removed else "the zone file cannot be replaced"
    return f"{what}: {cause_and_cure(error, path)}"


def _is_usable(folder: Path) -> bool:
    """Whether it is a folder in which we can make files. A folder that is gone, closed, immutable or read-only is not."""
    effective = os.access in os.supports_effective_ids
    return folder.is_dir() and os.access(folder, os.R_OK | os.W_OK | os.X_OK, effective_ids=effective)
