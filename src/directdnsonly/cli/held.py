"""Commands for held pushes and planned migrations: held, approve, reject, migrate."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Any

import typer

from directdnsonly.cli.client import Client, find_target, segment
from directdnsonly.cli.commands import app
from directdnsonly.cli.terminal import (
    LOOK_S,
    ConfigOption,
    JsonOption,
    LookOption,
    UrlOption,
    fetch_items,
    run,
    say,
    when,
)
from directdnsonly.wording import counted

LONGEST_H = 2160
HOURS = {"m": 1 / 60, "h": 1.0, "d": 24.0}
migrate = typer.Typer(
    help="Announce that zones will move from one DirectAdmin server to another.", no_args_is_help=True
)
app.add_typer(migrate, name="migrate")


async def _call(url: str | None, config: Path | None, method: str, path: str, **arguments: Any) -> Any:
    async with Client(find_target(url, config)) as client:
        return await client.call(method, f"/api/v1{path}", **arguments)


@app.command()
def held(
    timeout: LookOption = LOOK_S, url: UrlOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """List the pushes that wait for approval, with what each would change."""
    found = run(fetch_items(url, config, "/api/v1/held", limit_s=timeout))
    if as_json:
        print(json.dumps(found, indent=2))
        return
    for one in found:
        server = one["owner"]["hostname"] or "unknown"
        say(f"{one['zone']}: {one['reason']} (since {when(one['at'])}, from {server})")
        for line in one["difference"].splitlines():
            say(f"  {line}")
        say(
            f"  dadns approve {one['zone']} {one['digest'][:16]}   or   dadns reject {one['zone']} {one['digest'][:16]}"
        )
    if not found:
        say("no push waits for approval")


@app.command()
def approve(zone: str, digest: str, url: UrlOption = None, config: ConfigOption = None) -> None:
    """Approve a held push, so that it is served; the digest is the one shown by `dadns held`."""
    done = run(_call(url, config, "POST", f"{_held(zone)}/approve/{segment(digest, 'digest')}"))
    say(f"{done['zone']}: approved, version {done['version']}, change {done['change_id']}")


@app.command()
def reject(zone: str, digest: str, url: UrlOption = None, config: ConfigOption = None) -> None:
    """Discard a held push; the version that is served stays."""
    done = run(_call(url, config, "POST", f"{_held(zone)}/reject/{segment(digest, 'digest')}"))
    say(f"{done['zone']}: rejected, the old version stays served")


@migrate.command("open")
def open_(
    former: Annotated[str, typer.Argument(help="Host name, as in pushes, of the server that the zones leave.")],
    server: Annotated[str, typer.Argument(help="Host name, as in pushes, of the server that they move to.")],
    zones: Annotated[str, typer.Option("--zones", help="Zone names, separated by commas (default: all).")] = "",
    lasts: Annotated[str, typer.Option("--for", help="How long: 30m, 24h, 7d.")] = "24h",
    url: UrlOption = None,
    config: ConfigOption = None,
) -> None:
    """Let zones move from now on without being held and without a warning."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([mhd])", lasts)
    if found is None:
        raise typer.BadParameter(f"--for {lasts}: give a number and m, h or d")
    if not 0 < (hours := float(found[1]) * HOURS[found[2]]) <= LONGEST_H:
        raise typer.BadParameter(
            f"--for {lasts}: a move must stay open for more than no time, and for {counted(LONGEST_H // 24, 'day')} at most"
        )
    body = {
        "from_server": former,
        "to_server": server,
        "zones": [name.strip() for name in zones.split(",") if name.strip()],
        "hours": hours,
    }
    move = run(_call(url, config, "POST", "/migrations", json=body))
    which = counted(len(move["zones"]), "zone") if move["zones"] else "all zones"
    say(f"move {move['id']}: {which} {_way(move)}")


@migrate.command("list")
def list_(timeout: LookOption = LOOK_S, url: UrlOption = None, config: ConfigOption = None) -> None:
    """List the announced moves that are open."""
    found = run(fetch_items(url, config, "/api/v1/migrations", limit_s=timeout))
    for move in found:
        which = ", ".join(move["zones"]) or "all zones"
        say(f"{move['id']}: {which} {_way(move)}")
    if not found:
        say("no move is open")


@migrate.command()
def close(number: int, url: UrlOption = None, config: ConfigOption = None) -> None:
    """Close an announced move before its time is up."""
    say(f"move {run(_call(url, config, 'DELETE', f'/migrations/{number}'))['id']} is over")


def _held(zone: str) -> str:
    return f"/held/{segment(zone, 'name of a zone', slashes=True)}"


def _way(move: Any) -> str:
    return f"from {move['from_server']} to {move['to_server']} until {when(move['until'])}"
