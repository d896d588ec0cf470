"""docs/cli.md is what the commands do: the session that it was made from, once more."""

from __future__ import annotations

import pytest
from docs.cli_session import PAGE, calls_on, page, play, stable

from tests.support.programs import require_program


@pytest.mark.timeout(600)  # half a hundred processes; a minute on a machine with nothing else to do
def test_the_page_shows_what_every_command_does():
    """Each call ends with the exit code of the page and prints the same, but for moments, durations and identities."""
    require_program("named")
    written = calls_on(PAGE.read_text())

    seen = calls_on(page(play()))

    assert [(stable(line), code) for line, code, _ in written] == [(stable(line), code) for line, code, _ in seen]
    for (line, _, was), (_, _, now) in zip(written, seen, strict=True):
        assert stable(was) == stable(now), f"{line}: make docs-cli writes the page anew"
