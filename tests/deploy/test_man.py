"""The manual pages tell of every command, option, key and variable, and typeset without a complaint."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from docs import cli_session
from docs.keys import keys

from directdnsonly.backends.registry import BACKENDS
from directdnsonly.config import NOT_SETTINGS, Settings
from tests.support.programs import require_program

MAN = Path(__file__).parents[2] / "docs/man"
PAGES = ("dadns.1", "directdnsonly.1", "directdnsonly.yml.5")


@pytest.mark.parametrize("page", PAGES)
def test_the_page_typesets_without_a_complaint(page):
    """With every warning that groff has: unknown requests, missing arguments, lines that cannot be broken."""
    groff = [require_program("groff"), "-man", "-Tutf8", "-rLL=400n", "-ww", "-z", str(MAN / page)]

    assert "" == subprocess.run(groff, capture_output=True, text=True, check=True).stderr


def test_a_broken_page_is_found():
    """So that the silence above means something."""
    text = ".TH X 1\n.SH NAME\nx \\- y\n.UNKNOWN\n\\fQz\n"
    done = subprocess.run(
        [require_program("groff"), "-man", "-Tutf8", "-ww", "-z"],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )

    assert "UNKNOWN" in done.stderr


def read(page: str) -> str:
    """As it is shown, on lines so long that nothing is broken."""
    groff = [require_program("groff"), "-man", "-Tascii", "-P-cbou", "-rLL=10000n", str(MAN / page)]
    return subprocess.run(groff, capture_output=True, text=True, check=True).stdout


def test_every_command_has_its_section():
    """With the sentence of its help."""
    text = re.sub(r"\s+", " ", read("dadns.1"))

    for name, about in cli_session.commands_once().items():
        assert f" dadns {name} " in text, name
        assert re.sub(r"\s+", " ", about.replace("`", "")) in text, name


def test_what_is_common_is_explained_once():
    """--config and --json, which nearly every command has."""
    lines = [line.strip() for line in read("dadns.1").splitlines()]

    assert 1 == sum(line.startswith("--config CONFIG") for line in lines)
    assert 1 == sum(line.startswith("--json ") or line == "--json" for line in lines)


def test_every_key_and_variable_is_told():
    """Of the service and of each backend; letters as they are, so that they can be copied."""
    text = read("directdnsonly.yml.5")

    for key in [
        *keys(Settings, ""),
        *(key for each in BACKENDS.values() for key in keys(each.settings, "dns.backends.<name>.")),
    ]:
        assert key.path in text
        assert key.variable in text
    assert all(variable in read("dadns.1") for variable in NOT_SETTINGS)
