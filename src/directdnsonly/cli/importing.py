"""`dadns import`: zones from files, a named.conf, the original directdnsonly or DirectSlave, each recorded as a push."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from directdnsonly.cli import directslave, original, original_mysql
from directdnsonly.cli.client import Client, Rejected, find_target, zone_path
from directdnsonly.cli.sources import Found, NothingToImport, Source, zones_in
from directdnsonly.cli.terminal import (
    AT_ONCE,
    EXIT_FAILED,
    ConfigOption,
    JsonOption,
    UrlOption,
    err,
    given_path,
    run,
    say,
    tell_refusal,
    tell_warnings,
)
from directdnsonly.wording import counted

LOOK_EVERY_S = 0.5
ORIGINAL, DIRECTSLAVE = "original", "directslave"


def register(app: typer.Typer) -> None:
    """Add import to `dadns`."""
    app.command("import")(import_zones)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What to import. `keep`: skip zones that we already hold, because DirectAdmin's own push is newer."""

    source: Source
    keep: bool = False
    at_once: int = AT_ONCE
    push_again: Sequence[str] = field(default_factory=tuple)  # zones whose newest push is not in the source


def import_zones(
    source: Annotated[
        str,
        typer.Argument(
            help="A folder of zone files, a named.conf, or directdnsonly.db; or `original` or `directslave`, with its PLACE."
        ),
    ],
    place: Annotated[
        str | None,
        typer.Argument(
            help="The original's database (directdnsonly.db, or mysql://USER@HOST:PORT/DATABASE with its password in "
            "DADNS_DATASTORE_PASS), or DirectSlave's folder (/usr/local/directslave)."
        ),
    ] = None,
    queues: Annotated[
        Path | None,
        typer.Option("--queues", help="original: its queue_location (default: `queues` beside the database)."),
    ] = None,
    zone_files: Annotated[
        Path | None,
        typer.Option("--zone-files", help="original: its zones_dir, for zones whose text is not in the database."),
    ] = None,
    owner: Annotated[
        list[str] | None,
        typer.Option(
            "--owner",
            help="directslave: ADDRESS=HOSTNAME, the DirectAdmin server behind a master's address; repeatable.",
        ),
    ] = None,
    files: Annotated[
        bool,
        typer.Option(
            "--files", help="directslave: read the files that named has stored instead of transferring the zones."
        ),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be imported.")] = False,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Wait until every zone is proven to be served.")
    ] = True,
    timeout: Annotated[float, typer.Option("--timeout", min=0, help="Longest wait, in seconds.")] = 600.0,
    url: UrlOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Push every zone of a source. Repeating it is harmless: zones that are the same already do not change.

    From the original and DirectSlave, only zones that we do not hold are imported: DirectAdmin's own push is newer.
    """
    for given in [source] if place is None else [source, place]:
        given_path(given)
    try:
        if place is None:
            chosen = _guessed(Path(source))
        elif source == ORIGINAL:
            chosen = _original(place, queues, zone_files)
        elif source == DIRECTSLAVE:
            chosen = _directslave(Path(place), owner or [], files=files)
        else:
            raise typer.BadParameter(f"{source!r} is neither {ORIGINAL} nor {DIRECTSLAVE}: give only one source")
    except NothingToImport as error:
        say(str(error), to=err)
        raise typer.Exit(EXIT_FAILED) from None
    found = chosen.source
    told = _tried(found) if dry_run else run(_import(url, config, chosen, timeout_s=timeout if wait else 0.0))
    if dry_run and not as_json:
        for each in found.zones:
            say(f"{each.zone}: {each.place}")
    told["not_taken"] = {left.place: left.reason for left in found.left}
    told["push_again"] = list(chosen.push_again)
    if as_json:
        print(json.dumps(told, indent=2))
    else:
        _tell_import(told, "would be recorded" if dry_run else "recorded")
    nothing = place is None and not found.zones
    if nothing or told["refused"] or any(left.wrong for left in found.left) or (wait and told["outstanding"]):
        raise typer.Exit(EXIT_FAILED)


def _guessed(source: Path) -> Chosen:
    """The zones of a single source, whose kind is recognised from its content."""
    if original.is_database(source):
        return _original(str(source), None, None)
    return Chosen(source=zones_in(source))


def _original(place: str, queues: Path | None, zone_files: Path | None) -> Chosen:
    if place.startswith(original_mysql.SCHEME):
        waiting = original.waiting_in(queues) if queues else original.Waiting()
        rows = original_mysql.rows_of(place)
        found = original.taken(rows, place, zone_files=zone_files, waiting=waiting, longest=original_mysql.LONGEST)
    else:
        waiting = original.waiting_in(queues or Path(place).parent / "queues")
        found = original.zones_of(Path(place), zone_files=zone_files, waiting=waiting)
    return Chosen(source=found, keep=True, push_again=waiting.saves)


def _directslave(folder: Path, owners: Sequence[str], *, files: bool) -> Chosen:
    found = directslave.zones_of(folder, owners=dict(map(_owner, owners)), files=files)
    return Chosen(source=found, keep=True, at_once=AT_ONCE if files else directslave.AT_ONCE)


def _owner(text: str) -> tuple[str, str]:
    address, _, hostname = text.partition("=")
    try:
        if hostname:
            return str(ipaddress.ip_address(address)), hostname
    except ValueError:
        pass
    raise typer.BadParameter(f"--owner {text}: expected ADDRESS=HOSTNAME, e.g. 192.0.2.1=da1.host.example")


def _tell_import(told: dict[str, Any], recorded: str) -> None:
    """Print everything that went wrong, then the totals, so that nobody has to import twice to see the rest."""
    for zone, warnings in told["warnings"].items():
        tell_warnings(warnings, to=err, zone=zone)
    for place, reason in told["not_taken"].items():
        say(f"{place}: not taken: {reason}", to=err)
    for zone, reason in told["refused"].items():
        tell_refusal(zone, reason, told["faults"].get(zone, ()))
    for zone in told["push_again"]:
        say(f"{zone}: its newest push is still in the original's queue: have DirectAdmin push it again", to=err)
    held = f", {len(told['held'])} already held" if told["held"] else ""
    warned = f"; {counted(len(told['warnings']), 'zone has', 'zones have')} warnings" if told["warnings"] else ""
    left = (
        f"; {counted(told['outstanding'], 'delivery is', 'deliveries are')} still outstanding"
        if told["outstanding"]
        else ""
    )
    say(
        f"{counted(told['recorded'], 'zone')} {recorded}, {len(told['refused'])} refused, {len(told['not_taken'])} not taken{held},"
        f" in {told['elapsed_s']} s{warned}{left}"
    )


def _tried(found: Source) -> dict[str, Any]:
    """The result of a dry run, judged by the zone texts alone: nothing is sent."""
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
        "held": [],
        "refused": refused,
        "faults": faults,
        "warnings": warnings,
        "outstanding": 0,
        "elapsed_s": round(time.monotonic() - began, 1),
    }


async def _import(url: str | None, config: Path | None, chosen: Chosen, *, timeout_s: float) -> dict[str, Any]:
    refused: dict[str, str] = {}
    faults: dict[str, Any] = {}
    warnings: dict[str, Any] = {}
    held: list[str] = []
    found = chosen.source.zones
    numbers = iter(range(len(found)))
    began = time.monotonic()
    async with Client(find_target(url, config)) as client:
        await client.items("/api/v1/backends")  # before a thousand complaints: is it there, does it know us?
        with _bars() as bars:
            recording = bars.add_task("recorded", total=len(found))

            async def worker() -> None:
                for number in numbers:
                    try:
                        if chosen.keep and await _is_known(client, found[number].zone):
                            held.append(found[number].zone)
                        elif told := await _push(client, found[number]):
                            warnings[found[number].zone] = told
                    except (Rejected, OSError, typer.BadParameter) as error:  # the last: a name that is none
                        refused[found[number].zone] = str(error)
                        faults[found[number].zone] = getattr(error, "faults", [])
                    bars.advance(recording)

            await asyncio.gather(*(worker() for _ in range(min(chosen.at_once, len(found)))))
            outstanding = await _drain(client, bars, began + timeout_s)
    return {
        "recorded": len(found) - len(refused) - len(held),
        "held": sorted(held),
        "refused": dict(sorted(refused.items())),
        "faults": dict(sorted(faults.items())),
        "warnings": dict(sorted(warnings.items())),
        "outstanding": outstanding,
        "elapsed_s": round(time.monotonic() - began, 1),
    }


async def _is_known(client: Client, zone: str) -> bool:
    """Whether the service holds, or held, the zone. Asked just before each push, because DirectAdmin keeps pushing meanwhile."""
    try:
        await client.call("GET", zone_path(zone))
    except Rejected as error:
        if error.status == HTTPStatus.NOT_FOUND:
            return False
        raise
    return True


async def _push(client: Client, found: Found) -> list[dict[str, Any]]:
    """Push the zone; returns its warnings, which are fetched apart because DirectAdmin's answer has no field for them."""
    text = await asyncio.to_thread(found.read)
    if found.hostname:  # as DirectAdmin does it, so that the zone keeps its owner
        await client.replay(found.zone, text, hostname=found.hostname, username=found.username)
        return list((await client.call("GET", zone_path(found.zone)))["warnings"])
    return list((await client.push(found.zone, text))["warnings"])


async def _drain(client: Client, bars: Progress, until: float) -> int:
    """Show the number of outstanding deliveries until it is zero or time is up; returns how many are left."""
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
