"""Whose fault an OSError of a zone file is: one zone's, or the whole backend's."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

import pytest

from directdnsonly.backends.files.faults import cause_and_cure, concerns_one_path, is_one_path

ZONES = [
    errno.EISDIR, errno.ELOOP, errno.ENOTDIR, errno.ENAMETOOLONG, errno.EACCES, errno.EPERM, errno.ENOENT, errno.EBUSY,
    errno.ENXIO,
]  # fmt: skip
EVERYBODYS = [
    errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ESTALE,
    errno.ETIMEDOUT, None,
]  # fmt: skip


@pytest.mark.parametrize(
    ("number", "usable", "expected"),
    [(number, usable, usable) for number in ZONES for usable in (True, False)]
    + [(number, usable, False) for number in EVERYBODYS for usable in (True, False)],
    ids=lambda value: errno.errorcode.get(value, str(value)) if type(value) is int else str(value),
)
def test_an_errno_is_one_paths_only_when_the_folder_is_usable(number, usable, expected):
    """With a folder that cannot be used nothing is any zone's fault; a full disk never is."""
    assert expected is is_one_path(number, folder_is_usable=usable)


def raised(act) -> OSError:
    with pytest.raises(OSError, match="Errno") as caught:
        act()
    return caught.value


def test_the_folder_is_looked_at(tmp_path):
    """The same errno at a path in a good folder, in one that is a file, in one that is gone, and in one of links."""
    (tmp_path / "zones").mkdir()
    (tmp_path / "file").write_text("")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "zones" / "a.db").mkdir()
    is_directory = raised(lambda: (tmp_path / "file").rename(tmp_path / "zones" / "a.db"))
    no_folder = raised(lambda: os.open(tmp_path / "file" / "a.db", os.O_RDONLY))
    loop = raised(lambda: os.open(tmp_path / "loop" / "a.db", os.O_RDONLY))

    assert concerns_one_path(is_directory, tmp_path / "zones")
    assert not concerns_one_path(is_directory, tmp_path / "gone")
    assert not concerns_one_path(no_folder, tmp_path / "file")
    assert not concerns_one_path(loop, tmp_path / "loop")
    assert f"{tmp_path}/zones/a.db: Is a directory: there is a directory in its place" in cause_and_cure(
        is_directory, tmp_path / "other"
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="gives rights away and takes them back, as root")
def test_without_the_right_to_a_file_it_is_the_zone_without_that_to_the_folder_it_is_everybody():
    """EACCES, as an ordinary user sees it."""

    def seen_by_a_user() -> tuple[int | None, bool]:
        os.seteuid(65534)
        try:
            error = raised(lambda: os.open(folder / "a.db", os.O_RDONLY))
            return error.errno, concerns_one_path(error, folder)
        finally:
            os.seteuid(0)

    with tempfile.TemporaryDirectory() as place:  # not tmp_path, which lies below folders that are closed to others
        folder = Path(place)
        (folder / "a.db").write_text("")
        (folder / "a.db").chmod(0o600)
        folder.chmod(0o777)
        assert (errno.EACCES, True) == seen_by_a_user()

        folder.chmod(0o755)
        assert (errno.EACCES, False) == seen_by_a_user()
