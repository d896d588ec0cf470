"""Commands about a zone's past: history, diff, rollback, pin, unpin."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from directdnsonly.cli.client import LONGEST_ANSWER_S, Client, find_target, zone_path
from directdnsonly.cli.tables import Rows
from directdnsonly.cli.terminal import (
    CONTROL,
    EXIT_FAILED,
    LOOK_S,
    ConfigOption,
    JsonOption,
    LookOption,
    UrlOption,
    err,
    run,
    say,
    short_id,
    when,
)
from directdnsonly.cli.terminal import out as terminal

WaitOption = Annotated[
    bool, typer.Option("--wait/--no-wait", help="Wait until every name server is proven to serve it.")
]
TimeoutOption = Annotated[float, typer.Option("--timeout", min=0, help="Longest wait, in seconds.")]
MOST_RRSETS = 10_000  # of each kind that the API shows
COLOURS = {"-": "red", "+": "green", "@": "cyan"}


def register(app: typer.Typer) -> None:
    """Add history, diff, rollback, pin and unpin to `dadns`."""
    for command in (history, diff, rollback, pin, unpin):
        app.command()(command)


def history(
    zone: str,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000)] = 50,
    timeout: LookOption = LOOK_S,
    url: UrlOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List a zone's versions, newest first: when each came, who sent it and from where."""
    found = run(_call(url, config, "GET", f"{zone_path(zone)}/history", limit_s=timeout, params={"limit": limit}))
    if as_json:
        print(json.dumps(found, indent=2))
        return
    if pinned := found["pin"]:
        why = f": {pinned['reason']}" if pinned["reason"] else ""
        say(f"pinned at version {pinned['version']} by {pinned['actor']} since {when(pinned['at'])}{why}")
    warned = any(entry["warnings"] for entry in found["items"])
    table = Rows(
        "version", "id", "kind", "serial", "pushed as", "records", "at", "by", "from", *(["warnings"] if warned else [])
    )
    for entry in found["items"]:
        pusher = entry["pusher"]
        who = "/".join(part for part in (pusher["hostname"] or pusher["credential"], pusher["username"]) if part)
        pushed = "" if entry["pushed_serial"] == entry["serial"] else entry["pushed_serial"]
        mark = "*" if entry["wanted"] else ""
        cells = (
            f"{entry['version']}{mark}",
            short_id(entry["version_id"]),
            entry["kind"],
            entry["serial"],
            pushed,
            entry["records"],
        )
        last = [len(entry["warnings"])] if warned else []
        table.add(*cells, when(entry["at"]), f"{who} ({entry['source']})", entry["address"], *last)
    table.show()
    say("* the version to be served")


def diff(
    zone: str,
    from_: Annotated[int | None, typer.Option("--from", min=1, help="Older version (default: the one before).")] = None,
    to: Annotated[
        int | None, typer.Option("--to", min=1, help="Newer version (default: the one to be served).")
    ] = None,
    timeout: LookOption = LOOK_S,
    url: UrlOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how two versions of a zone differ, record by record."""
    query = {key: value for key, value in (("from", from_), ("to", to), ("limit", MOST_RRSETS)) if value is not None}
    found = run(_call(url, config, "GET", f"{zone_path(zone)}/diff", limit_s=timeout, params=query))
    if as_json:
        print(json.dumps(found, indent=2))
        return
    for line in unified(found) if any(found["counts"].values()) else ():
        terminal.print(Text(CONTROL.sub("?", line), style=COLOURS.get(line[0], "")), soft_wrap=True)
    if not any(found["counts"].values()):
        say(_no_difference(found, asked=from_ is not None))
    left = {kind: found["counts"][kind] - len(found[kind]) for kind in ("added", "removed", "changed")}
    if any(left.values()):
        say(f"and {', '.join(f'{count:,} more {kind}' for kind, count in left.items() if count)} RRsets", to=err)


def _no_difference(found: dict[str, Any], *, asked: bool) -> str:
    zone, older, newer = found["zone"], found["from_version"], found["to_version"]
    if older != newer:
        return f"{zone}: versions {older} and {newer} have the same records"
    if asked:
        return f"{zone}: both are version {newer}: dadns history {zone} lists the others"
    return (
        f"{zone}: no version before {newer} is kept, so there is nothing to compare it with; dadns show {zone} shows it"
    )


def unified(found: dict[str, Any]) -> Iterator[str]:
    """The difference as `diff -u` shows it; records that stay in a changed RRset are context lines."""
    yield f"--- {found['zone']} version {found['from_version']}"
    yield f"+++ {found['zone']} version {found['to_version']}"
    gone = [(rrset, None) for rrset in found["removed"]]
    come = [(None, rrset) for rrset in found["added"]]
    changed = [(pair["before"], pair["after"]) for pair in found["changed"]]
    for before, after in sorted(gone + come + changed, key=lambda pair: _key(pair[0] or pair[1])):
        old, new = _records(before), _records(after)
        owner, kind = _key(before or after)
        yield f"@@ {owner} {kind} @@"
        yield from (f"  {record}" for record in old if record in new)
        yield from (f"- {record}" for record in old if record not in new)
        yield from (f"+ {record}" for record in new if record not in old)


def _key(rrset: dict[str, Any]) -> tuple[str, str]:
    return rrset["owner"], rrset["type"]


def _records(rrset: dict[str, Any] | None) -> list[str]:
    if rrset is None:
        return []
    return [f"{rrset['owner']} {rrset['ttl']} IN {rrset['type']} {rdata}" for rdata in rrset["rdata"]]


def rollback(
    zone: str,
    version: Annotated[int, typer.Argument(min=1, help="The version whose content is to be served again.")],
    pinned: Annotated[
        bool, typer.Option("--pin", help="Also pin the zone at that content until it is released.")
    ] = False,
    wait: WaitOption = True,
    timeout: TimeoutOption = 60.0,
    url: UrlOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Serve the content of an old version again, as a new version whose serial moves forward."""
    body = {"version": version, "pin": pinned}
    _follow(url, config, "POST", f"{zone_path(zone)}/rollback", body, wait=wait, timeout_s=timeout, as_json=as_json)


def pin(
    zone: str,
    reason: Annotated[str, typer.Option("--reason", help="The reason, for whoever finds the pin later.")] = "",
    url: UrlOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Keep serving a zone as it is: pushes and deletes are recorded, but wait until it is released."""
    found = run(_call(url, config, "PUT", f"{zone_path(zone)}/pin", json={"reason": reason}))
    if as_json:
        print(json.dumps(found, indent=2))
    else:
        say(f"{zone}: pinned at version {found['version']}; dadns unpin releases it")


def unpin(
    zone: str,
    wait: WaitOption = True,
    timeout: TimeoutOption = 60.0,
    url: UrlOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Release a pinned zone: the newest version recorded meanwhile is served."""
    _follow(url, config, "DELETE", f"{zone_path(zone)}/pin", None, wait=wait, timeout_s=timeout, as_json=as_json)


def _follow(
    url: str | None,
    config: Path | None,
    method: str,
    path: str,
    body: dict[str, Any] | None,
    *,
    wait: bool,
    timeout_s: float,
    as_json: bool,
) -> None:
    """Request a change and say how it ended; exit code 1 if it was to be proven and was not."""
    found = run(_change(url, config, method, path, body, wait=wait, timeout_s=timeout_s))
    if as_json:
        print(json.dumps(found, indent=2))
    else:
        what = f"version {found['version']} ({found['kind']}), serial {found['serial']}"
        say(f"{found['zone']}: {what}" + ("" if found["changed"] else ", as before"))
        for place in found.get("placements", ()):
            say(f"  {place['backend']}: {place['state']}" + (f": {place['reason']}" if place["reason"] else ""))
    if wait and not found.get("verified"):
        raise typer.Exit(EXIT_FAILED)


async def _change(
    url: str | None,
    config: Path | None,
    method: str,
    path: str,
    body: dict[str, Any] | None,
    *,
    wait: bool,
    timeout_s: float,
) -> Any:
    async with Client(find_target(url, config)) as client:
        receipt = await client.call(method, path, **({"json": body} if body is not None else {}))
        return await client.follow(receipt["change_id"], timeout_s=timeout_s) if wait else receipt


async def _call(
    url: str | None,
    config: Path | None,
    method: str,
    path: str,
    *,
    limit_s: float = LONGEST_ANSWER_S,
    **arguments: Any,
) -> Any:
    async with Client(find_target(url, config), limit_s=limit_s) as client:
        return await client.call(method, path, **arguments)
