"""Debian's AppArmor profile of named with our line in it, as AppArmor's own compiler takes it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.programs import require_program

ROOT = Path(__file__).parents[2]
PROFILES = Path("/etc/apparmor.d")


@pytest.fixture
def profiles(tmp_path: Path) -> Path:
    """A copy of this machine's: BIND's package brings named's, AppArmor's the rest."""
    require_program("named")
    require_program("apparmor_parser")
    return Path(shutil.copytree(PROFILES, tmp_path / "apparmor.d"))


def test_the_profile_takes_our_line_once(profiles, tmp_path):
    """Run twice, one line; the compiled profile is another one than without it."""
    folder = tmp_path / "with space"
    folder.mkdir()
    before = _compiled(profiles)

    for _ in range(2):
        _allow(profiles, folder)

    lines = (profiles / "local/usr.sbin.named").read_text().splitlines()
    assert 1 == lines.count(f'"{folder}/{{,**}}" rwk,')
    assert before != _compiled(profiles)


def test_the_line_on_the_page_is_the_one_that_is_written(profiles):
    """For the folder of the systemd service."""
    state = profiles.parent / "var/lib/directdnsonly"
    state.mkdir(parents=True)

    _allow(profiles, state)

    written = (profiles / "local/usr.sbin.named").read_text().splitlines()[-1]
    assert written.replace(str(profiles.parent), "") in (ROOT / "docs/deploy/systemd.md").read_text().splitlines()


def test_a_faulty_line_is_found(profiles):
    """So that the compiler's silence means something."""
    (profiles / "local/usr.sbin.named").write_text('"/var/lib/directdnsonly/{,**" rwk\n')

    with pytest.raises(subprocess.CalledProcessError):
        _compiled(profiles)


def _allow(profiles: Path, folder: Path) -> None:
    environment = os.environ | {"APPARMOR_D": str(profiles), "APPARMOR_LOADED": "/dev/null"}
    subprocess.run([ROOT / "deploy/apparmor/allow-named.sh", folder], env=environment, check=True, capture_output=True)


def _compiled(profiles: Path) -> bytes:
    """The profile in the kernel's form; nothing is loaded."""
    words = ["--skip-kernel-load", "--skip-cache", "--stdout", "--base", str(profiles), "--Include", str(profiles)]
    command = [require_program("apparmor_parser"), *words, str(profiles / "usr.sbin.named")]
    return subprocess.run(command, check=True, capture_output=True).stdout
