"""What is special about Knot: transactions, new zones that cannot be loaded, its control channel."""

from __future__ import annotations

import os
import signal
import socket

import pytest

from directdnsonly.backends.contract import OutcomeKind
from directdnsonly.backends.control import ControlUnavailable
from directdnsonly.backends.knot.control import KnotCommand, NativeKnotControl
from directdnsonly.backends.knot.knotc import KnotcControl
from directdnsonly.verify.compare import Finding
from tests.support import knot
from tests.support.knot import knot_under_test
from tests.support.programs import require_program
from tests.support.rig import Rig


async def test_a_transaction_that_a_lost_client_left_open_does_no_harm(tmp_path):
    """Knot keeps it for ever and begins no other."""
    async with knot_under_test(tmp_path, "external") as (backend, daemon):
        rig = Rig(knot.RIGS[2], backend, daemon)
        left = NativeKnotControl(tmp_path / "external" / "knot.sock", timeout_s=30)
        (begun,) = await left.run([KnotCommand(command="conf-begin")])
        assert begun.ok

        assert [OutcomeKind.APPLIED] == await rig.apply(rig.put("a.example", 1))

        assert Finding.PROVEN is await rig.finding("a.example", 1)
        rig.close()


async def test_a_new_zone_that_cannot_be_loaded_is_taken_out_again(tmp_path):
    """The commit says OK and the zone answers SERVFAIL: instead it is refused, and REFUSED is what it answers."""
    async with knot_under_test(tmp_path, "external") as (backend, daemon):
        rig = Rig(knot.RIGS[2], backend, daemon)

        (outcome,) = await backend.apply([rig.poisoned("fresh.example", 1)])

        assert (OutcomeKind.REFUSED, True) == (outcome.kind, "CNAME" in outcome.reason)
        assert Finding.PROVEN is await rig.finding("fresh.example", None)
        assert not (tmp_path / "external" / "zones" / "fresh.example.db").exists()
        rig.close()


async def test_the_control_connection_is_closed_after_each_batch(tmp_path):
    """Knot 3.2 serves one at a time: an open one would keep the operator's knotc waiting for a minute."""
    async with knot_under_test(tmp_path, "external") as (backend, daemon):
        rig = Rig(knot.RIGS[2], backend, daemon)
        await rig.apply(*(rig.put(f"z{number}.example", 1) for number in range(250)))
        operator = KnotcControl(options=["-s", str(tmp_path / "external" / "knot.sock")], timeout_s=30)

        (reply,) = await operator.run([KnotCommand(command="status")])

        assert reply.ok
        rig.close()


async def test_what_it_served_is_served_after_kill_9(tmp_path):
    """The configuration database is on disk when the commit says OK."""
    async with knot_under_test(tmp_path, "external") as (backend, daemon):
        rig = Rig(knot.RIGS[2], backend, daemon)
        changes = [rig.put(f"z{number}.example", 1) for number in range(300)]
        await rig.apply(*changes)
        os.kill(daemon.process.pid, signal.SIGKILL)
        daemon.process.wait()
        await daemon.start()

        assert {Finding.PROVEN} == {verdict.finding for verdict in await rig.verdicts(changes)}
        rig.close()


async def test_a_control_channel_that_says_nothing_costs_its_time_limit(tmp_path):
    """Faults C4, for our own client and the program."""
    require_program("knotc")
    path = tmp_path / "mute.sock"
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(path))
        mute.listen()
        for control in (
            NativeKnotControl(path, timeout_s=0.5),
            KnotcControl(options=["-s", str(path)], timeout_s=0.5),
        ):
            with pytest.raises(ControlUnavailable, match="no answer in"):
                await control.run([KnotCommand(command="status")])
