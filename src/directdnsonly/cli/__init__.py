"""The operator's hands: `dadns`."""

from __future__ import annotations


def main() -> None:
    """The console entry."""
    from directdnsonly.cli import held, history, outbox, reconcile  # noqa: F401, PLC0415 - they add their commands  # noqa: PLC0415 - `import directdnsonly.cli` stays cheap for completion
    from directdnsonly.cli.commands import app  # noqa: PLC0415 - same

    for commands in (outbox, history):
        commands.register(app)
    app()
