"""The `dadns` command line: how an operator looks at the service and acts on it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from directdnsonly.hangup import HANGUPS

if TYPE_CHECKING:
    import typer


def main() -> None:
    """Run `dadns`; the console entry point."""
    if "serve" in sys.argv[1:2]:
        HANGUPS.catch()  # before the rest is loaded, which takes longest
    whole()()


def whole() -> typer.Typer:
    """The `dadns` application with every command registered. Call it once."""
    from directdnsonly.cli import (  # noqa: F401, PLC0415 - completion stays cheap; some add their commands by themselves
        acting,
        compare,
        held,
        history,
        importing,
        looking,
        moving,
        outbox,
        reconcile,
        reloading,
        state,
    )
    from directdnsonly.cli.commands import app  # noqa: PLC0415 - same

    for commands in (state, looking, outbox, history, acting, reloading, importing, moving, compare):
        commands.register(app)
    return app
