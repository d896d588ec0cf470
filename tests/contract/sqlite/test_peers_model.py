"""Two and three instances that repair each other, against a dictionary of what their clients were told.

Cuts, restores from an old backup, clocks that differ, deletes, edits, moves, repeated and late requests, pins, pushes that
wait for approval, orphans, in any order.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tests.support.peers_acts import Acts
from tests.support.peers_model import Box, Panel, judge, settle

EXAMPLES = int(os.environ.get("PEERS_SCHEDULES", "120"))
ZONES = ["a.example", "b.example"]
name = st.sampled_from(ZONES)
which = st.sampled_from([1, 2, 3, 4, 5, 6, 7])  # bits: the boxes that hear of it, or that ask each other


class Peers(RuleBasedStateMachine):
    """Real stores and real decisions; only what lies between them is played."""

    @initialize(
        count=st.sampled_from([2, 2, 3]),
        history=st.sampled_from([1, 2, 50]),
        skew=st.sampled_from([0.0, 7200.0, -1e6]),
        holds=st.sampled_from([0, 7, 7, 5]),
    )
    def begin(self, count: int, history: int, skew: float, holds: int) -> None:
        """`holds`: bits, the boxes at which a take-over or a loss waits for approval."""
        self.acts = Acts()
        self.boxes = [
            Box(
                f"box{number}",
                history=history,
                clock_s=2e9 + number * skew,
                holds=bool(holds >> number & 1),
                acts=self.acts,
            )
            for number in range(count)
        ]
        self.panel = Panel()
        self.saved = [box.saved() for box in self.boxes]

    def chosen(self, bits: int) -> list[Box]:
        return [box for number, box in enumerate(self.boxes) if bits >> number & 1]

    @rule(zone=name, bits=which, step=st.sampled_from([1, 1, 5]))
    def put(self, zone: str, bits: int, step: int) -> None:
        self.panel.put(zone, self.chosen(bits), step=step)

    @rule(zone=name, bits=which)
    def put_what_looks_like_an_accident(self, zone: str, bits: int) -> None:
        self.panel.put(zone, self.chosen(bits), step=1, loses=True)

    @rule(zone=name, bits=which)
    def put_again(self, zone: str, bits: int) -> None:
        self.panel.again(zone, self.chosen(bits))

    @rule(zone=name, bits=which, restarts=st.booleans())
    def delete(self, zone: str, bits: int, restarts: bool) -> None:
        self.panel.delete(zone, self.chosen(bits), restarts=restarts)

    @rule(zone=name, bits=which)
    def move(self, zone: str, bits: int) -> None:
        self.panel.move(zone, self.chosen(bits))

    @rule(zone=name, bits=which)
    def late_delete(self, zone: str, bits: int) -> None:
        self.panel.late_delete(zone, self.chosen(bits))

    @rule(zone=name, bits=which)
    def pin(self, zone: str, bits: int) -> None:
        for box in self.chosen(bits):
            box.pin(zone)

    @rule(zone=name, bits=which)
    def release(self, zone: str, bits: int) -> None:
        for box in self.chosen(bits):
            box.release(zone)

    @rule(zone=name, bits=which)
    def approve(self, zone: str, bits: int) -> None:
        for box in self.chosen(bits):
            self.panel.approve(zone, box)

    @rule(zone=name, bits=which)
    def reject(self, zone: str, bits: int) -> None:
        for box in self.chosen(bits):
            box.reject(zone)

    @rule(zone=name, bits=which)
    def delete_an_orphan(self, zone: str, bits: int) -> None:
        for box in self.chosen(bits):
            self.panel.delete_orphan(zone, box)

    @rule(zone=name, bits=which, keeps=st.booleans())
    def keep(self, zone: str, bits: int, keeps: bool) -> None:
        for box in self.chosen(bits):
            (box.keep if keeps else box.unkeep)(zone)

    @rule(zone=name, bits=which)
    def exchange(self, zone: str, bits: int) -> None:
        """Some ask each other, about one zone: an exchange that ends in the middle."""
        chosen = self.chosen(bits)
        for box in chosen:
            for other in chosen:
                if other is not box:
                    box.take(other, zone)

    @rule(bits=which)
    def back_up(self, bits: int) -> None:
        for number, box in enumerate(self.boxes):
            if box in self.chosen(bits):
                self.saved[number] = box.saved()

    @rule(number=st.sampled_from([0, 1]))
    def restore(self, number: int) -> None:
        """What only this one had been told is gone with its disk; what another one has must come back."""
        self.boxes[number].restore(self.saved[number])

    @invariant()
    def no_two_ids_of_one_zone_are_the_same(self) -> None:
        for box in getattr(self, "boxes", ()):
            for zone in box.zones():
                states = box.states(zone)
                assert states is None or len(states.stated) == 16

    def teardown(self) -> None:
        if hasattr(self, "boxes"):
            settle(self.boxes)
            judge(self.panel, self.boxes)
            for box in self.boxes:
                box.connection.close()


@pytest.mark.timeout(600)
def test_what_clients_were_told_is_what_all_instances_come_to():
    run_state_machine_as_test(
        Peers,
        settings=settings(
            max_examples=EXAMPLES, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
