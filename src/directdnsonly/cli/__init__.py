"""The operator's hands: `dadns`."""

from __future__ import annotations


def main() -> None:
    """The console entry."""
    from directdnsonly.cli import acting, held, history, looking, moving, outbox, reconcile  # noqa: F401, PLC0415 - completion stays cheap; some add their commands by themselves
    from directdnsonly.cli.commands import app  # noqa: PLC0415 - same

    for commands in (looking, outbox, history, acting, moving):
        commands.register(app)
    app()
