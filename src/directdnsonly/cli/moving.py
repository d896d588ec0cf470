"""Commands that move many zones: import, backup, restore."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from directdnsonly.cli.client import Client, Rejected, find_target, zone_path
from directdnsonly.cli.sources import Found, NothingToImport, Source, zones_in
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
    tell_refusal,
    tell_warnings,
)
from directdnsonly.wording import counted

if TYPE_CHECKING:
    from directdnsonly.outbox.backup import Copied

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
    told = _tried(found) if dry_run else run(_import(url, config, found.zones, timeout_s=timeout if wait else 0.0))
    if dry_run and not as_json:
        for each in found.zones:
            say(f"{each.zone}: {each.place}")
    told["not_taken"] = {left.place: left.reason for left in found.left}
    if as_json:
        print(json.dumps(told, indent=2))
    else:
        _tell_import(told, "would be recorded" if dry_run else "recorded")
    if told["refused"] or any(left.wrong for left in found.left) or (wait and told["outstanding"]):
        raise typer.Exit(EXIT_FAILED)


def _tell_import(told: dict[str, Any], recorded: str) -> None:
    """All that went wrong, and how it ended: nobody imports twice to see the rest."""
    for zone, warnings in told["warnings"].items():
        tell_warnings(warnings, to=err, zone=zone)
    for place, reason in told["not_taken"].items():
        say(f"{place}: not taken: {reason}", to=err)
    for zone, reason in told["refused"].items():
        tell_refusal(zone, reason, told["faults"].get(zone, ()))
    warned = f"; {counted(len(told['warnings']), 'zone has', 'zones have')} warnings" if told["warnings"] else ""
    left = (
        f"; {counted(told['outstanding'], 'delivery is', 'deliveries are')} still outstanding"
        if told["outstanding"]
        else ""
    )
    say(
        f"{counted(told['recorded'], 'zone')} {recorded}, {len(told['refused'])} refused, {len(told['not_taken'])} not taken,"
        f" in {told['elapsed_s']} s{warned}{left}"
    )


def _tried(found: Source) -> dict[str, Any]:
    """What an import would find, as far as the zones themselves tell: nothing is sent."""
    from directdnsonly.errors import PushRefused  # noqa: PLC0415 - other commands need no parser
    from directdnsonly.zone.name import ZoneName  # noqa: PLC0415 - same
    from directdnsonly.zone.text import parse  # noqa: PLC0415 - same

    began = time.monotonic()
    refused: dict[str, str] = {}
    faults: dict[str, Any] = {}
    warnings: dict[str, Any] = {}
    for each in found.zones:
        try:
            zone = parse(each.read(), ZoneName.parse(each.zone))
        except (PushRefused, OSError) as error:
            refused[each.zone] = str(error)
            faults[each.zone] = [asdict(fault) for fault in getattr(error, "faults", ())]
        else:
            warnings |= {each.zone: [asdict(one) for one in zone.warnings]} if zone.warnings else {}
    return {
        "recorded": len(found.zones) - len(refused),
        "refused": refused,
        "faults": faults,
        "warnings": warnings,
        "outstanding": 0,
        "elapsed_s": round(time.monotonic() - began, 1),
    }


async def _import(url: str | None, config: Path | None, found: Sequence[Found], *, timeout_s: float) -> dict[str, Any]:
    refused: dict[str, str] = {}
    faults: dict[str, Any] = {}
    warnings: dict[str, Any] = {}
    numbers = iter(range(len(found)))
    began = time.monotonic()
    async with Client(find_target(url, config)) as client:
        await client.items("/api/v1/backends")  # before a thousand complaints: is it there, does it know us?
        with _bars() as bars:
            recording = bars.add_task("recorded", total=len(found))

            async def worker() -> None:
                for number in numbers:
                    try:
                        if told := await _push(client, found[number]):
                            warnings[found[number].zone] = told
                    except (Rejected, OSError) as error:
                        refused[found[number].zone] = str(error)
                        faults[found[number].zone] = getattr(error, "faults", [])
                    bars.advance(recording)

            await asyncio.gather(*(worker() for _ in range(min(AT_ONCE, len(found)))))
            outstanding = await _drain(client, bars, began + timeout_s)
    return {
        "recorded": len(found) - len(refused),
        "refused": dict(sorted(refused.items())),
        "faults": dict(sorted(faults.items())),
        "warnings": dict(sorted(warnings.items())),
        "outstanding": outstanding,
        "elapsed_s": round(time.monotonic() - began, 1),
    }


async def _push(client: Client, found: Found) -> list[dict[str, Any]]:
    """The warnings that it was taken with; the answer to DirectAdmin has no place for them, so that they are asked for."""
    text = await asyncio.to_thread(found.read)
    if found.hostname:  # as DirectAdmin does it, so that the zone keeps its owner
        await client.replay(found.zone, text, hostname=found.hostname, username=found.username)
        return list((await client.call("GET", zone_path(found.zone)))["warnings"])
    return list((await client.push(found.zone, text))["warnings"])


async def _drain(client: Client, bars: Progress, until: float) -> int:
    """Show how the deliveries become fewer; how many are left at the end."""
    proving = None
    most = 0
    while True:
        backends = await client.items("/api/v1/backends")
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
