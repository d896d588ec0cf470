"""A reload of the running parts, without a process around them: what can go wrong in the middle of one."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, closing
from pathlib import Path

import pytest
from bench.service import free_port
from structlog.testing import capture_logs

from directdnsonly.config import Settings, Starter, load
from directdnsonly.errors import ConfigError
from directdnsonly.operate.journal import Operator
from directdnsonly.outbox.changes import Priority
from directdnsonly.outbox.deliveries import Placement
from directdnsonly.outbox.lifecycle import State
from directdnsonly.outbox.sqlite.connection import FILE_NAME
from directdnsonly.reload import Reloader
from directdnsonly.service import OwnedFolder, Service, running
from directdnsonly.zone.name import ZoneName
from tests.support.fake_backend import FakeBackend
from tests.support.lanes import PATIENCE_S
from tests.support.made import a_push

ME = Operator(name="anna")
BASE = """
data_dir: {folder}
app: {{auth_password: s3cret, listen_host: 127.0.0.1}}
outbox: {{disk_reserve_mb: 0, busy_timeout_s: 0}}
dns:
  backends:
    one: {{type: powerdns, api_url: "http://127.0.0.1:{port}", api_key: k, verify_address: "127.0.0.1#{port}"}}
"""
TWO = '    two: {type: powerdns, api_url: "http://127.0.0.1:1", api_key: k, verify_address: "127.0.0.1#1"}\n'
UNPROVEN = """
data_dir: {folder}
app: {{auth_password: s3cret, listen_host: 127.0.0.1}}
outbox: {{disk_reserve_mb: 0}}
dispatch: {{verify_patience_s: 0.05, retry_delays_s: [0.05], max_attempts: 100000}}
dns:
  backends:
    one: {{type: coredns_file, verify_address: "127.0.0.1#{port}"}}
"""


class Rig:
    """A running service over a file that is changed."""

    def __init__(self, file: Path, service: Service) -> None:
        self.file, self.service = file, service
        self.reloader = Reloader(service, read=self._read)
        self.reads = self.reading = self.most_at_once = 0

    def _read(self, before: Settings) -> Settings:
        self.reading += 1
        self.most_at_once = max(self.most_at_once, self.reading)
        try:
            self.reads += 1
            return load(self.file, environ={}, starter=before.starter)
        finally:
            self.reading -= 1

    def change(self, change: Callable[[str], str]) -> None:
        self.file.write_text(change(self.file.read_text()))

    async def until(self, name: ZoneName, holds: Callable[[Placement], bool]) -> None:
        """Wait on a condition of a zone's only delivery."""
        end = time.monotonic() + PATIENCE_S
        while not (found := await self.service.store.looking.placements(name)) or not holds(found[0]):
            assert time.monotonic() < end, found
            await asyncio.sleep(0.02)

    @property
    def backends(self) -> tuple[set[str], set[str], set[str]]:
        """As the service, the lanes and the store have them."""
        service = self.service
        return set(service.backends), set(service.dispatcher.lanes), set(service.store.engine.backends)


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    file = tmp_path / "app.yml"
    file.write_text(BASE.format(folder=tmp_path / "data", port=free_port()))
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(running(load(file, environ={}, starter=Starter.USER)))
        yield Rig(file, service)
        service.folder.release()


def everywhere(*names: str) -> tuple[set[str], set[str], set[str]]:
    return set(names), set(names), set(names)


async def test_a_store_that_cannot_take_a_backend_leaves_everything_as_it_was(rig, tmp_path):
    """Another program holds it locked: no half of the file is applied; a minute later all of it is."""
    more = (
        ("listen_host", "takeover: hold, listen_host"),
        ("busy_timeout_s: 0", "busy_timeout_s: 0, history_versions: 3"),
    )
    rig.change(lambda text: text.replace(*more[0]).replace(*more[1]) + TWO)
    before = rig.service.settings
    with closing(sqlite3.connect(tmp_path / "data" / "queues" / FILE_NAME, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")

        with pytest.raises(ConfigError, match="the store cannot take it"):
            await rig.reloader.reload(ME)

    assert before is rig.service.settings
    assert "transfer" == rig.service.acceptance.policy.takeover
    assert (50, everywhere("one")) == (rig.service.store.engine.settings.history_versions, rig.backends)
    assert rig.reloader.standing.failed_at is not None

    done = await rig.reloader.reload(ME)

    assert ("app.takeover", "outbox.history_versions", "dns.backends.two (added)") == done.changed
    assert 3 == rig.service.store.engine.settings.history_versions
    assert ("hold", everywhere("one", "two")) == (rig.service.acceptance.policy.takeover, rig.backends)
    assert rig.reloader.standing.failed_at is None


async def test_a_name_server_of_ours_that_could_not_start_is_a_mistake_of_the_file(rig, tmp_path):
    """It would end a service at its start; a reload says so, with all the rest, and applies nothing."""
    deep = "/".join("a-very-long-folder-name" for _ in range(6))
    rig.change(lambda text: text.replace("dns:", "log_level: DEBUG\ndns:") + f"    knot: {{port: {free_port()}}}\n")
    rig.service.settings = rig.service.settings.model_copy(update={"data_dir": tmp_path / deep})
    rig.service.folder = OwnedFolder(tmp_path)

    with pytest.raises(ConfigError, match=r"dns\.backends\.knot: the path of its control socket is too long"):
        await rig.reloader.reload(ME)

    assert ("INFO", everywhere("one")) == (rig.service.settings.log_level, rig.backends)


async def test_reloads_wait_for_each_other(rig):
    """Ten at once: each reads the file when it is its turn, and the last state of the file is in force."""
    rig.change(lambda text: text + TWO)

    done = await asyncio.gather(*(rig.reloader.reload(ME) for _ in range(10)))

    assert (10, 1) == (rig.reads, rig.most_at_once)
    assert 1 == sum(bool(one.changed) for one in done)
    assert everywhere("one", "two") == rig.backends


async def test_a_dry_run_only_tells(rig):
    """Neither in the service nor in its store, and no event is kept."""
    rig.change(lambda text: text + TWO)

    done = await rig.reloader.reload(ME, dry_run=True)

    assert (("dns.backends.two (added)",), True) == (done.changed, done.dry_run)
    assert everywhere("one") == rig.backends
    assert rig.reloader.standing.tried_at is None
    assert [] == await rig.service.store.looking.events()


async def test_a_changed_backend_takes_the_place_of_the_old_one(rig):
    """Its lane, too; the pause of an operator stays; what the store has outstanding is neither lost nor doubled."""
    service = rig.service
    await service.store.recording.record_push(a_push("a.example"))
    before, lane = service.backends["one"], service.dispatcher.lanes["one"]
    lane.pause("paused by anna")
    rig.change(lambda text: text.replace("api_key: k", "api_key: another"))

    await rig.reloader.reload(ME)

    assert before is not service.backends["one"]
    assert lane is not service.dispatcher.lanes["one"]
    assert "paused by anna" == service.dispatcher.lanes["one"].status().paused
    (backlog,) = await service.store.looking.backlog()
    assert ("one", 1) == (backlog.backend, backlog.pending + backlog.leased)
    assert [] == service.lost_actors()


async def test_what_was_changed_of_deliveries_is_in_force_for_those_that_wait(tmp_path):
    """The name server never serves the zone: tried without an end, and given up as soon as the file says how often."""
    file, name = tmp_path / "app.yml", ZoneName.parse("a.example")
    async with AsyncExitStack() as stack:
        name_server = await stack.enter_async_context(FakeBackend("serves nothing"))
        file.write_text(UNPROVEN.format(folder=tmp_path / "data", port=name_server.servers[0].port))
        rig = Rig(file, await stack.enter_async_context(running(load(file, environ={}, starter=Starter.USER))))
        await rig.service.store.recording.record_push(a_push("a.example"))
        rig.service.dispatcher.wake(Priority.INTERACTIVE)
        await rig.until(name, lambda found: found.attempts > 2)
        rig.change(lambda text: text.replace("max_attempts: 100000", "max_attempts: 1, watch_every_s: 3"))

        await rig.reloader.reload(ME)

        assert 3.0 == rig.service.dispatcher.watch_every_s
        await rig.until(name, lambda found: found.state is State.DEAD)


async def test_a_bug_in_the_middle_is_told_and_ends_nothing(rig):
    """What nobody has thought of: the log has the story, the status says that it is so, pushes go on."""

    def fails(_settings: Settings) -> None:
        raise RuntimeError("nobody has thought of this")

    rig.service.followers.append(fails)
    rig.change(lambda text: text.replace("listen_host", "takeover: hold, listen_host"))

    with capture_logs() as logs, pytest.raises(ConfigError, match="an unexpected error, perhaps in the middle of it"):
        await rig.reloader.reload(ME)

    assert {"config.reload_failed"} == {one["event"] for one in logs}
    assert "restart the service" in str(rig.reloader.standing.problems[0])
    await rig.service.store.recording.record_push(a_push("a.example"))


async def test_the_audit_tells_who_has_changed_what(rig):
    """Keys, and never the values of secrets."""
    rig.change(lambda text: text.replace("s3cret", "another-s3cret") + TWO)

    await rig.reloader.reload(Operator(name="anna", address="192.0.2.7"))

    (event,) = await rig.service.store.looking.events()
    assert ("config.reloaded", "anna", "192.0.2.7", "app.auth_password, dns.backends.two (added)") == (
        event.event, event.actor, event.address, event.detail,
    )  # fmt: skip
