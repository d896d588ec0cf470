"""The `dadns` command line: how an operator looks at the service and acts on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import typer


def main() -> None:
    """Run `dadns`; the console entry point."""
    whole()()


def whole() -> typer.Typer:
    """The `dadns` application with every command registered. Call it once."""
    from directdnsonly.cli import acting, compare, held, history, importing, looking, moving, outbox, reconcile, state  # noqa: F401, PLC0415 - completion stays cheap; some add their commands by themselves
    from directdnsonly.cli.commands import app  # noqa: PLC0415 - same

    for commands in (state, looking, outbox, history, acting, importing, moving, compare):
        commands.register(app)
    return app
