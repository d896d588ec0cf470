"""Commands that copy the whole store: backup, restore."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from directdnsonly.cli.stopped import stopped_store
from directdnsonly.cli.terminal import (
    EXIT_FAILED,
    ConfigOption,
    JsonOption,
    err,
    given_path,
    say,
    settings_of,
)
from directdnsonly.errors import BackupFailed
from directdnsonly.wording import counted

if TYPE_CHECKING:
    from directdnsonly.outbox.kept import Copied

LOOK_EVERY_S = 0.5


def register(app: typer.Typer) -> None:
    """Add backup and restore to `dadns`."""
    app.command()(backup)
    app.command()(restore)


def backup(
    file: Annotated[Path, typer.Argument(help="The file to create.", parser=given_path, metavar="FILE")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy the store to one file: a consistent, verified snapshot, also while the service runs."""
    settings = settings_of(config)
    try:
        copied = stopped_store(settings).copy_to(file)
    except BackupFailed as error:
        say(str(error), to=err)
        raise typer.Exit(EXIT_FAILED) from None
    _tell(copied, f"{file}: {_about(copied)}", as_json=as_json)


def restore(
    file: Annotated[Path, typer.Argument(help="A file made by `dadns backup`.", parser=given_path, metavar="FILE")],
    replace: Annotated[bool, typer.Option("--replace", help="Set an existing store aside first.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Restore the store from a backup while the service is stopped; at its next start it compares every name server."""
    settings = settings_of(config)
    try:
        copied, aside = stopped_store(settings).restore_from(file, replace=replace)
    except BackupFailed as error:
        say(str(error), to=err)
        raise typer.Exit(EXIT_FAILED) from None
    _tell(copied, f"{settings.store_folder}: {_about(copied)}", as_json=as_json)
    if aside is not None:
        say(f"the former store is now in {aside}", to=err)
    say("now start the service: it compares every name server with this store and delivers what differs", to=err)


def _about(copied: Copied) -> str:
    return f"{counted(copied.zones, 'zone')}, {counted(copied.changes, 'change')}, {copied.size_bytes / 2**20:.1f} MiB"


def _tell(copied: Copied, line: str, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"zones": copied.zones, "changes": copied.changes, "size_bytes": copied.size_bytes}))
    else:
        say(line)
