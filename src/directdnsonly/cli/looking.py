"""Commands that look: explain, backends, events, refused, wait."""

from __future__ import annotations

import asyncio
import json
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from directdnsonly.advice import Standing, advise
from directdnsonly.cli.client import Client, Rejected, find_target, zone_path
from directdnsonly.cli.tables import Rows
from directdnsonly.cli.terminal import (
    EXIT_FAILED,
    ConfigOption,
    JsonOption,
    UrlOption,
    err,
    fetch_items,
    moment_of,
    out,
    run,
    say,
    tell_reasons,
    to_people,
    when,
    with_line,
)
from directdnsonly.wording import counted

servers = typer.Typer(name="backends")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (explain, events, refused, wait):
        app.command()(command)
    app.add_typer(servers)


def explain(zone: str, url: UrlOption = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Everything about one zone on one page: owner, name servers, what they answer now, and what to do."""
    told = run(_look(url, config, zone))
    if as_json:
        print(json.dumps(told, indent=2))
    else:
        for line in page(told):
            say(line)
    if told["zone"] is None or any(place["advice"] for place in told["places"]):
        raise typer.Exit(EXIT_FAILED)


@servers.callback(invoke_without_command=True)
def backends(
    context: typer.Context, url: UrlOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Every name server: state and why, what is outstanding there; also those that are no longer configured."""
    if context.invoked_subcommand is not None:
        return
    found = run(fetch_items(url, config, "/api/v1/backends"))
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
    table.show()
    tell_reasons(found)


@servers.command()
def forget(
    name: Annotated[str, typer.Argument(help="Its former name.")],
    url: UrlOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Drop what is kept for a name server that was taken out of the configuration for good."""
    found = run(_forget(url, config, name))
    if as_json:
        print(json.dumps(found, indent=2))
    elif found["deliveries"]:
        say(f"{name}: forgotten, with {counted(found['deliveries'], 'delivery', 'deliveries')}")
    else:
        say(f"{name}: nothing is kept for it")


async def _forget(url: str | None, config: Path | None, name: str) -> Any:
    async with Client(find_target(url, config)) as client:
        return await client.call("DELETE", f"/api/v1/backends/{quote(name, safe='')}")


def events(
    zone: Annotated[str, typer.Option("--zone", help="Of this zone only.")] = "",
    event: Annotated[str, typer.Option("--event", help="Of this kind only, such as zone.put.")] = "",
    actor: Annotated[str, typer.Option("--actor", help="Done by this credential.")] = "",
    since: Annotated[str, typer.Option("--since", help="30m, 24h, 7d ago, or a time with its zone.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000)] = 50,
    url: UrlOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Who did what to which zone, newest first."""
    wanted = {"zone": zone, "event": event, "actor": actor, "since": moment_of(since)}
    found = run(fetch_items(url, config, "/api/v1/events", most=limit, **wanted))
    if as_json:
        print(json.dumps(found, indent=2))
        return
    table = Rows("at", "event", "zone", "who", "from", "detail")
    for each in found:
        cells = (when(each["at"]), each["event"], each["zone"], each["actor"], each["address"], each["detail"])
        table.add(*cells)
    table.show()


def refused(
    zone: Annotated[str, typer.Option("--zone", help="Of this zone only.")] = "",
    server: Annotated[str, typer.Option("--server", help="Sent by this host name, or credential.")] = "",
    rule: Annotated[str, typer.Option("--rule", help="Refused by this rule.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000)] = 50,
    url: UrlOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Pushes that were answered error=1, and why, newest first."""
    found = run(fetch_items(url, config, "/api/v1/refused", most=limit, zone=zone, server=server, rule=rule))
    if as_json:
        print(json.dumps(found, indent=2))
        return
    table = Rows("at", "zone", "rule", "server", "reason")
    for each in found:
        owner = each["owner"]["hostname"] or each["owner"]["credential"]
        more = f" (and {len(each['faults']) - 1} more)" if len(each["faults"]) > 1 else ""
        table.add(when(each["at"]), each["zone"], each["rule"], owner, each["reason"] + more)
    table.show()


def wait(
    change: str,
    timeout: Annotated[float, typer.Option("--timeout", min=0, help="Seconds to wait at most.")] = 60.0,
    url: UrlOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Wait until every name server has proven a change."""
    found = run(_follow(url, config, change, timeout))
    if as_json:
        print(json.dumps(found, indent=2))
    else:
        state = "proven" if found["verified"] else "not proven" if found["done"] else "still under way"
        say(f"{found['zone']}: version {found['version']}, serial {found['serial']}: {state}")
        for place in found["placements"]:
            say(f"  {place['backend']}: {place['state']}" + (f": {place['reason']}" if place["reason"] else ""))
    if not found["verified"]:
        say(f"  dadns explain {found['zone']} tells why", to=err)
        raise typer.Exit(EXIT_FAILED)


async def _follow(url: str | None, config: Path | None, change: str, timeout_s: float) -> Any:
    async with Client(find_target(url, config)) as client:
        return await client.follow(change, timeout_s=timeout_s)


async def _look(url: str | None, config: Path | None, zone: str) -> dict[str, Any]:
    """What `explain` tells, as data."""
    async with Client(find_target(url, config)) as client:
        refusals = client.items("/api/v1/refused", most=3, zone=zone)
        missed, servers = await asyncio.gather(refusals, client.items("/api/v1/backends"))
        try:
            about = await client.call("GET", zone_path(zone))
        except Rejected as error:
            return {"zone": None, "reason": str(error), "refused": missed, "places": [], "events": []}
        served, happened = await asyncio.gather(
            client.call("GET", f"{zone_path(zone)}/served"),
            client.items("/api/v1/events", most=5, zone=about["zone"]),
        )
    states = {each["name"]: each for each in servers}
    places = []
    for placement in about["placements"]:
        name = placement["backend"]
        answers = [each for each in served["items"] if each["backend"] == name]
        cause, advice = judge(about, placement, states.get(name, {}), answers)
        places.append({"placement": placement, "served": answers, "cause": cause, "advice": advice})
    newer = [each for each in missed if each["at"] > about["pushed_at"]]
    return {"zone": about, "refused": newer, "places": places, "events": happened}


def judge(
    about: dict[str, Any], placement: dict[str, Any], backend: dict[str, Any], answers: list[dict[str, Any]]
) -> tuple[str, str]:
    """Why the zone is not served as it should be on one backend, and what to do; both empty when it is."""
    given = advise(
        Standing(
            zone=about["zone"],
            backend=placement["backend"],
            state=placement["state"],
            attempts=placement["attempts"],
            reason=placement["reason"],
            due=when(placement["due_at"]),
            paused=backend.get("paused") or "",
            down=backend.get("state") == "down",
            down_reason=backend.get("reason") or "",
            bundled=bool(backend.get("nameserver")),
            wrong=[each["reason"] for each in answers if each["finding"] != "proven"],
        )
    )
    return given.cause, given.cure


def page(told: dict[str, Any]) -> Iterator[str]:
    """The page for people."""
    about = told["zone"]
    if about is None:
        yield told["reason"]
    else:
        owner = about["owner"]
        what = (
            "deleted"
            if about["kind"] == "delete"
            else f"serial {about['serial']}, {counted(about['records'], 'record')}"
        )
        yield f"{about['zone']}: version {about['version']}, {what}"
        if about["serial"] != about["pushed_serial"]:
            yield f"  published as serial {about['serial']}, pushed as {about['pushed_serial']}: serials only move forward"
        server = owner["hostname"] or "no host name"
        yield f"  owner: {server}, user {owner['username'] or '-'}, pushed by {owner['credential']} ({about['source']})"
        yield f"  last push {when(about['pushed_at'])}, last change {when(about['changed_at'])}, change {about['change_id']}"
        for warning in about["warnings"]:
            yield f"  warning: {with_line(warning['text'], warning['line'])}"
    for place in told["places"]:
        yield from _place(place)
    for each in told["refused"]:
        yield f"  refused {when(each['at'])}: {each['reason']} (rule {each['rule']}); the version above stays served"
    for each in told["events"]:
        who = f" by {each['actor']}" if each["actor"] else ""
        yield f"  {when(each['at'])} {each['event']}{who}: {each['detail']}"
    if about is not None and not any(place["advice"] for place in told["places"]):
        yield "  nothing to do"


def _place(place: dict[str, Any]) -> Iterator[str]:
    placement = place["placement"]
    yield (
        f"{placement['backend']}: {placement['state']},"
        f" version {placement['verified_version']} of {placement['want_version']} proven"
    )
    for answer in place["served"]:
        if answer["rcode"]:
            said = f"serial {answer['serial']}" if answer["serial"] is not None else answer["rcode"]
            authority = "" if answer["authoritative"] else ", without authority"
            yield f"  {answer['server']} answers {said}{authority} ({answer['elapsed_ms']} ms): {answer['finding']}"
        else:
            yield (
                f"  {answer['reason']}"
                if answer["server"] in answer["reason"]
                else f"  {answer['server']}: {answer['reason']}"
            )
    if place["cause"]:
        yield from _lines("  why: ", place["cause"])
    if place["advice"]:
        yield from _lines("  do:  ", place["advice"])


def _lines(head: str, text: str) -> list[str]:
    """A text in lines as wide as the terminal; what is to be copied stays whole. In a pipe it is one line."""
    if not to_people():
        return [head + text]
    width, indent = max(out.width, 60), " " * len(head)
    return textwrap.wrap(
        text, width, initial_indent=head, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
