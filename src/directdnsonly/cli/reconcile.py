"""`dadns reconcile` and `dadns register`."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from directdnsonly.cli.client import LONGEST_ANSWER_S, Client, Rejected, find_target, segment
from directdnsonly.cli.commands import app
from directdnsonly.cli.tables import Rows
from directdnsonly.cli.terminal import (
    EXIT_FAILED,
    LOOK_S,
    ConfigOption,
    JsonOption,
    LookOption,
    UrlOption,
    err,
    run,
    say,
    settings_of,
    when,
)
from directdnsonly.wording import counted

KINDS = ("orphaned", "missed", "stale", "migrated", "missing", "extra", "ownerless")
WHAT = {
    "orphaned": "served here, lacking in its server's list",
    "missed": "in DirectAdmin's list, not here",
    "stale": "newer on DirectAdmin than here",
    "migrated": "moved to another DirectAdmin server",
    "missing": "not served as it should be",
    "extra": "on a name server, not ours",
    "ownerless": "no configured server answers for it",
}
POLL_S = 2.0
SHOWN = 20  # zones of each kind


@app.command()
def reconcile(
    plan: Annotated[bool, typer.Option("--plan", help="Compare everything, change nothing.")] = False,
    now: Annotated[bool, typer.Option("--now", help="Run a pass now.")] = False,
    approve: Annotated[
        str | None, typer.Option("--approve", metavar="PLAN", help="Approve a plan of deletions that exceeds the cap.")
    ] = None,
    undo: Annotated[
        str | None,
        typer.Option("--undo", metavar="ZONE", help="Keep an orphaned zone, or restore it if it is already deleted."),
    ] = None,
    accept_list: Annotated[
        str | None,
        typer.Option("--accept-list", metavar="HOST", help="Accept a server's next list of zones, however short."),
    ] = None,
    timeout: LookOption = LOOK_S,
    url: UrlOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare us with DirectAdmin and the name servers; without options, show how the last passes went."""
    acts = [one for one in (approve, undo, accept_list) if one is not None]
    if plan + now + len(acts) > 1:
        raise typer.BadParameter("choose one of --plan, --now, --approve, --undo, --accept-list")
    if plan or now:
        job = run(_follow(url, config, "plan" if plan else "run"))
        _finish_job(job, as_json=as_json)
    elif acts:
        path, told = _word(approve, undo, accept_list)
        answer = run(_call(url, config, "POST", path))
        if as_json:
            print(json.dumps(answer, indent=2))
        else:
            zones = {"zones": counted(answer["zones"], "zone")} if approve is not None else {}
            say(told.format(**answer | zones))
    else:
        status = run(_call(url, config, "GET", "", limit_s=timeout))
        if as_json:
            print(json.dumps(status, indent=2))
        else:
            _tell_status(status)


def _word(approve: str | None, undo: str | None, accept_list: str | None) -> tuple[str, str]:
    if approve is not None:
        return (
            f"/approve/{segment(approve, 'name of a plan')}",
            "approved: {zones}; quarantine begins with the next pass",
        )
    if undo is not None:
        return f"/undo/{segment(undo, 'name of a zone', slashes=True)}", "{zone}: {done}"
    return (
        f"/servers/{segment(accept_list or '', 'name of a server')}/accept-list",
        f"the next list of {accept_list} is accepted, however short it is; later ones are compared with it",
    )


async def _call(
    url: str | None, config: Path | None, method: str, path: str, *, limit_s: float = LONGEST_ANSWER_S
) -> Any:
    async with Client(find_target(url, config), limit_s=limit_s) as client:
        return await client.call(method, f"/api/v1/reconcile{path}")


async def _follow(url: str | None, config: Path | None, what: str) -> Any:
    """Request a pass and wait until it ends, showing its progress."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    async with Client(find_target(url, config)) as client:
        job = await client.call("POST", f"/api/v1/reconcile/{what}")
        with Progress(*columns, console=err, disable=not err.is_terminal, transient=True) as progress:
            bar = progress.add_task("waiting")
            while not job["done"]:
                progress.update(bar, description=f"{job['stage']} ({counted(job['count'], 'zone')})")
                job = await client.call("GET", f"/api/v1/reconcile/jobs/{job['id']}", params={"wait": POLL_S})
    return job


def _finish_job(job: Any, *, as_json: bool) -> None:
    if job["failure"]:
        raise typer.Exit(_failed(job["failure"]))
    if as_json:
        print(json.dumps(job["result"], indent=2))
        return
    result = job["result"]
    _tell_plan(result["plan"])
    if job["live"]:
        _tell_done(result["done"])
    else:
        say("nothing was changed; to carry it out: dadns reconcile --now")


def _failed(reason: str) -> int:
    say(reason, to=err)
    return EXIT_FAILED


def _tell_plan(plan: Any) -> None:
    for server in plan["servers"]:
        told = f"no list: {server['reason']}" if server["reason"] else f"{counted(server['listed'], 'zone')} listed"
        say(f"{server['server']}: {told}, {server['present']} of {server['owned']} of ours present")
        if server["pushes_as"]:
            say(f"  pushes as {server['pushes_as']}: add it to pushed_as")
        if not server["reason"] and not server["serials"]:
            say("  its own name server does not answer: stale zones cannot be detected")
    for backend, reason in plan["unreachable"].items():
        say(f"{backend}: not compared: {reason}")
    counts = Rows("found", "zones", "meaning")
    for kind in KINDS:
        counts.add(kind, plan["counts"].get(kind, 0), WHAT[kind])
    counts.show()
    lines = [(kind, line) for kind in KINDS for line in plan[kind][:SHOWN]]
    if lines:
        table = Rows("zone", "found", "where", "detail")
        for kind, line in lines:
            table.add(line["zone"], kind, line["where"], line["detail"])
        table.show()
    for kind in KINDS:
        shown, more = len(plan[kind][:SHOWN]), len(plan[kind])
        if shown and plan["counts"].get(kind, 0) > shown:
            tail = f"; --json shows {more}" if more > shown else ""
            say(f"{kind}: only the first {shown} of {plan['counts'][kind]} are shown{tail}")
    for server, name in plan["approvals"].items():
        say(f"{server}: too many orphans at once: review them, then dadns reconcile --approve {name}")


def _tell_done(done: Any) -> None:
    counts = ", ".join(
        f"{key} {len(value) if isinstance(value, list) else value}"
        for key, value in done.items()
        if value and key != "failures"
    )
    say(f"done: {counts or 'there was nothing to do'}")
    for failure in done["failures"][:SHOWN]:
        say(f"  failed: {failure}", to=err)


def _tell_status(status: Any) -> None:
    state = "off" if not status["enabled"] else "dry run" if status["dry_run"] else "on"
    say(f"reconciliation is {state}; servers: {', '.join(status['servers']) or 'none'}")
    if status["running"]:
        say(f"a pass is running: {status['running']}")
    if status["next_at"]:
        say(f"next pass: {when(status['next_at'])}")
    say(f"watching {status['watched']} absent zones, {status['quarantined']} in quarantine")
    for alarm in status["alarms"]:
        say(f"ALARM {alarm['kind']} {alarm['subject']}: {alarm['reason']} (since {when(alarm['since'])})")
    if not status["passes"]:
        say("no pass has run yet: dadns reconcile --now runs one, --plan only compares")
        return
    table = Rows("pass", "at", "took", "orphaned", "missed", "stale", "missing", "pulled", "deleted")
    for one in status["passes"]:
        counts, done = one["plan"]["counts"], one["done"]
        took = datetime.fromisoformat(one["ended_at"]) - datetime.fromisoformat(one["started_at"])
        cells = [one["id"], when(one["started_at"]), f"{took.total_seconds():.1f} s"]
        cells += [counts.get(kind, 0) for kind in ("orphaned", "missed", "stale", "missing")]
        table.add(*cells, done["pulled"], len(done["deleted"]))
    table.show()


@app.command()
def register(
    da: Annotated[str, typer.Option("--da", metavar="HOST", help="One of reconciliation.directadmin_servers.")],
    address: Annotated[str, typer.Option("--address", help="IP address at which that server can reach us.")],
    port: Annotated[int | None, typer.Option("--port", help="Port at that address (default: app.listen_port).")] = None,
    https: Annotated[
        bool, typer.Option("--https", help="That port speaks TLS (ours, or a proxy in front of us).")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Add us to a DirectAdmin server's Multi Server Setup; harmless if we are registered already."""
    settings = settings_of(config)
    server = next((one for one in settings.reconciliation.directadmin_servers if one.hostname == da.lower()), None)
    if server is None:
        raise typer.BadParameter(f"{da} is not one of reconciliation.directadmin_servers")
    for line in run(_register(settings, server, address, port or settings.app.listen_port, https=https)):
        say(line)


async def _register(settings: Any, server: Any, address: str, port: int, *, https: bool) -> list[str]:
    from directdnsonly.clock import SystemClock  # noqa: PLC0415 - other commands need not load the client
    from directdnsonly.reconcile.answers import NoList  # noqa: PLC0415 - same
    from directdnsonly.reconcile.directadmin_client import DirectAdminClient  # noqa: PLC0415 - same
    from directdnsonly.reconcile.registration import Ourselves, register  # noqa: PLC0415 - same

    us = Ourselves(
        address=address,
        port=port,
        username=settings.app.auth_username,
        password=settings.app.auth_password.get_secret_value(),
        ssl=https,
    )
    ours = settings.reconciliation
    limits = {"timeout_s": ours.timeout_s, "max_bytes": ours.max_answer_mb * 2**20, "ipp": ours.ipp}
    try:
        async with DirectAdminClient(server, clock=SystemClock(), verify=ours.verify_ssl, **limits) as client:
            await client.login_test()
            done = await register(client, us)
    except NoList as error:
        raise Rejected(f"{server.hostname}: {error}") from None
    return [f"{server.hostname}: {line}" for line in done] or [f"{server.hostname}: we are already registered"]
