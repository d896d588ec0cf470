"""The main commands. Exit codes: 0 done, 1 refused or failed, 2 wrong configuration or hung service, 3 no service."""

from __future__ import annotations

import asyncio
import errno
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from directdnsonly import __version__
from directdnsonly.cli.client import Client, Rejected, find_target, zone_path
from directdnsonly.cli.stopped import stopped_store
from directdnsonly.cli.tables import Rows
from directdnsonly.cli.terminal import (
    AT_ONCE,
    EXIT_FAILED,
    LOOK_S,
    ConfigOption,
    JsonOption,
    LookOption,
    UrlOption,
    call,
    err,
    fetch,
    out,
    run,
    say,
    settings_of,
    standing_of,
    tell_refusal,
    tell_warnings,
    when,
)
from directdnsonly.cli.zonefiles import NoZone, called_zone, zone_of
from directdnsonly.wording import counted

LARGEST_FILE = 64 * 2**20

app = typer.Typer(
    name="dadns",
    help="DirectDNSOnly: the extra DNS server of DirectAdmin.",
    epilog="Exit codes: 0 done, 1 refused or failed, 2 wrong configuration or hung service, 3 no service answers.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)


@app.callback(invoke_without_command=True)
def _top(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        print(__version__)
        raise typer.Exit


@app.command()
def serve(
    stop_name_servers: Annotated[
        bool,
        typer.Option(
            "--stop-name-servers",
            help="Bundled name servers end with it, whatever dns.on_stop of the configuration says.",
        ),
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Run the service until SIGTERM or Ctrl-C.

    Bundled name servers go on serving after SIGTERM, and the next start adopts them (dns.on_stop, `dadns nameservers`).
    """
    settings = settings_of(config)
    stopped_store(settings).begin()  # while the rest is being loaded
    from directdnsonly.app import serve as serve_until_stopped  # noqa: PLC0415 - other commands need not load the service

    raise typer.Exit(serve_until_stopped(settings, stop_name_servers=stop_name_servers))


@app.command()
def check(
    against: Annotated[
        str,
        typer.Option(
            "--against",
            help="Check only which of our zones another version would not load (debian-13, debian-14, bind-9.20, nsd-4.12, knot-3.5).",
        ),
    ] = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check the configuration and what it needs on this machine: folders, disk, ports, programs, databases, name servers.

    With --against only our zones are checked: run it before you upgrade a name server.
    Exit code: 0 all is well, 1 something is wrong, 2 the configuration cannot be used. It may be run beside the service.
    """
    from directdnsonly.cli import checks_against  # noqa: PLC0415 - same
    from directdnsonly.cli.checks import look_around  # noqa: PLC0415 - same

    settings = settings_of(config)
    found = checks_against.against(settings, _versions(against)) if against else look_around(settings)
    findings = list(found) if as_json else found
    failed = False
    if as_json:
        print(json.dumps([one.as_json() for one in findings], indent=2))
    for finding in findings:
        failed |= not finding.good
        if not as_json:
            out.print("   ok" if finding.good else "wrong", style="green" if finding.good else "red", end="  ")
            out.print(finding.what, markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(EXIT_FAILED if failed else 0)


def _versions(word: str) -> Mapping[str, tuple[int, ...]]:
    from directdnsonly.backends.newer import versions_of  # noqa: PLC0415 - same

    try:
        return versions_of(word)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--against") from None


@app.command()
def push(
    files: Annotated[list[str], typer.Argument(help="Zone files; - is standard input.")],
    zone: Annotated[str | None, typer.Option("--zone", help="The zone's name (default: from the file).")] = None,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Wait until every name server is proven to serve it.")
    ] = True,
    timeout: Annotated[float, typer.Option("--timeout", min=0, help="Longest wait, in seconds.")] = 60.0,
    url: UrlOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Push zone files, on the same path as DirectAdmin's pushes."""
    if zone is not None and len(files) > 1:
        raise typer.BadParameter("--zone names one zone, but several files are given")
    if zone is not None:
        zone_path(zone)  # an empty one is no wish to have the file's name taken
    jobs = [(name, zone or _zone_of(name)) for name in files]
    results = run(_push_all(url, config, jobs, wait=wait, timeout_s=timeout))
    if as_json:
        print(json.dumps(results, indent=2))
    else:
        for result in results:
            _tell_push(result)
        if len(results) > 1:
            _tell_sum(results)
    bad = any(result.get("error") or (wait and not result.get("verified")) for result in results)
    raise typer.Exit(EXIT_FAILED if bad else 0)


@app.command()
def zones(
    search: Annotated[str, typer.Option("--search", help="Only names that contain this.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000)] = 100,
    timeout: LookOption = LOOK_S,
    url: UrlOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List zones."""
    found, more = run(_list_zones(url, config, search, limit, limit_s=timeout))
    if as_json:
        print(json.dumps(found, indent=2))
        return
    table = Rows("zone", "serial", "version", "records", "server", "user", "pushed")
    for entry in found:
        owner = entry["owner"]
        cells = (entry["zone"], entry["serial"], entry["version"], entry["records"])
        table.add(*cells, owner["hostname"] or owner["credential"], owner["username"], when(entry["pushed_at"]))
    table.show(none=f"no zone has {search!r} in its name" if search else "no zone has been pushed yet")
    if more:
        say(f"only the first {limit} are shown (--limit, --search)", to=err)


@app.command()
def show(
    zone: str,
    timeout: LookOption = LOOK_S,
    url: UrlOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one zone and its state on each name server."""
    found = run(fetch(url, config, zone_path(zone), limit_s=timeout))
    if as_json:
        print(json.dumps(found, indent=2))
        return
    about = (
        f"version {found['version']} ({found['kind']}), serial {found['serial']}, {counted(found['records'], 'record')}"
    )
    say(f"{found['zone']}: {about}")
    tell_warnings(found["warnings"])
    for place in found["placements"]:
        tail = f": {place['reason']}" if place["reason"] else ""
        how_far = f"{place['state']}, proven version {place['verified_version']}{tail}"
        say(f"  {place['backend']}: {standing_of(place) if place['state'] == 'stored' else how_far}")


@app.command()
def delete(zone: str, url: UrlOption = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Remove a zone from every name server."""
    receipt = run(call(url, config, "DELETE", zone_path(zone)))
    waits = receipt["ignored"]
    if as_json:
        print(json.dumps(receipt, indent=2))
    elif waits:
        say(f"{receipt['zone']}: not deleted: {waits} (dadns unpin {receipt['zone']})", to=err)
    else:
        say(f"{receipt['zone']}: deleted, version {receipt['version']}, change {receipt['change_id']}")
    if waits:
        raise typer.Exit(EXIT_FAILED)


async def _list_zones(
    url: str | None, config: Path | None, search: str, limit: int, *, limit_s: float
) -> tuple[list[Any], bool]:
    """The zones in order of their names, and whether there are more."""
    async with Client(find_target(url, config), limit_s=limit_s) as client:
        return await client.items_and_rest("/api/v1/zones", most=limit, search=search)


async def _push_all(
    url: str | None, config: Path | None, jobs: list[tuple[str, str]], *, wait: bool, timeout_s: float
) -> list[dict[str, Any]]:
    """Push all files, a few at a time, with a progress bar if there are many."""
    results: list[dict[str, Any]] = [{} for _ in jobs]
    numbers = iter(range(len(jobs)))
    columns = (TextColumn("pushing"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    async with Client(find_target(url, config)) as client:
        with Progress(*columns, console=err, disable=len(jobs) < 2 or not err.is_terminal) as progress:  # noqa: PLR2004
            bar = progress.add_task("push", total=len(jobs))

            async def worker() -> None:
                for number in numbers:
                    results[number] = await _push_one(client, *jobs[number], wait=wait, timeout_s=timeout_s)
                    progress.advance(bar)

            await asyncio.gather(*(worker() for _ in range(min(AT_ONCE, len(jobs)))))
    return results


async def _push_one(client: Client, file: str, zone: str, *, wait: bool, timeout_s: float) -> dict[str, Any]:
    began = time.perf_counter()
    try:
        text = sys.stdin.buffer.read() if file == "-" else await asyncio.to_thread(_read, file)
        receipt = await client.push(zone, text)
        # The same content again is answered with the change that made it.
        pushed = {key: receipt[key] for key in ("changed", "warnings")}
        result = await client.follow(receipt["change_id"], timeout_s=timeout_s) | pushed if wait else receipt
    except OSError as error:
        return {"zone": zone, "file": file, "error": f"{file or repr(file)}: {error.strerror}", "unread": True}
    except typer.BadParameter as error:
        return {"zone": zone, "file": file, "error": f"{file}: {error}", "unread": True}
    except Rejected as error:
        return {"zone": zone, "file": file, "error": str(error), "faults": error.faults}
    return {**result, "file": file, "elapsed_s": round(time.perf_counter() - began, 3)}


def _read(file: str) -> bytes:
    """The content of a file or pipe. Raises OSError with a text that says what to do instead."""
    if not file:
        raise FileNotFoundError(errno.ENOENT, "not a file name")
    if Path(file).is_dir():
        raise IsADirectoryError(errno.EISDIR, f"it is a folder: dadns import {file} takes the zone files in it")
    with Path(file).open("rb") as handle:
        text = handle.read(LARGEST_FILE + 1)
    if len(text) > LARGEST_FILE:
        raise OSError(errno.EFBIG, f"it is larger than {LARGEST_FILE // 2**20} MiB, too large for a zone file")
    return text


def _tell_sum(results: list[dict[str, Any]]) -> None:
    refused = [result["zone"] or result["file"] for result in results if result.get("error")]
    unproven = [result["zone"] for result in results if not result.get("error") and not result.get("verified", True)]
    line = f"{counted(len(results) - len(refused), 'zone')} recorded, {len(refused)} refused, {len(unproven)} not proven yet"
    say(line)
    for what, names in (("refused", refused), ("not proven", unproven)):
        if names:
            say(f"  {what}: {' '.join(names)}", to=err)


def _tell_push(result: dict[str, Any]) -> None:
    if result.get("unread"):
        say(f"not pushed: {result['error']}", to=err)
        return
    if result.get("error"):
        tell_refusal(result["zone"], result["error"], result.get("faults", ()))
        return
    what = "recorded" if result["changed"] or result.get("ignored") else "unchanged"
    line = f"{result['zone']}: {what}, version {result['version']}, serial {result['serial']}, change {result['change_id']}"
    say(line)
    if result.get("ignored"):
        say(f"  {result['ignored']}")
    tell_warnings(result.get("warnings", ()))
    for place in () if result.get("ignored") else result.get("placements", ()):  # those are of the pinned version
        say(f"  {place['backend']}: {standing_of(place)}")
    if result.get("verified") and what == "unchanged":
        say(f"  proven by every name server when it was delivered; dadns explain {result['zone']} asks them again")
    elif result.get("verified"):
        say(f"  proven by every name server after {result['elapsed_s']:.3f} s")
    elif "verified" in result:
        yet = "" if result["done"] else " yet"
        say(f"  not proven{yet}: to see why: dadns explain {result['zone']}", to=err)


def _zone_of(file: str) -> str:
    if file == "-":
        raise typer.BadParameter("standard input has no name: give --zone")
    try:
        return zone_of(Path(file))
    except (NoZone, OSError):
        return called_zone(Path(file).name)  # the push itself tells what is wrong
