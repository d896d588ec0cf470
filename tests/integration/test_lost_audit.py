"""What a person decided is done, and its answer says so, also when only its line of the audit could not be kept."""

from __future__ import annotations

from pathlib import Path

from structlog.testing import capture_logs

from directdnsonly.operate.journal import Operator
from tests.support.directadmin import StandIn
from tests.support.reconciling import reconciling, server_of


async def test_decisions_stand_without_their_line_of_the_audit(tmp_path: Path) -> None:
    """A planned move, its end, and a list that is vouched for: done, answered, and the loss is in the log."""
    with StandIn() as da:
        async with reconciling(tmp_path, server_of(da)) as rig:
            approvals, bob = rig.approvals, Operator(name="bob")
            full = "CREATE TEMP TRIGGER full BEFORE INSERT ON event BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
            await rig.store.engine.commits.submit(lambda connection: connection.execute(full) and None)

            with capture_logs() as lines:
                move = await approvals.open_migration("a.host.example", "b.host.example", (), lasts_s=60, who=bob)
                open_now = await approvals.migrations()
                await approvals.close_migration(move.id, bob)
                await rig.asked.accept_list(da.address, bob)

            assert [move.id] == [one.id for one in open_now]
            assert [] == await approvals.migrations()
            assert [True] == [one.accepted for one in await rig.store.drift.baselines()]
            assert ["migration.opened", "migration.closed", "list.accepted"] == [
                line["lost"] for line in lines if line["event"] == "event.lost"
            ]
