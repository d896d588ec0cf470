"""What we ship for operators is well-formed: the Dockerfile, the shell scripts, the systemd unit."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from directdnsonly.config import load
from tests.support.programs import require_program

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "deploy/systemd/directdnsonly.service"
EXPOSURE = 16  # systemd's own measure, times ten: 1.6 "OK"; a service without any hardening has 96


@pytest.mark.parametrize("dockerfile", ["Dockerfile", "deploy/coredns/Dockerfile"])
def test_the_dockerfile_passes_hadolint(dockerfile):
    """Every rule, and it does find faults."""
    hadolint = Path(sys.executable).with_name("hadolint")
    faulty = subprocess.run(
        [hadolint, "-"], input="FROM debian\nRUN cd /x\n", capture_output=True, text=True, check=False
    )
    found = subprocess.run([hadolint, ROOT / dockerfile], capture_output=True, text=True, check=False)

    assert "DL3003" in faulty.stdout
    assert "" == found.stdout + found.stderr


SCRIPTS = sorted([*ROOT.glob("deploy/**/*.sh"), *ROOT.glob("tests/*.sh")])


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_scripts_parse_and_say_what_they_are(script):
    """Read by sh, not by bash; the first comment tells what it does."""
    text = script.read_text()

    subprocess.run(["sh", "-n", script], check=True)
    assert re.match(r"(#!/bin/sh\n)?# \S", text), "no comment at the top"
    assert text.startswith("#!") == bool(script.stat().st_mode & 0o111), "executable, or made to be sourced"


def test_systemd_takes_every_line_of_the_unit(tmp_path):
    """Without --recursive-errors a misspelt key would pass; that it is found is part of the test."""
    sound, faulty = _unit(tmp_path / "sound"), _unit(tmp_path / "faulty", "NoNewPrivileges", "NoNewPrivilege")

    assert (0, "") == _analyze("verify", "--man=no", "--recursive-errors=no", sound)
    assert "NoNewPrivilege" in _analyze("verify", "--man=no", "--recursive-errors=no", faulty)[1]


def test_the_unit_stays_hardened(tmp_path):
    """Its exposure, as systemd computes it, does not grow."""
    unit = _unit(tmp_path)

    code, output = _analyze("security", "--offline=true", f"--threshold={EXPOSURE}", "--no-pager", unit)

    assert 0 == code, output[-200:]


def test_the_example_for_systemd_is_sound_but_for_its_password(tmp_path):
    """As it stands the service refuses to start; with a password of one's own it loads."""
    text = (ROOT / "deploy/systemd/app.yml").read_text()
    file = tmp_path / "app.yml"
    file.write_text(text)
    with pytest.raises(Exception, match="auth_password"):
        load(file, environ={})

    file.write_text(text.replace("changeme", "of-my-own"))

    assert ["bind"] == list(load(file, environ={}).enabled_backends())


def _unit(folder: Path, word: str = "", instead: str = "") -> Path:
    """The unit, made to start a program that is there."""
    folder.mkdir(exist_ok=True)
    text = re.sub(r"(?m)^(Exec\w+)=.*$", r"\1=/bin/true", UNIT.read_text())
    assert word in text
    copy = folder / UNIT.name
    copy.write_text(text.replace(word, instead) if word else text)
    return copy


def _analyze(*words: str | Path) -> tuple[int, str]:
    done = subprocess.run(
        [require_program("systemd-analyze"), *words], capture_output=True, text=True, check=False, timeout=60
    )
    return done.returncode, done.stdout + done.stderr


def test_nothing_is_raised_inside_of_an_except_star():
    """Python 3.11.2, which Debian 12 has, would give it out wrapped in a group, and no caller would know it again."""
    found = [
        f"{file.relative_to(ROOT)}:{inner.lineno}"
        for file in ROOT.glob("src/**/*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.TryStar)
        for handler in node.handlers
        for inner in ast.walk(handler)
        if isinstance(inner, ast.Raise) and inner.exc is not None
    ]

    assert [] == found
