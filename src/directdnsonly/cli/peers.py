"""`dadns peers`: how it stands with other instances; `take` and `approve`: a person chooses a version, or lets many deletes go."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from directdnsonly.cli.client import Client, find_target, segment
from directdnsonly.cli.tables import Rows
from directdnsonly.cli.terminal import (
    EXIT_FAILED,
    LOOK_S,
    ConfigOption,
    JsonOption,
    LookOption,
    UrlOption,
    run,
    say,
    short_id,
    when,
)
from directdnsonly.wording import counted

peers = typer.Typer(name="peers")
EXIT_UNKNOWN: Final = 2  # not asked yet


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(peers)


@peers.callback(invoke_without_command=True)
def show(
    context: typer.Context,
    timeout: LookOption = LOOK_S,
    url: UrlOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """How it stands with each peer: state, last exchange, and every zone that differs, with both versions and since when.

    Exit codes: 0 all are equal, 1 one differs or cannot be reached, 2 not known yet.
    """
    if context.invoked_subcommand is not None:
        return
    found = run(_ask(url, config, timeout))
    if as_json:
        print(json.dumps(found, indent=2))
    else:
        _tell(found)
    states = {one["state"] for one in found}
    if states & {"differs", "behind", "unreachable"}:
        raise typer.Exit(EXIT_FAILED)
    if "unknown" in states:
        raise typer.Exit(EXIT_UNKNOWN)


@peers.command()
def take(
    zone: str,
    peer: Annotated[str, typer.Argument(help="The peer's name in the configuration.")],
    url: UrlOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a peer's version of a zone in the place of ours, where nothing tells which is newer. Ours stays in the history."""
    found = run(_take(url, config, zone, peer))
    if as_json:
        print(json.dumps(found, indent=2))
        return
    what = "deleted, as there" if found["kind"] == "delete" else f"serial {found['serial']}"
    say(f"{found['zone']}: taken from {peer}: version {found['version']}, {what}")


@peers.command()
def approve(
    peer: Annotated[str, typer.Argument(help="The peer's name in the configuration.")],
    plan: Annotated[str, typer.Argument(help="The plan that `dadns peers` names.")],
    url: UrlOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Approve a plan of a peer's deletes that exceeds the cap: exactly these zones are deleted here with the next exchange."""
    found = run(_approve(url, config, peer, plan))
    if as_json:
        print(json.dumps(found, indent=2))
        return
    say(f"approved: {counted(found['zones'], 'zone')}; deleted with the exchange that begins now")


async def _ask(url: str | None, config: Path | None, timeout_s: float) -> list[Any]:
    async with Client(find_target(url, config), limit_s=timeout_s) as client:
        found = await client.items("/api/v1/peers")
        for one in found:
            one["zones"] = await client.items(f"{_path(one['name'])}/zones")
        return found


async def _take(url: str | None, config: Path | None, zone: str, peer: str) -> Any:
    async with Client(find_target(url, config)) as client:
        return await client.call("POST", f"{_path(peer)}/take", json={"zone": zone})


async def _approve(url: str | None, config: Path | None, peer: str, plan: str) -> Any:
    async with Client(find_target(url, config)) as client:
        return await client.call("POST", f"{_path(peer)}/approve/{segment(plan, 'name of a plan')}")


def _path(peer: str) -> str:
    return f"/api/v1/peers/{segment(peer, 'name of a peer')}"


def _tell(found: list[Any]) -> None:
    table = Rows("peer", "state", "since", "last exchange", "taken", "behind", "differ")
    for one in found:
        differ = one["conflicts"] + one["lacking"] + one["too_many"]
        last = when(one["exchanged_at"]) or "never"
        table.add(one["name"], one["state"], when(one["since"]), last, one["taken"], one["behind"], differ)
    table.show(none="no peer is configured: see peers in the configuration")
    for one in found:
        if (going := one["progress"]) and going["total"]:
            left = "" if going["ends_in_s"] is None else f", about {going['ends_in_s']:.0f} s left"
            share = 100 * going["done"] // going["total"]
            taken = counted(going["taken"], "zone")
            say(f"{one['name']}: an exchange goes on: {share} % done, {taken} taken{left}")
        if one["reason"]:
            say(f"{one['name']}: {one['reason']}")
    zones = Rows("zone", "peer", "since", "here", "there", "why")
    for one in found:
        for each in one["zones"]:
            sides = (_version(each["ours"]), _version(each["theirs"]))
            zones.add(each["zone"], one["name"], when(each["since"]), *sides, each["reason"])
    if any(one["zones"] for one in found):
        say("")
        zones.show()
    if any(one["conflicts"] + one["lacking"] for one in found):
        say("both stay until you choose: dadns peers take ZONE PEER, on the side whose version is wrong")
    for one in found:
        if one["too_many"]:
            zones_are = counted(one["too_many"], "zone is", "zones are")
            say(
                f"{one['name']}: {zones_are} deleted there, too many at once, and stay here:"
                f" review them, then dadns peers approve {one['name']} {one['plan']}; or put {one['name']} right"
            )


def _version(stated: Any) -> str:
    """A version in a cell."""
    if stated is None:
        return "unknown"
    whose = stated["owner"]["hostname"] or stated["owner"]["credential"]
    what = "deleted" if stated["kind"] == "delete" else f"serial {stated['serial']}"
    return f"{what}, {whose}, {short_id(stated['id'])}"
