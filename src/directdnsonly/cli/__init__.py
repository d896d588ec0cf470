"""The `dadns` command line: how an operator looks at the service and acts on it."""

from __future__ import annotations

import sys
from functools import cache
from typing import TYPE_CHECKING

from directdnsonly.hangup import HANGUPS

if TYPE_CHECKING:
    import typer


def main() -> None:
    """Run `dadns`; the console entry point."""
    if "serve" in sys.argv[1:2]:
        HANGUPS.catch()  # before the rest is loaded, which takes longest
    whole()()


def serve() -> None:
    """The console entry `directdnsonly`: `dadns serve`, with its options."""
    whole()(["serve", *sys.argv[1:]])


@cache
def whole() -> typer.Typer:
    """The `dadns` application with every command registered."""
    from directdnsonly.cli import (  # noqa: PLC0415 - completion stays cheap
        acting,
        compare,
        held,  # noqa: F401 - adds its commands by itself
        history,
        importing,
        looking,
        moving,
        nameservers,
        outbox,
        peers,
        reconcile,  # noqa: F401 - adds its commands by itself
        reloading,
        starting,
        state,
    )
    from directdnsonly.cli.commands import app  # noqa: PLC0415 - same

    for commands in (
        state,
        looking,
        nameservers,
        peers,
        outbox,
        history,
        acting,
        reloading,
        importing,
        moving,
        compare,
        starting,
    ):
        commands.register(app)
    return app
