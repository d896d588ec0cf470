"""Commands that move many zones: import, backup, restore."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from directdnsonly.cli.client import Client, Rejected, find_target
from directdnsonly.cli.sources import Found, NothingToImport, zones_in
from directdnsonly.cli.terminal import (
    AT_ONCE,
    EXIT_FAILED,
    ConfigOption,
    JsonOption,
    UrlOption,
    err,
    run,
    say,
    settings_of,
)
from directdnsonly.wording import counted

if TYPE_CHECKING:
    from directdnsonly.outbox.backup import Copied

SHOWN_FAILURES = 20
LOOK_EVERY_S = 0.5


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("import")(import_zones)
    app.command()(backup)
    app.command()(restore)


def import_zones(
    source: Annotated[Path, typer.Argument(help="A folder of zone files, a named.conf, or directdnsonly.db.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be imported.")] = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until every zone is proven.")] = True,
    timeout: Annotated[float, typer.Option("--timeout", min=0, help="Seconds to wait at most.")] = 600.0,
    url: UrlOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Push every zone of a source. May be repeated: what is the same already changes nothing."""
    try:
        found = zones_in(source)
    except NothingToImport as error:
        say(str(error), to=err)
        raise typer.Exit(EXIT_FAILED) from None
    if dry_run:
        for each in found:
            say(f"{each.zone}: {each.file or 'in the database'}")
        return
    told = run(_import(url, config, found, timeout_s=timeout if wait else 0.0))
    if as_json:
        print(json.dumps(told, indent=2))
    else:
        for zone, reason in list(told["refused"].items())[:SHOWN_FAILURES]:
            say(f"{zone}: refused: {reason}", to=err)
        if (rest := len(told["refused"]) - SHOWN_FAILURES) > 0:
            say(f"... and {rest} more: --json tells all", to=err)
        say(
            f"{counted(told['recorded'], 'zone')} recorded, {len(told['refused'])} refused, in {told['elapsed_s']} s"
            + (
                f"; {counted(told['outstanding'], 'delivery is', 'deliveries are')} still outstanding"
                if told["outstanding"]
                else ""
            )
        )
    if told["refused"] or (wait and told["outstanding"]):
        raise typer.Exit(EXIT_FAILED)


async def _import(url: str | None, config: Path | None, found: list[Found], *, timeout_s: float) -> dict[str, Any]:
    refused: dict[str, str] = {}
    numbers = iter(range(len(found)))
    began = time.monotonic()
    async with Client(find_target(url, config)) as client:
        await client.call("GET", "/api/v1/backends")  # before a thousand complaints: is it there, does it know us?
        with _bars() as bars:
            recording = bars.add_task("recorded", total=len(found))

            async def worker() -> None:
                for number in numbers:
                    try:
                        await _push(client, found[number])
                    except (Rejected, OSError) as error:
                        refused[found[number].zone] = str(error)
                    bars.advance(recording)

            await asyncio.gather(*(worker() for _ in range(min(AT_ONCE, len(found)))))
            outstanding = await _drain(client, bars, began + timeout_s)
    return {
        "recorded": len(found) - len(refused),
        "refused": dict(sorted(refused.items())),
        "outstanding": outstanding,
        "elapsed_s": round(time.monotonic() - began, 1),
    }


async def _push(client: Client, found: Found) -> None:
    text = await asyncio.to_thread(found.read)
    if found.hostname:  # as DirectAdmin does it, so that the zone keeps its owner
        await client.replay(found.zone, text, hostname=found.hostname, username=found.username)
    else:
        await client.push(found.zone, text)


async def _drain(client: Client, bars: Progress, until: float) -> int:
    """Show how the deliveries become fewer; how many are left at the end."""
    proving = None
    most = 0
    while True:
        backends = await client.call("GET", "/api/v1/backends")
        left = int(sum(each["pending"] + each["leased"] for each in backends))
        most = max(most, left)
        if proving is None and most:
            proving = bars.add_task("proven", total=most)
        if proving is not None:
            bars.update(proving, total=most, completed=most - left)
        if not left or time.monotonic() >= until:
            return left
        await asyncio.sleep(LOOK_EVERY_S)


def _bars() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=err, disable=not err.is_terminal)


def backup(
    file: Annotated[Path, typer.Argument(help="A new file.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy the store to one file, also while the service runs: as it is at one moment, checked."""
    from directdnsonly.outbox.backup import BackupFailed, copy_store  # noqa: PLC0415 - other commands need no store

    settings = settings_of(config)
    try:
        copied = copy_store(settings.store_folder, file)
    except BackupFailed as error:
        say(str(error), to=err)
        raise typer.Exit(EXIT_FAILED) from None
    _tell(copied, f"{file}: {_about(copied)}", as_json=as_json)


def restore(
    file: Annotated[Path, typer.Argument(help="A file that `backup` made.")],
    replace: Annotated[bool, typer.Option("--replace", help="Put the store that is there aside.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put a backup in the place of the store. The service must not run; it compares every name server at its start."""
    from directdnsonly.outbox.backup import BackupFailed, restore_store  # noqa: PLC0415 - same

    settings = settings_of(config)
    try:
        copied, aside = restore_store(file, settings.store_folder, replace=replace)
    except BackupFailed as error:
        say(str(error), to=err)
        raise typer.Exit(EXIT_FAILED) from None
    _tell(copied, f"{settings.store_folder}: {_about(copied)}", as_json=as_json)
    if aside is not None:
        say(f"the former store is in {aside}", to=err)
    say("start the service: it compares every name server with this store and delivers what differs", to=err)


def _about(copied: Copied) -> str:
    return f"{counted(copied.zones, 'zone')}, {counted(copied.changes, 'change')}, {copied.size_bytes / 2**20:.1f} MiB"


def _tell(copied: Copied, line: str, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"zones": copied.zones, "changes": copied.changes, "size_bytes": copied.size_bytes}))
    else:
        say(line)
