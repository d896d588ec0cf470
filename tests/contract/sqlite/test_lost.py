"""Lost pushes over SQLite."""

from __future__ import annotations

from directdnsonly.outbox.deliveries import Settle, Settlement
from directdnsonly.outbox.operators import Pause
from directdnsonly.outbox.settings import OutboxSettings
from directdnsonly.outbox.sqlite import losses
from directdnsonly.outbox.sqlite.store import open_store
from directdnsonly.zone.name import ZoneName
from tests.contract.store_exercises.lost import *  # the exercise
from tests.contract.store_exercises.lost import lost
from tests.contract.store_exercises.opening import BACKENDS
from tests.support.made import a_delete, a_push


async def test_lost_pushes_are_bounded_forgotten_by_age_and_by_an_operator(store, clock):
    """The newest stay; those of one zone, or all; history_days at most."""
    first = [lost(clock, f"z{number}.example") for number in range(4)]
    await store.engine.commits.submit(lambda connection: losses.record(connection, first, keep=3))
    assert ["z3.example", "z2.example", "z1.example"] == [one.name for one in await store.recording.lost()]

    assert 1 == await store.recording.forget_lost(ZoneName.parse("z2.example"))
    assert 0 == await store.recording.forget_lost(ZoneName.parse("z2.example"))
    assert 2 == (await store.looking.figures()).lost
    clock.advance(91 * 86_400)
    while await store.upkeep.prune():
        pass
    assert [] == await store.recording.lost()
    await store.recording.record_lost([lost(clock), lost(clock, "b.example")])
    assert 2 == await store.recording.forget_lost()


async def test_zones_are_proven_as_the_store_has_it_also_after_a_restart(tmp_path, clock):
    """Neither a delivery since the start nor a walk through all zones is needed; deletes and the dead do not count."""
    settings = OutboxSettings(disk_reserve_mb=0)
    for start in range(2):
        async with open_store(tmp_path, settings=settings, clock=clock, backends=BACKENDS) as store:
            await store.upkeep.adopt_backends(BACKENDS)
            if not start:
                for number in range(23):
                    await store.recording.record_push(a_push(f"z{number}.example"))
                await store.recording.record_delete(a_delete("z0.example"))
                claims = await store.work.claim("one", limit=100, lease_s=60)
                how = {"z1.example": Settle.BURY, "z2.example": Settle.RETRY}
                await store.work.settle(
                    [Settlement(claim=one, how=how.get(one.name, Settle.VERIFIED)) for one in claims]
                )
                await store.operators.pause("two", Pause(actor="anna", reason="moving", at=1.0))
            figures = await store.looking.figures()

            assert (22, [("one", 20), ("two", 0)]) == (
                figures.zones, [(one.backend, one.proven) for one in figures.backlog],
            )  # fmt: skip
            assert {"two": Pause(actor="anna", reason="moving", at=1.0)} == figures.pauses
