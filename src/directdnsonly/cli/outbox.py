"""Commands for deliveries that are outstanding or dead: outbox, attempts, revive."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from directdnsonly.cli.client import Client, find_target, zone_path
from directdnsonly.cli.tables import Rows
from directdnsonly.cli.terminal import (
    EXIT_FAILED,
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

ATTEMPTS = 100
NOTHING_DEAD = (
    "nothing to revive: no delivery is dead there; what waits for a backend that is down is delivered when it is back"
)
BackendOption = Annotated[str, typer.Option("--backend", help="Only this backend.")]


def register(app: typer.Typer) -> None:
    """Add outbox, attempts and revive to `dadns`."""
    for command in (outbox, attempts, revive):
        app.command()(command)


def outbox(
    dead: Annotated[bool, typer.Option("--dead", help="List dead deliveries instead of outstanding ones.")] = False,
    backend: BackendOption = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000)] = 100,
    timeout: LookOption = LOOK_S,
    url: UrlOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the deliveries that are outstanding, or dead, with the reason."""
    state = "dead" if dead else "pending"
    found = run(fetch_items(url, config, "/api/v1/outbox", limit_s=timeout, most=limit, state=state, backend=backend))
    if as_json:
        print(json.dumps(found, indent=2))
        return
    if not found:
        say("no delivery is dead" if dead else "nothing is outstanding: every name server has what it should have")
        return
    table = Rows("zone", "backend", "state", "version", "tries", "due", "reason")
    for entry in found:
        due = when(entry["due_at"])[11:]
        cells = (entry["zone"], entry["backend"], entry["state"], entry["want_version"], entry["attempts"], due)
        table.add(*cells, entry["reason"])
    table.show()


def attempts(
    zone: str,
    timeout: LookOption = LOOK_S,
    url: UrlOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the attempts to deliver a zone that did not end in proof, newest first."""
    found = run(fetch_items(url, config, f"{zone_path(zone)}/attempts", limit_s=timeout, most=ATTEMPTS))
    if as_json:
        print(json.dumps(found, indent=2))
        return
    if not found:
        say(f"{zone}: no attempt has failed; for its present state: dadns explain {zone}")
        return
    table = Rows("at", "backend", "version", "try", "then", "seconds", "reason")
    for entry in found:
        cells = (when(entry["at"]), entry["backend"], entry["version"], entry["attempt"], entry["state"])
        table.add(*cells, f"{entry['elapsed_s']:.2f}", entry["reason"])
    table.show()


def revive(
    zone: Annotated[str | None, typer.Argument(help="The zone; without it, give --backend or --all.")] = None,
    backend: BackendOption = "",
    everything: Annotated[bool, typer.Option("--all", help="Every dead delivery.")] = False,
    url: UrlOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give dead deliveries all their attempts again, starting now."""
    if everything == bool(zone or backend):
        raise typer.BadParameter("give a zone, --backend or --all")
    wanted = {"zone": zone, "backend": backend or None}
    found = run(_post(url, config, "/api/v1/outbox/revive", wanted))
    if as_json:
        print(json.dumps(found, indent=2))
    else:
        say(f"{counted(found['revived'], 'delivery', 'deliveries')} revived" if found["revived"] else NOTHING_DEAD)
    if not found["revived"]:
        raise typer.Exit(EXIT_FAILED if zone else 0)


async def _post(url: str | None, config: Path | None, path: str, body: dict[str, Any]) -> Any:
    async with Client(find_target(url, config)) as client:
        return await client.call("POST", path, json=body)
