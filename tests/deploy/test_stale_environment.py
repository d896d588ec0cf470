"""An upgrade of Debian puts another Python below a virtual environment: make makes it anew, a command says what to do."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HERE = f"python3.{sys.version_info.minor}"


def environment(folder: Path) -> Path:
    """A real one, without pip."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / ".venv"], check=True)
    return folder / ".venv"


def upgraded(made: Path) -> None:
    """As the upgrade leaves it: its packages lie in the folder of the version before."""
    (made / "lib" / HERE).rename(made / "lib/python3.2")


def removed(made: Path) -> None:
    """The old Python is gone, and no other one is there under its name."""
    for python in (made / "bin").glob("python*"):
        python.unlink()
    (made / "bin/python").symlink_to("python3.2")


def drop(folder: Path) -> subprocess.CompletedProcess[str]:
    script = ROOT / "deploy/debian/drop-stale-venv.sh"
    return subprocess.run([script], cwd=folder, capture_output=True, text=True, check=True)


@pytest.mark.parametrize("happens", [upgraded, removed])
def test_an_environment_of_another_python_is_dropped(tmp_path, happens):
    """And it is told."""
    made = environment(tmp_path)
    happens(made)

    done = drop(tmp_path)

    assert (False, True) == (made.exists(), "it is made anew" in done.stderr)


def test_an_environment_that_works_stays(tmp_path):
    """Without a word; nor is there one where there is no environment yet."""
    assert "" == drop(tmp_path).stderr
    made = environment(tmp_path)

    assert ("", True) == (drop(tmp_path).stderr, made.exists())


def test_make_looks_before_it_believes_its_stamps(tmp_path):
    """Whatever is made: here what needs nothing else."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copytree(ROOT / "deploy", tmp_path / "deploy")
    made = environment(tmp_path)
    (made / ".run").touch()
    upgraded(made)

    planned = subprocess.run(["make", "-n", ".venv/.run"], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert not made.exists()
    assert "-m venv .venv" in planned.stdout or "requirements.lock" in planned.stderr, planned


def test_the_command_says_what_to_do_where_its_packages_are_not_found(tmp_path):
    """With the exit code that systemd does not answer with a restart every two seconds (RestartPreventExitStatus)."""
    made = environment(tmp_path)
    command = tmp_path / "dadns"
    script = ROOT / "deploy/write-command.sh"
    command.write_bytes(
        subprocess.run([script, made / "bin/python", "do/this again"], check=True, capture_output=True).stdout
    )

    done = subprocess.run(
        [made / "bin/python", command, "status"], capture_output=True, text=True, check=False, cwd=tmp_path, env={}
    )

    assert 2 == done.returncode
    assert "run:  do/this again" in done.stderr
    assert HERE.removeprefix("python") in done.stderr
    assert "\nRestartPreventExitStatus=2\n" in (ROOT / "deploy/systemd/directdnsonly.service").read_text()
