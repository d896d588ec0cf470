"""`verify: content` where no transfer is allowed: a sample of RRsets, in which what changed comes first. A real named."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from directdnsonly.backends.bind.backend import BindBackend
from directdnsonly.backends.contract import Outcome, ZoneChange
from directdnsonly.clock import SystemClock
from directdnsonly.dispatch.lane import Lane
from directdnsonly.dispatch.settings import DispatchSettings
from directdnsonly.outbox.changes import NewVersion, Origin, Priority, Source
from directdnsonly.outbox.deliveries import Placement
from directdnsonly.outbox.lifecycle import State
from directdnsonly.outbox.settings import OutboxSettings
from directdnsonly.outbox.sqlite.store import open_store
from directdnsonly.verify.compare import Depth, Expected, Finding
from directdnsonly.verify.verifier import Verifier
from directdnsonly.zone.model import Zone
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.text import parse
from tests.support.lanes import QUICK
from tests.support.made import H1, a_change_id
from tests.support.named import bind_under_test

NAME = ZoneName.parse("many.example")
OLD, NEW = "192.0.2.1", "198.51.100.7"
HEAD = "@ 3600 IN SOA ns.host.example. h.host.example. {serial} 60 60 60 60\n@ 60 IN NS ns.host.example.\n"


def zone(serial: int, changed: str = "", *, gone: str = "") -> Zone:
    """300 hosts, of which one may have moved and one may be gone."""
    hosts = [f"host{number:03}" for number in range(300)]
    lines = [f"{host} 60 IN A {NEW if host == changed else OLD}\n" for host in hosts if host != gone]
    return parse(HEAD.format(serial=serial) + "".join(lines), NAME)


class Liar:
    """Delivers to a real named, but keeps the old content under the new SOA from the second version on."""

    def __init__(self, backend: BindBackend, old: Zone) -> None:
        self.backend, self.old = backend, old
        self.lies = True

    def __getattr__(self, name: str) -> object:
        return getattr(self.backend, name)

    async def apply(self, changes: Sequence[ZoneChange]) -> Sequence[Outcome]:
        """See Backend."""
        return await self.backend.apply([self._kept(change) if self.lies else change for change in changes])

    def _kept(self, change: ZoneChange) -> ZoneChange:
        text = self.old.text.replace(f" {self.old.serial} 60 60", f" {change.serial} 60 60")
        return ZoneChange(
            name=change.name, version=change.version, text=text, serial=change.serial, records=self.old.records,
            known=change.known,
        )  # fmt: skip


@pytest.mark.parametrize(("new", "named"), [(zone(2, "host171"), "host171"), (zone(2, gone="host171"), "host171")])
async def test_an_old_answer_for_what_changed_among_300_others_is_never_proven(tmp_path: Path, new: Zone, named: str):
    """New SOA, new serial, 299 right hosts: what changed (or went) is asked. When it is served, the zone is proven."""
    clock, old = SystemClock(), zone(1)
    async with bind_under_test(tmp_path, "external-addzone") as (real, _):
        backend = Liar(real, old)
        verifier = Verifier(real.servers, allows_transfer=False, depth=Depth.CONTENT)
        async with open_store(
            tmp_path / "store", settings=OutboxSettings(disk_reserve_mb=0), clock=clock, backends=["bind"]
        ) as store:
            await store.upkeep.adopt_backends(["bind"])
            settings = DispatchSettings(**{**QUICK, "apply_timeout_s": 20.0, "max_attempts": 2})
            lane = Lane(
                backend=backend, verifier=verifier, work=store.work, settings=settings, clock=clock, depth=Depth.CONTENT
            )
            running = asyncio.create_task(lane.run())

            async def pushed(wanted: Zone) -> None:
                origin = Origin(change_id=a_change_id(), source=Source.DIRECTADMIN, owner=H1)
                await store.recording.record_push(NewVersion(zone=wanted, origin=origin, priority=Priority.INTERACTIVE))
                lane.wake(Priority.INTERACTIVE)

            async def until(state: State) -> Placement:
                async with asyncio.timeout(120):
                    while True:
                        (place,) = await store.looking.placements(NAME)
                        if place.state is state:
                            return place
                        assert state is State.VERIFIED or place.verified_version < 2, "an old answer was proven"
                        await asyncio.sleep(0.01)

            try:
                await pushed(old)
                await until(State.VERIFIED)
                assert old.text == await store.work.proven_text("bind", NAME)
                await pushed(new)
                place = await until(State.DEAD)
                assert (2, 1) == (place.want_version, place.verified_version)
                assert f"{named}.many.example." in place.reason
                backend.lies = False
                await store.operators.revive(name=NAME)
                lane.wake(Priority.INTERACTIVE)
                assert 2 == (await until(State.VERIFIED)).verified_version
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
                verifier.close()


async def test_a_sample_without_a_version_before_and_a_transfer_do_not_ask_the_store(tmp_path: Path):
    """The version before is looked up only where a sample stands for a transfer."""
    asked: list[ZoneName] = []

    async def before(name: ZoneName) -> str | None:
        asked.append(name)
        return None

    new = zone(2, "host171")
    change = ZoneChange(name=NAME, version=2, text=new.text, serial=2, records=new.records)
    wanted = Expected(name=NAME, serial=2, records=new.records, text=new.text)
    for kind, transfer in (("managed-native", True), ("external-addzone", False)):
        folder = tmp_path / kind
        folder.mkdir()
        async with bind_under_test(folder, kind) as (backend, _):
            await backend.apply([change])
            for depth in Depth:
                verifier = Verifier(backend.servers, allows_transfer=transfer, depth=depth)
                (verdict,) = await verifier.verify([wanted], patience_s=60, before=before)
                verifier.close()
                assert Finding.PROVEN is verdict.finding
    assert [NAME] == asked
