"""`dadns import`: a folder or a list of zone files, the original, DirectSlave. All of it goes the way of a push."""

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
    """Add the command."""
    app.command("import")(import_zones)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What is imported. `keep`: a zone that we hold already came from DirectAdmin itself, and is newer."""

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
            help="The original's database (directdnsonly.db, or mysql://USER@HOST:PORT/DATABASE, with the password in "
            "DADNS_DATASTORE_PASS), or the folder of DirectSlave (/usr/local/directslave)."
        ),
    ] = None,
    queues: Annotated[
        Path | None,
        typer.Option("--queues", help="original: its queue_location. Default: `queues` beside the database."),
    ] = None,
    zone_files: Annotated[
        Path | None,
        typer.Option("--zone-files", help="original: its zones_dir, for zones whose text the database lacks."),
    ] = None,
    owner: Annotated[
        list[str] | None,
        typer.Option(
            "--owner", help="directslave: ADDRESS=HOSTNAME, the DirectAdmin server that a master is; repeat it."
        ),
    ] = None,
    files: Annotated[
        bool, typer.Option("--files", help="directslave: take the files that named has stored, instead of transfers.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be imported.")] = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until every zone is proven.")] = True,
    timeout: Annotated[float, typer.Option("--timeout", min=0, help="Seconds to wait at most.")] = 600.0,
    url: UrlOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Push every zone of a source. May be repeated: what is the same already changes nothing.

    From the original and from DirectSlave only zones are taken that we do not hold: what DirectAdmin has pushed is newer.
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
            raise typer.BadParameter(f"{source!r} is neither {ORIGINAL} nor {DIRECTSLAVE}: give one source")
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
    """One source by itself: what it is, it tells."""
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
    raise typer.BadParameter(f"--owner {text}: is not ADDRESS=HOSTNAME, e.g. 192.0.2.1=da1.host.example")


def _tell_import(told: dict[str, Any], recorded: str) -> None:
    """All that went wrong, and how it ended: nobody imports twice to see the rest."""
    for zone, warnings in told["warnings"].items():
        tell_warnings(warnings, to=err, zone=zone)
    for place, reason in told["not_taken"].items():
        say(f"{place}: not taken: {reason}", to=err)
    for zone, reason in told["refused"].items():
        tell_refusal(zone, reason, told["faults"].get(zone, ()))
    for zone in told["push_again"]:
        say(f"{zone}: its newest push waits in the original's queue: let DirectAdmin push it again", to=err)
    held = f", {len(told['held'])} held already" if told["held"] else ""
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
    """Whether we have, or had, the zone. Asked right before it is pushed: DirectAdmin's pushes come all the while."""
    try:
        await client.call("GET", zone_path(zone))
    except Rejected as error:
        if error.status == HTTPStatus.NOT_FOUND:
            return False
        raise
    return True


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
