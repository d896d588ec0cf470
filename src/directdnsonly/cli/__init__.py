"""The `dadns` command line: how an operator looks at the service and acts on it."""

from __future__ import annotations

import sys
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import typer


def main() -> None:
    """Run `dadns`; the console entry point."""
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
        outbox,
        reconcile,  # noqa: F401 - adds its commands by itself
        starting,
        state,
    )
    from directdnsonly.cli.commands import app  # noqa: PLC0415 - same

    for commands in (state, looking, outbox, history, acting, importing, moving, compare, starting):
        commands.register(app)
    return app
