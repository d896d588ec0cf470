"""Commands that show the state: explain, backends (and forget), events, refused, wait."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from directdnsonly.advice import Live
from directdnsonly.cli.client import Client, Rejected, find_target, segment, zone_path
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
    moment_of,
    out,
    run,
    say,
    short_id,
    standing_of,
    tell_reasons,
    to_people,
    when,
    with_line,
)
from directdnsonly.wording import counted

servers = typer.Typer(name="backends")
EXIT_UNKNOWN = 2  # whether a zone is live cannot be told
EVENTS = 5


def register(app: typer.Typer) -> None:
    """Add explain, backends, events, refused and wait to `dadns`."""
    for command in (explain, events, refused, wait):
        app.command()(command)
    app.add_typer(servers)


def explain(
    zone: str,
    timeout: LookOption = LOOK_S,
    url: UrlOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say whether a zone is live; if not, why, since when, what customers get meanwhile, and what to do. Takes any name or URL."""
    told = run(_ask(url, config, zone, limit_s=timeout))
    if as_json:
        print(json.dumps(told, indent=2))
    else:
        for line in page(told):
            say(line)
    if told["live"] != Live.LIVE:
        raise typer.Exit(EXIT_FAILED if told["live"] == Live.NOT_LIVE else EXIT_UNKNOWN)


@servers.callback(invoke_without_command=True)
def backends(
    context: typer.Context,
    timeout: LookOption = LOOK_S,
    url: UrlOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List every backend: its state and why, and what is outstanding there; also those no longer configured."""
    if context.invoked_subcommand is not None:
        return
    found = run(fetch_items(url, config, "/api/v1/backends", limit_s=timeout))
    if as_json:
        print(json.dumps(found, indent=2))
        return
    table = Rows("backend", "state", "since", "pending", "dead", "oldest", "zones proven")
    for each in found:
        oldest = "" if each["oldest_s"] is None else f"{each['oldest_s']:.1f} s"
        since = "" if each["state"] == "removed" else when(each["since"])
        table.add(
            each["name"],
            each["state"],
            since,
            each["pending"] + each["leased"],
            each["dead"],
            oldest,
            each["zones_proven"],
        )
    table.show(none="no backend is enabled: see dns.backends in the configuration")
    tell_reasons(found)


@servers.command()
def forget(
    name: Annotated[str, typer.Argument(help="The name it had in the configuration.")],
    url: UrlOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Forget a backend that was removed from the configuration for good, with its outstanding deliveries."""
    found = run(_forget(url, config, name))
    if as_json:
        print(json.dumps(found, indent=2))
    elif found["deliveries"]:
        say(f"{name}: forgotten, along with {counted(found['deliveries'], 'delivery', 'deliveries')}")
    else:
        say(f"{name}: nothing is kept for it")


async def _forget(url: str | None, config: Path | None, name: str) -> Any:
    async with Client(find_target(url, config)) as client:
        return await client.call("DELETE", f"/api/v1/backends/{segment(name, 'name of a backend')}")


def events(
    zone: Annotated[str, typer.Option("--zone", help="Only this zone.")] = "",
    event: Annotated[str, typer.Option("--event", help="Only this kind of event, such as zone.put.")] = "",
    actor: Annotated[str, typer.Option("--actor", help="Only events by this credential.")] = "",
    since: Annotated[
        str, typer.Option("--since", help="How long ago (30m, 24h, 7d), or a time with its time zone.")
    ] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000)] = 50,
    timeout: LookOption = LOOK_S,
    url: UrlOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the audit log, newest first: who did what to which zone."""
    wanted = {"zone": zone, "event": event, "actor": actor, "since": moment_of(since)}
    found = run(fetch_items(url, config, "/api/v1/events", limit_s=timeout, most=limit, **wanted))
    if as_json:
        print(json.dumps(found, indent=2))
        return
    table = Rows("at", "event", "zone", "who", "from", "detail")
    for each in found:
        cells = (when(each["at"]), each["event"], each["zone"], each["actor"], each["address"], each["detail"])
        table.add(*cells)
    table.show(none=_none("nothing has been done", "no event", wanted))


def refused(
    zone: Annotated[str, typer.Option("--zone", help="Only this zone.")] = "",
    server: Annotated[str, typer.Option("--server", help="Only pushes of this host name or credential.")] = "",
    rule: Annotated[str, typer.Option("--rule", help="Only pushes refused by this rule.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000)] = 50,
    timeout: LookOption = LOOK_S,
    url: UrlOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the pushes that were answered error=1, newest first, and why."""
    wanted = {"zone": zone, "server": server, "rule": rule}
    found = run(fetch_items(url, config, "/api/v1/refused", limit_s=timeout, most=limit, **wanted))
    if as_json:
        print(json.dumps(found, indent=2))
        return
    table = Rows("at", "zone", "rule", "server", "reason")
    for each in found:
        owner = each["owner"]["hostname"] or each["owner"]["credential"]
        more = f" (and {len(each['faults']) - 1} more)" if len(each["faults"]) > 1 else ""
        table.add(when(each["at"]), each["zone"], each["rule"], owner, each["reason"] + more)
    table.show(none=_none("no push has been refused", "no refused push", wanted))


def wait(
    change: str,
    timeout: Annotated[float, typer.Option("--timeout", min=0, help="Longest wait, in seconds.")] = 60.0,
    url: UrlOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Wait until every name server is proven to serve a change."""
    found = run(_follow(url, config, change, timeout))
    if as_json:
        print(json.dumps(found, indent=2))
    else:
        stored = any(place["state"] == "stored" for place in found["placements"])
        ended = "stored, not proven" if stored else "not proven"
        state = "proven" if found["verified"] else ended if found["done"] else "still in progress"
        say(f"{found['zone']}: version {found['version']}, serial {found['serial']}: {state}")
        for place in found["placements"]:
            say(f"  {place['backend']}: {standing_of(place)}")
    if not found["verified"]:
        say(f"  to see why: dadns explain {found['zone']}", to=err)
        raise typer.Exit(EXIT_FAILED)


async def _follow(url: str | None, config: Path | None, change: str, timeout_s: float) -> Any:
    async with Client(find_target(url, config)) as client:
        return await client.follow(change, timeout_s=timeout_s)


async def _ask(url: str | None, config: Path | None, zone: str, *, limit_s: float) -> Any:
    """The service's explanation of a zone. Any refusal ends with the code for "cannot tell whether the zone is live"."""
    async with Client(find_target(url, config), limit_s=limit_s) as client:
        try:
            return await client.call("GET", f"{zone_path(zone)}/explain")
        except Rejected as error:
            say(str(error), to=err)
            raise typer.Exit(EXIT_UNKNOWN) from None


def page(told: dict[str, Any]) -> Iterator[str]:
    """The explanation in lines for people: the verdict first, then the facts behind it."""
    if told["within"]:
        yield f"{told['asked']} lies in the zone {told['zone']}"
    yield from _lines(f"{told['zone']}: ", told["headline"], indent="  ")
    if told["since"]:
        yield f"  since {when(told['since'])}"
    yield from _lines("  do:  ", told["do"] or "nothing to do")
    for each in told["also"]:
        yield from _lines("  also ", f"{each['live']}: {each['why']}")
        if each["do"]:
            yield from _lines("    do:  ", each["do"])
    if told["about"] is not None:
        yield from _about(told["about"])
    for place in told["places"]:
        yield from _place(place)
    for each in told["refused"]:
        yield f"  refused {when(each['at'])}: {each['reason']} (rule {each['rule']})"
        for fault in each["faults"][1:]:
            yield f"    also: {with_line(fault['reason'], fault['line'])} (rule {fault['rule']})"
    for each in told["events"][:EVENTS]:
        who = f" by {each['actor']}" if each["actor"] else ""
        yield f"  {when(each['at'])} {each['event']}{who}: {each['detail']}"


def _about(zone: dict[str, Any]) -> Iterator[str]:
    owner = zone["owner"]
    what = f"serial {zone['serial']}, {counted(zone['records'], 'record')}"
    yield f"{zone['zone']}: version {zone['version']}, {'deleted' if zone['kind'] == 'delete' else what}"
    if zone["serial"] != zone["pushed_serial"]:
        yield f"  published as serial {zone['serial']}, pushed as {zone['pushed_serial']}, because serials only move forward"
    server = owner["hostname"] or "no host name"
    yield f"  owner: {server}, user {owner['username'] or '-'}, pushed by {owner['credential']} ({zone['source']})"
    yield f"  last push {when(zone['pushed_at'])}, last change {when(zone['changed_at'])}, change {zone['change_id']}"
    yield f"  version id {short_id(zone['version_id'])}"
    for warning in zone["warnings"]:
        yield f"  warning: {with_line(warning['text'], warning['line'])}"


def _place(place: dict[str, Any]) -> Iterator[str]:
    versions = f"version {place['verified_version']} of {place['want_version']}"
    told = f"{versions} {place['standing']}" if place["state"] == "stored" else f"{place['state']}, {versions} proven"
    yield f"{place['backend']}: {told}"
    for answer in place["servers"]:
        reason = answer["reason"]
        if answer["rcode"]:
            said = f"serial {answer['serial']}" if answer["serial"] is not None else answer["rcode"]
            authority = "" if answer["authoritative"] else ", without authority"
            why = f": {reason}" if reason else ""
            yield f"  {answer['server']} answers {said}{authority} ({answer['elapsed_ms']} ms): {answer['finding']}{why}"
        else:
            yield f"  {reason}" if answer["server"] in reason else f"  {answer['server']}: {reason}"
    if place["stored"]:
        yield f"  {place['backend']}'s own copy: {place['stored']['reason'] or 'as wanted'}"


def _none(at_all: str, one: str, wanted: dict[str, str]) -> str:
    """The sentence for an empty list, naming the filters that narrowed it."""
    by = ", ".join(f"{key} {value}" for key, value in wanted.items() if value)
    return f"{one} with {by}" if by else f"{at_all}, as far as we know"


def _lines(head: str, text: str, *, indent: str = "") -> list[str]:
    """Text wrapped to the terminal's width without breaking what is to be copied; a single line in a pipe."""
    if not to_people():
        return [head + text]
    width, indent = max(out.width, 60), indent or " " * len(head)
    return textwrap.wrap(
        text, width, initial_indent=head, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
