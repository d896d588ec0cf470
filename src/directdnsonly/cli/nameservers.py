"""`dadns nameservers`: the bundled name servers, also those that go on serving while the service is away."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import typer

from directdnsonly.cli.client import NoService
from directdnsonly.cli.tables import Rows
from directdnsonly.cli.terminal import (
    EXIT_FAILED,
    LOOK_S,
    ConfigOption,
    JsonOption,
    LookOption,
    UrlOption,
    err,
    fetch_items,
    run,
    say,
    settings_of,
    when,
)
from directdnsonly.config import load
from directdnsonly.errors import ConfigError, OutboxUnavailable
from directdnsonly.nameservers.leftover import Leftover, running_in, stop_all_but

nameservers = typer.Typer(name="nameservers")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(nameservers)


@nameservers.callback(invoke_without_command=True)
def show(
    context: typer.Context,
    timeout: LookOption = LOOK_S,
    url: UrlOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Every bundled name server: its process, since when it is up, started by this life of the service or adopted.

    Without the service: which of them serve on (exit code 3).
    """
    if context.invoked_subcommand is not None:
        return
    found = run(_ask(url, config, timeout))
    if as_json:
        print(json.dumps(found, indent=2))
        return
    table = Rows("backend", "program", "state", "pid", "up since", "version", "origin", "configuration")
    for one in found:
        table.add(
            one["backend"],
            one["program"],
            one["state"],
            one["pid"] or "",
            when(one["up_since"]),
            one["version"],
            one["origin"] or "",
            one["configuration"] or "",
        )
    table.show(none="the service runs no name server itself: dadns backends")
    for one in found:
        if one["reason"]:
            say(f"{one['backend']} is {one['state']}: {one['reason']}")


@nameservers.command()
def stop(config: ConfigOption = None) -> None:
    """End the bundled name servers that serve on while the service is away. Beside the service it is refused: that would start them again."""
    settings = settings_of(config)
    from directdnsonly.service import OwnedFolder  # noqa: PLC0415 - other commands need not load the service

    if not any(running_in(settings.data_dir)):  # and no lock is made, which would be root's
        say("no bundled name server runs")
        return
    folder = OwnedFolder(settings.data_dir)
    try:
        folder.own()
        asyncio.run(_stop_all(settings.data_dir))
    except (OutboxUnavailable, OSError) as error:
        say(str(error), to=err)
        raise typer.Exit(EXIT_FAILED) from None
    finally:
        folder.release()


async def _stop_all(data_dir: Path) -> None:
    async for one in stop_all_but(data_dir, ()):
        say(f"stopped: {_named(one)}")


async def _ask(url: str | None, config: Path | None, timeout_s: float) -> list[Any]:
    """What the service tells; when it is away, what it has left is told instead. Raises NoService."""
    try:
        return await fetch_items(url, config, "/api/v1/nameservers", limit_s=timeout_s)
    except NoService:
        if url is None:
            for one in await asyncio.to_thread(_left, config):
                say(f"{_named(one)} serves on without the service: dadns nameservers stop ends it", to=err)
        raise


def _left(config: Path | None) -> list[Leftover]:
    try:
        return list(running_in(load(config).data_dir))
    except ConfigError:  # its folder is not ours to guess
        return []


def _named(one: Leftover) -> str:
    return f"{one.kind} ({one.backend}, process {one.note.identity.pid})"
