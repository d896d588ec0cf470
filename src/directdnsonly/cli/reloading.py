"""`dadns reload`: have the running service apply its changed configuration without a restart."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from directdnsonly.cli.client import Client, Hangs, NoService, NotKnown, Rejected, find_target
from directdnsonly.cli.terminal import (
    EXIT_FAILED,
    EXIT_NO_SERVICE,
    ConfigOption,
    JsonOption,
    UrlOption,
    err,
    run,
    say,
    tell_wrong_configuration,
)
from directdnsonly.config import load
from directdnsonly.errors import ConfigError

PATH: Final = "/api/v1/reload"
SIGNALLED_S: Final = 90.0  # for a reload that was asked for by a signal
ASK_EVERY_S: Final = 1.0  # each question with a wrong password counts


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(reload)


def reload(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be applied.")] = False,
    url: UrlOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have the service reload its configuration and apply what needs no restart; no connection is closed.

    If the configuration is wrong nothing is changed, and every mistake is listed. Exit code: 0 applied, 1 not applied.
    """
    try:
        found = run(_reload(url, config, dry_run=dry_run))
    except _Wrong as error:
        for each in error.problems:
            say(f"  {each}", to=err)
        raise typer.Exit(EXIT_FAILED) from None
    if as_json:
        print(json.dumps(found, indent=2))
        return
    for what, keys in (
        ("would apply" if dry_run else "applied", found["changed"]),
        ("needs a restart", found["needs_restart"]),
    ):
        for key in keys or ():
            say(f"{what}: {key}")
    if not found["changed"] and not found["needs_restart"]:
        say("nothing has changed")


class _Wrong(Exception):
    def __init__(self, problems: list[str]) -> None:
        self.problems = problems


async def _reload(url: str | None, config: Path | None, *, dry_run: bool) -> Any:
    """What was done. Raises _Wrong, whose beginning was told, and what `run` knows."""
    try:
        target = find_target(url, config)
    except ConfigError as error:
        tell_wrong_configuration(error)
        _hang_up(_main_pid())  # so that the log and the status of the service tell it, too
        raise _Wrong(["nothing was changed: the service keeps the configuration that it has"]) from None
    try:
        async with Client(target) as client:
            return await client.call("POST", PATH, params={"dry_run": "true"} if dry_run else None)
    except Rejected as error:
        if not error.errors:
            raise
        say("wrong configuration, nothing was changed: the service keeps the configuration that it has", to=err)
        raise _Wrong([f"{one['pointer']}: {one['detail']}" for one in error.errors]) from None
    except NotKnown:
        if url is not None or dry_run or (pid := _pid_of(config)) is None:
            raise
        return await _by_signal(pid, url, config)
    except Hangs:
        raise
    except NoService:
        if url is None and "DADNS_URL" not in os.environ and (pid := _pid_of(config)) is not None:
            raise NoService(_elsewhere(pid, target.url)) from None
        raise


def _elsewhere(pid: int, place: str) -> str:
    return (
        f"the service runs (process {pid}), but does not answer at {place}: if the file gives it another address now, that needs"
        f" a restart; what else has changed: dadns reload --url with its old address, or kill -HUP {pid}"
    )


async def _by_signal(pid: int, url: str | None, config: Path | None) -> Any:
    """The password itself is another one in the file, and the service does not know it yet: once it does, it has reloaded."""
    if not _hang_up(pid):
        say(f"the service (process {pid}) does not know this password yet, and we may not send it a signal", to=err)
        raise typer.Exit(EXIT_NO_SERVICE)
    until = time.monotonic() + SIGNALLED_S
    async with Client(find_target(url, config)) as client:
        while time.monotonic() < until:
            await asyncio.sleep(ASK_EVERY_S)
            with suppress(NotKnown):
                return _outcome(await client.call("GET", PATH))
    raise Rejected("the service was told by a signal, and does not know this password yet: look at its log")


def _outcome(found: Any) -> Any:
    if found["problems"]:
        say("wrong configuration, nothing was changed: the service keeps the configuration that it has", to=err)
        raise _Wrong([f"{one['key']}: {one['problem']}" for one in found["problems"]])
    return {"changed": found["changed"], "needs_restart": found["needs_restart"], "dry_run": False}


def _main_pid() -> int | None:
    """The service, when systemd runs us as its ExecReload (systemd.exec(5))."""
    told = os.environ.get("MAINPID", "")
    return int(told) if told.isdigit() else None


def _pid_of(config: Path | None) -> int | None:
    """The process that owns the store of this configuration on this machine."""
    if (pid := _main_pid()) is not None:
        return pid
    try:
        with (load(config).store_folder / "outbox.lock").open("rb") as lock:
            with suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
                return None  # nobody holds it: it is of an earlier life
            word = lock.read(32).strip()
    except (OSError, ConfigError):
        return None
    return int(word) if word.isdigit() else None


def _hang_up(pid: int | None) -> bool:
    """Whether it was told."""
    if pid is None:
        return False
    try:
        os.kill(pid, signal.SIGHUP)
    except OSError:
        return False
    return True
