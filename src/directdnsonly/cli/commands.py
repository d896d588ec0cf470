"""The commands. Exit codes: 0 done, 1 refused or failed, 2 configuration, 3 no service."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column, Table
from rich.text import Text

from directdnsonly import __version__
from directdnsonly.cli.client import Client, NoService, Rejected, find_target, zone_path
from directdnsonly.config import load
from directdnsonly.errors import ConfigError

T = TypeVar("T")
EXIT_FAILED, EXIT_CONFIG, EXIT_NO_SERVICE, EXIT_INTERRUPTED = 1, 2, 3, 130
AT_ONCE = 16
WATCH_EVERY_S = 2.0
SUFFIXES = (".db", ".zone", ".txt")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

app = typer.Typer(
    name="dadns",
    help="DirectDNSOnly: the extra DNS server of DirectAdmin.",
    epilog="Exit codes: 0 done, 1 refused or failed, 2 wrong configuration, 3 no service answers.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)
out, err = Console(), Console(stderr=True)

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="Configuration file (else DADNS_CONFIG and the usual places).")
]
UrlOption = Annotated[
    str | None, typer.Option("--url", help="The service (else DADNS_URL, else from the configuration).")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.callback(invoke_without_command=True)
def _top(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        print(__version__)
        raise typer.Exit


@app.command()
def serve(config: ConfigOption = None) -> None:
    """Run the service until SIGTERM."""
    from directdnsonly.app import serve as run  # noqa: PLC0415 - other commands need not load the whole service

    raise typer.Exit(run(_settings(config)))


@app.command()
def check(config: ConfigOption = None) -> None:
    """Check the configuration and what it needs on this machine."""
    from directdnsonly.cli.checks import look_around  # noqa: PLC0415 - same

    settings = _settings(config)
    failed = False
    for finding in look_around(settings):
        out.print("   ok" if finding.good else "wrong", style="green" if finding.good else "red", end="  ")
        out.print(finding.what, markup=False, highlight=False, soft_wrap=True)
        failed |= not finding.good
    raise typer.Exit(EXIT_FAILED if failed else 0)


@app.command()
def push(
    files: Annotated[list[str], typer.Argument(help="Zone files; - is standard input.")],
    zone: Annotated[str | None, typer.Option("--zone", help="The zone's name (else the file's name).")] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until every name server has proven it.")] = True,
    timeout: Annotated[float, typer.Option("--timeout", min=0, help="Seconds to wait at most.")] = 60.0,
    url: UrlOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Push zone files; the same line that DirectAdmin's pushes walk."""
    if zone is not None and len(files) > 1:
        raise typer.BadParameter("--zone names one zone, but several files are given")
    jobs = [(name, zone or _zone_of(name)) for name in files]
    results = _run(_push_all(url, config, jobs, wait=wait, timeout_s=timeout))
    if as_json:
        print(json.dumps(results, indent=2))
    else:
        for result in results:
            _tell_push(result)
    bad = any(result.get("error") or (wait and not result.get("verified")) for result in results)
    raise typer.Exit(EXIT_FAILED if bad else 0)


@app.command()
def zones(
    search: Annotated[str, typer.Option("--search", help="Part of the name.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000)] = 100,
    url: UrlOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List zones."""
    found = _run(_list_zones(url, config, search, limit))
    if as_json:
        print(json.dumps(found, indent=2))
        return
    table = _table("zone", "serial", "version", "records", "server", "user", "pushed", folds="zone")
    for entry in found:
        owner = entry["owner"]
        cells = (entry["zone"], entry["serial"], entry["version"], entry["records"])
        table.add_row(
            *_plain(*cells, owner["hostname"] or owner["credential"], owner["username"], entry["pushed_at"][:19])
        )
    out.print(table)


@app.command()
def show(zone: str, url: UrlOption = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """One zone and its state on each name server."""
    found = _run(_get(url, config, zone_path(zone)))
    if as_json:
        print(json.dumps(found, indent=2))
        return
    about = f"version {found['version']} ({found['kind']}), serial {found['serial']}, {found['records']} records"
    _say(f"{found['zone']}: {about}")
    for warning in found["warnings"]:
        _say(f"  warning: {warning}")
    for place in found["placements"]:
        tail = f": {place['reason']}" if place["reason"] else ""
        _say(f"  {place['backend']}: {place['state']}, proven version {place['verified_version']}{tail}")


@app.command()
def delete(zone: str, url: UrlOption = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Remove a zone from every name server."""
    receipt = _run(_call(url, config, "DELETE", zone_path(zone)))
    if as_json:
        print(json.dumps(receipt, indent=2))
    else:
        _say(f"{receipt['zone']}: deleted, version {receipt['version']}, change {receipt['change_id']}")


@app.command()
def status(
    watch: Annotated[bool, typer.Option("--watch", help="Show it again every two seconds until Ctrl-C.")] = False,
    url: UrlOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """The whole service at a glance."""
    if watch:
        from directdnsonly.cli.looking import watch as watching  # noqa: PLC0415 - it imports this module

        _run(watching(url, config, WATCH_EVERY_S, _tell_status))
    found = _run(_get(url, config, "/api/v1/status"))
    if as_json:
        print(json.dumps(found, indent=2))
    else:
        _tell_status(found)


def _tell_status(found: Any) -> None:
    size = f"{found['store']['size_bytes'] / 2**20:.1f} MiB"
    _say(f"DirectDNSOnly {found['version']}: {found['state']}, {found['zones']} zones, store {size}")
    table = _table(
        "backend", "state", "breaker", "pending", "leased", "dead", "oldest", "proven in", "reason", folds="reason"
    )
    for backend in found["backends"]:
        oldest, median = backend["oldest_s"], backend["median_proven_ms"]
        table.add_row(
            *_plain(*(backend[key] for key in ("name", "state", "breaker", "pending", "leased", "dead"))),
            "" if oldest is None else f"{oldest:.1f} s",
            "" if median is None else f"{median:.1f} ms",
            *_plain(backend["reason"]),
        )
    out.print(table)
    for alarm in found.get("alarms", ()):
        _say(f"ALARM {alarm}")


def _settings(config: Path | None) -> Any:
    try:
        return load(config)
    except ConfigError as error:
        raise _wrong_configuration(error) from None


def _wrong_configuration(error: ConfigError) -> typer.Exit:
    """Tell every problem; the exit to raise."""
    where = error.file or "no file found: defaults and variables"
    err.print(f"wrong configuration ({where})", style="red", markup=False, highlight=False, soft_wrap=True)
    for problem in error.problems:
        err.print(f"  {problem}", markup=False, highlight=False, soft_wrap=True)
    return typer.Exit(EXIT_CONFIG)


def _table(*names: str, folds: str) -> Table:
    """A table without frames; one column may be broken into lines, so that the others stay whole."""
    columns = [Column(name, overflow="fold") if name == folds else Column(name, no_wrap=True) for name in names]
    return Table(*columns, box=None, pad_edge=False, padding=(0, 1, 0, 0))


def _plain(*values: object) -> list[Text]:
    """Cells as they are: what other people wrote is no markup and moves no cursor."""
    return [Text(_CONTROL.sub("?", str(value))) for value in values]


def _say(line: str, *, to: Console | None = None) -> None:
    """One line as it is: no markup, no wrapping, no control characters."""
    (to or out).print(Text(_CONTROL.sub("?", line)), soft_wrap=True)


def _run(work: Coroutine[Any, Any, T]) -> T:
    try:
        return asyncio.run(work)
    except ConfigError as error:
        code = _wrong_configuration(error)
        _say("or tell where the service is: --url or DADNS_URL, with DADNS_USERNAME and DADNS_PASSWORD", to=err)
        raise code from None
    except NoService as error:
        _say(str(error), to=err)
        raise typer.Exit(EXIT_NO_SERVICE) from None
    except Rejected as error:
        _say(str(error), to=err)
        raise typer.Exit(EXIT_FAILED) from None
    except KeyboardInterrupt:
        raise typer.Exit(EXIT_INTERRUPTED) from None


async def _call(url: str | None, config: Path | None, method: str, path: str) -> Any:
    async with Client(find_target(url, config)) as client:
        return await client.call(method, path)


async def _get(url: str | None, config: Path | None, path: str) -> Any:
    return await _call(url, config, "GET", path)


async def _list_zones(url: str | None, config: Path | None, search: str, limit: int) -> list[Any]:
    found: list[Any] = []
    async with Client(find_target(url, config)) as client:
        after = ""
        while len(found) < limit:
            size = min(limit - len(found), 1000)
            page = await client.call("GET", "/api/v1/zones", params={"after": after, "limit": size, "search": search})
            found += page["zones"]
            if not page["next"]:
                break
            after = page["next"]
    return found


async def _push_all(
    url: str | None, config: Path | None, jobs: list[tuple[str, str]], *, wait: bool, timeout_s: float
) -> list[dict[str, Any]]:
    """Push all, a few at once, with a bar when there are many."""
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
        text = sys.stdin.buffer.read() if file == "-" else await asyncio.to_thread(Path(file).read_bytes)
        receipt = await client.push(zone, text)
        result = (
            await client.follow(receipt["change_id"], timeout_s=timeout_s) | {"warnings": receipt["warnings"]}
            if wait
            else receipt
        )
    except OSError as error:
        return {"zone": zone, "file": file, "error": f"{file}: {error.strerror}"}
    except Rejected as error:
        return {"zone": zone, "file": file, "error": str(error)}
    return {**result, "file": file, "elapsed_s": round(time.perf_counter() - began, 3)}


def _tell_push(result: dict[str, Any]) -> None:
    if result.get("error"):
        _say(f"{result['zone']}: refused: {result['error']}", to=err)
        return
    what = "recorded" if result["changed"] else "unchanged"
    line = f"{result['zone']}: {what}, version {result['version']}, serial {result['serial']}, change {result['change_id']}"
    _say(line)
    if result.get("ignored"):
        _say(f"  {result['ignored']}")
    for warning in result.get("warnings", ()):
        _say(f"  warning: {warning}")
    for place in result.get("placements", ()):
        tail = f": {place['reason']}" if place["reason"] else ""
        _say(f"  {place['backend']}: {place['state']}{tail}")
    if result.get("verified"):
        _say(f"  proven by every name server after {result['elapsed_s']:.3f} s")
    elif "verified" in result:
        _say("  not proven yet: dadns show tells more", to=err)


def _zone_of(file: str) -> str:
    if file == "-":
        raise typer.BadParameter("standard input has no name: give --zone")
    name = Path(file).name
    return next((name.removesuffix(suffix) for suffix in SUFFIXES if name.endswith(suffix)), name)
