"""A real pdns_server for tests: on SQLite, driven by its HTTP API."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from bench.service import free_port

from directdnsonly.backends.powerdns import PowerDnsBackend, build
from directdnsonly.backends.powerdns_settings import PowerDnsSettings
from directdnsonly.errors import BackendUnavailable
from tests.support.programs import require_program
from tests.support.rig import ChildDaemon, RigKind

KEY = "key-of-the-test"
SQLITE_SCHEMA = Path("/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql")
COMMON = {
    "local-address": "127.0.0.1", "api": "yes", "api-key": KEY, "webserver": "yes", "webserver-address": "127.0.0.1",
    "webserver-allow-from": "127.0.0.1", "webserver-loglevel": "none", "loglevel": "4", "daemon": "no",
    "guardian": "no", "receiver-threads": "1", "distributor-threads": "2", "security-poll-suffix": "",
}  # fmt: skip


def configure(folder: Path, options: Mapping[str, str]) -> list[str]:
    """Write pdns.conf into the folder; the command that runs it."""
    (folder / "run").mkdir(parents=True)
    lines = {**COMMON, "socket-dir": str(folder / "run"), **options}
    (folder / "pdns.conf").write_text("".join(f"{key}={value}\n" for key, value in lines.items()))
    return [require_program("pdns_server"), f"--config-dir={folder}"]


def on_sqlite(folder: Path, **options: str) -> tuple[PowerDnsSettings, list[str]]:
    """Settings for, and the command of, a PowerDNS on SQLite. Options with underscores for hyphens."""
    port, api = free_port(), free_port()
    folder.mkdir()
    database = folder / "pdns.sqlite3"
    connection = sqlite3.connect(database)
    connection.executescript(SQLITE_SCHEMA.read_text())
    connection.close()
    command = configure(folder, {
        "launch": "gsqlite3", "gsqlite3-database": str(database), "gsqlite3-pragma-synchronous": "1",
        "gsqlite3-pragma-foreign-keys": "yes", "gsqlite3-dnssec": "yes", "local-port": str(port),
        "webserver-port": str(api), **{key.replace("_", "-"): value for key, value in options.items()},
    })  # fmt: skip
    settings = PowerDnsSettings(api_url=f"http://127.0.0.1:{api}", api_key=KEY, verify_address=f"127.0.0.1#{port}")
    return settings, command


@asynccontextmanager
async def powerdns_under_test(
    folder: Path, changed: Mapping[str, Any] | None = None, **options: str
) -> AsyncIterator[tuple[PowerDnsBackend, ChildDaemon]]:
    """`changed`: settings of ours; options: of pdns_server."""
    settings, command = on_sqlite(folder / "pdns", **options)
    backend = build("powerdns", settings.model_copy(update=dict(changed or {})), folder)
    daemon = ChildDaemon(command, ready=partial(is_ready, backend), log=folder / "pdns.log")
    await daemon.start()
    try:
        yield backend, daemon
    finally:
        await backend.aclose()
        await daemon.stop()


async def is_ready(backend: Any) -> bool:
    """Whether its API answers."""
    try:
        await backend.ready()
    except BackendUnavailable:
        return False
    return True


RIGS = [
    RigKind(name="powerdns-sqlite", open=powerdns_under_test, refusal="Conflicts with", batch=200, title="PowerDNS"),
]
