"""What a person decided is done, and its answer says so, also when only its line of the audit could not be kept."""

from __future__ import annotations

from pathlib import Path

from structlog.testing import capture_logs

from directdnsonly.accept.approvals import Approvals
from tests.support.directadmin import StandIn
from tests.support.reconciling import reconciling, server_of


async def test_decisions_stand_without_their_line_of_the_audit(tmp_path: Path) -> None:
    """A planned move, its end, and a list that is vouched for: done, answered, and the loss is in the log."""
    with StandIn() as da:
        async with reconciling(tmp_path, server_of(da)) as rig:
            approvals = Approvals(store=rig.store, acceptance=rig.acceptance, clock=rig.clock)
            full = "CREATE TEMP TRIGGER full BEFORE INSERT ON event BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
            await rig.store.commits.submit(lambda connection: connection.execute(full) and None)

            with capture_logs() as lines:
                move = await approvals.open_migration("a.host.example", "b.host.example", (), lasts_s=60, actor="bob")
                open_now = await approvals.migrations()
                closed = await approvals.close_migration(move.id, actor="bob")
                believed = await rig.reconciler.accept_list(da.address, actor="bob")

            assert ([move.id], True, True) == ([one.id for one in open_now], closed, believed)
            assert ["migration.opened", "migration.closed", "list.accepted"] == [
                line["lost"] for line in lines if line["event"] == "event.lost"
            ]
