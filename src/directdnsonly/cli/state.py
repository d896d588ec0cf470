"""`dadns status`, for people, scripts and Nagios; `dadns lost`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from directdnsonly import __version__
from directdnsonly.cli.client import Client, NoService, NotKnown, Rejected, find_target
from directdnsonly.cli.tables import Rows
from directdnsonly.cli.terminal import (
    CONTROL,
    LOOK_S,
    ConfigOption,
    JsonOption,
    LookOption,
    UrlOption,
    err,
    fetch_items,
    out,
    run,
    say,
    tell_wrong_configuration,
    when,
)
from directdnsonly.errors import ConfigError
from directdnsonly.wording import counted

WATCH_EVERY_S: Final = 2.0
EXIT: Final = {"ready": 0, "degraded": 1, "unready": 2}
WORD: Final = {0: "OK", 1: "WARNING", 2: "CRITICAL", 3: "UNKNOWN"}
STATUS: Final = {"state", "since", "reasons", "zones", "store", "backends"}
UNREADY, UNKNOWN = 2, 3  # `UNKNOWN` is one of Nagios's only
FORBIDDEN = 403


@dataclass(frozen=True, slots=True)
class Answer:
    """The outcome of a status request. Without a status `found` is empty and `why` says why. `code`: Nagios's exit code."""

    code: int
    found: dict[str, Any]
    why: str = ""


def register(app: typer.Typer) -> None:
    """Add status and lost to `dadns`."""
    app.command()(status)
    app.command()(lost)


def status(
    watch: Annotated[bool, typer.Option("--watch", help="Refresh every two seconds until Ctrl-C.")] = False,
    nagios: Annotated[bool, typer.Option("--nagios", help="One line for Nagios, with its exit codes.")] = False,
    timeout: Annotated[
        float, typer.Option("--timeout", min=0.1, help="Longest wait for the answer, in seconds.")
    ] = 20.0,
    url: UrlOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the whole service at a glance.

    Exit code: 0 ready, 1 degraded, 2 unready or not reachable. With --nagios: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.
    """
    if watch:
        run(_watch(url, config, timeout))
    answer = asyncio.run(_ask(url, config, timeout))
    if nagios:
        print(nagios_line(answer))
        raise typer.Exit(answer.code)
    if as_json:
        print(json.dumps(answer.found or {"state": "unready", "headline": f"not ready: {answer.why}"}, indent=2))
    elif answer.found:
        for line in told(answer.found):
            say(line)
        _table(answer.found).show()
    if not answer.found:
        say(answer.why, to=err)
    raise typer.Exit(min(answer.code, UNREADY))


def lost(
    forget: Annotated[
        bool, typer.Option("--forget", help="These pushes need not come again: forget those of ZONE, or all.")
    ] = False,
    zone: Annotated[str, typer.Option("--zone", help="Only this zone.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000)] = 100,
    timeout: LookOption = LOOK_S,
    url: UrlOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the pushes that could not be recorded (disk full, store locked) and have not come again: push them again."""
    found: Any = run(
        _forget(url, config, zone)
        if forget
        else fetch_items(url, config, "/api/v1/lost", limit_s=timeout, most=limit, zone=zone)
    )
    if as_json:
        print(json.dumps(found, indent=2))
    elif forget:
        say(f"forgotten: {counted(found['forgotten'], 'lost push', 'lost pushes')}")
    elif not found:
        say("no push is lost: whatever could not be recorded has come again")
    else:
        table = Rows("at", "zone", "what", "server", "reason")
        for one in found:
            owner = one["owner"]["hostname"] or one["owner"]["credential"]
            table.add(
                when(one["at"]), one["zone"], "delete" if one["kind"] == "delete" else "push", owner, one["reason"]
            )
        table.show()


async def _forget(url: str | None, config: Path | None, zone: str) -> Any:
    async with Client(find_target(url, config)) as client:
        return await client.call("DELETE", "/api/v1/lost", params={"zone": zone} if zone else None)


async def _ask(url: str | None, config: Path | None, timeout_s: float) -> Answer:
    """The status, or why there is none; never raises, because "no answer" is a result too."""
    try:
        target = find_target(url, config)
        async with asyncio.timeout(timeout_s), Client(target) as client:
            found = await client.call("GET", "/api/v1/status")
        if not isinstance(found, dict) or not STATUS <= found.keys() or found["state"] not in EXIT:
            return Answer(UNKNOWN, {}, f"{target.url} does not answer like DirectDNSOnly {__version__}")
        return Answer(EXIT[found["state"]], found)
    except ConfigError as error:
        tell_wrong_configuration(error)
        return Answer(UNKNOWN, {}, "wrong configuration")
    except NotKnown as error:
        return Answer(UNKNOWN, {}, str(error))
    except Rejected as error:
        return Answer(UNKNOWN if error.status == FORBIDDEN else UNREADY, {}, str(error))
    except NoService as error:
        return Answer(UNREADY, {}, str(error))
    except TimeoutError:
        return Answer(UNREADY, {}, f"{target.url} gave no answer in {timeout_s:g} s")


def told(found: dict[str, Any]) -> Iterator[str]:
    """The status in lines for people: the state, then the reasons, worst first."""
    store = found["store"]
    size, free = (f"{store[key] / 2**20:.1f} MiB" for key in ("size_bytes", "free_bytes"))
    zones = counted(found["zones"], "zone")
    yield f"DirectDNSOnly {found['version']}: {found['state']} since {when(found['since'])}, {zones}, store {size}, {free} free"
    for reason in found["reasons"]:
        yield f"{reason['state']}: {reason['what']} (since {when(reason['since'])})"
    if waiting := found.get("configuration", {}).get("needs_restart"):
        yield f"changed in the configuration, but only effective after a restart: {', '.join(waiting)}"
    for one in found["backends"]:
        if one["state"] in ("ok", "busy") and one["reason"]:  # it works, and nobody can be asked for proof
            yield f"{one['name']} is {one['state']}: {one['reason']}"


def _table(found: dict[str, Any]) -> Rows:
    table = Rows("backend", "state", "zones proven", "breaker", "pending", "leased", "dead", "oldest", "proven in")
    for backend in found["backends"]:
        oldest, median = backend["oldest_s"], backend["median_proven_ms"]
        table.add(
            backend["name"],
            backend["state"],
            f"{backend['zones_proven']} of {found['zones']}",
            *(backend[key] for key in ("breaker", "pending", "leased", "dead")),
            "" if oldest is None else f"{oldest:.1f} s",
            "" if median is None else f"{median:.1f} ms",
        )
    return table


def nagios_line(answer: Answer) -> str:
    """The line of a Monitoring Plugin: `DADNS WARNING - text | 'label'=value;warn;crit;min;max ...`."""
    found = answer.found
    if not found:
        return f"DADNS {WORD[answer.code]} - {_plain(answer.why)}"
    why = "; ".join(reason["what"] for reason in found["reasons"])
    state = {"unready": "not ready"}.get(found["state"], found["state"])
    text = f"{state}: {why}" if why else f"{state}, {counted(found['zones'], 'zone')}"
    return f"DADNS {WORD[answer.code]} - {_plain(text)} | {' '.join(_perfdata(found))}"


def _plain(text: str) -> str:
    """The text as one line without `|`, which separates text from performance data."""
    return CONTROL.sub("?", text).replace("|", "/")


def _perfdata(found: dict[str, Any]) -> Iterator[str]:
    store, backends = found["store"], found["backends"]
    yield f"zones={found['zones']};;;0"
    yield f"held={found['held']};;;0"
    yield f"lost={found['lost']};;;0"
    yield f"store_size={store['size_bytes']}B;;;0"
    yield f"store_free={store['free_bytes']}B;;{store['reserve_bytes']}:;0"
    for one in backends:
        name = one["name"].replace("'", "").replace("=", "")
        yield f"'{name}_proven'={one['zones_proven']};;;0;{found['zones']}"
        yield f"'{name}_outstanding'={one['pending'] + one['leased']};;;0"
        yield f"'{name}_dead'={one['dead']};;;0"
        yield f"'{name}_oldest'={one['oldest_s'] or 0:.1f}s;;;0"


async def _watch(url: str | None, config: Path | None, timeout_s: float) -> None:
    """Show the status repeatedly until interrupted, even while the service is away."""
    while True:
        answer = await _ask(url, config, timeout_s)
        out.clear()
        if answer.found:
            for line in told(answer.found):
                say(line)
            _table(answer.found).show()
        else:
            say(answer.why, to=err)
        await asyncio.sleep(WATCH_EVERY_S)
