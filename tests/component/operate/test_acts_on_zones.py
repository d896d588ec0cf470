"""Acts on zones, without HTTP: written, deleted, pinned, released and rolled back on a real store."""

from __future__ import annotations

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from directdnsonly.errors import NotHere, OwnershipRefused, VersionConflict, ZonePolicyError, ZoneSyntaxError
from directdnsonly.operate.journal import Operator
from directdnsonly.outbox.changes import Kind, Owner, Source, Terms
from directdnsonly.zone.name import ZoneName
from tests.support.operating import Operated, operated

ANNA = Operator(name="anna", address="192.0.2.7")
BOUND = Operator(name="bound", address="192.0.2.9")
NAME = ZoneName("a.example")


def body(serial: int, address: str = "192.0.2.10") -> bytes:
    return (
        f"$TTL 3600\n@ IN SOA ns1.host.example. h.host.example. {serial} 3600 3600 1209600 86400\n"
        f"@ IN NS ns1.host.example.\nwww IN A {address}\n"
    ).encode()


async def served(it: Operated, version: int | None = None) -> str:
    return await it.store.looking.published_text(NAME, version) or ""


async def test_a_put_walks_the_line_and_tells_who_did_it(tmp_path: Path) -> None:
    """The log has its line from where it was accepted; the audit has one line of the act, none for what changes nothing."""
    async with operated(tmp_path) as it:
        with capture_logs() as lines:
            accepted = await it.acts.zones.put(NAME, body(1), ANNA)
            await it.acts.zones.put(NAME, body(1), ANNA)

        zone = await it.store.looking.zone(NAME)
        assert zone is not None
        assert ("anna", "", Source.API) == (zone.owner.credential, zone.owner.hostname, zone.source)
        assert ["push.accepted", "push.unchanged"] == [line["event"] for line in lines]
        change = f"version 1, change {accepted.receipt.change_id}"
        assert [("zone.put", "a.example", "anna", "192.0.2.7", change)] == await it.told()


async def test_a_put_is_refused_by_the_same_rules_and_on_the_same_terms(tmp_path: Path) -> None:
    """And then nothing is told of an act."""
    async with operated(tmp_path) as it:
        with pytest.raises(ZoneSyntaxError):
            await it.acts.zones.put(NAME, b"no zone", ANNA)
        with pytest.raises(VersionConflict):
            await it.acts.zones.put(NAME, body(1), ANNA, terms=Terms(expected_version=5))
        await it.acceptance.push("b.example", body(1), owner=Owner(credential="da", hostname="s2.host.example"))
        with pytest.raises(OwnershipRefused):
            await it.acts.zones.put(ZoneName("b.example"), body(2), BOUND)

        assert [] == [event for event, *_ in await it.told() if event.startswith("zone.")]


async def test_what_a_bound_credential_writes_is_its_servers(tmp_path: Path) -> None:
    async with operated(tmp_path) as it:
        await it.acts.zones.put(NAME, body(1), BOUND)

        zone = await it.store.looking.zone(NAME)
        assert zone is not None
        assert ("bound", "s1.host.example") == (zone.owner.credential, zone.owner.hostname)


async def test_a_delete_leaves_a_tombstone_and_there_is_nothing_to_delete_after_it(tmp_path: Path) -> None:
    async with operated(tmp_path) as it:
        await it.acts.zones.put(NAME, body(1), ANNA)

        receipt = await it.acts.zones.delete(NAME, ANNA)

        zone = await it.store.looking.zone(NAME)
        assert zone is not None
        assert (Kind.DELETE, 2) == (zone.kind, receipt.version)
        assert ("zone.delete", f"version 2, change {receipt.change_id}") == (
            (await it.told())[-1][0], (await it.told())[-1][4],
        )  # fmt: skip
        for name in (NAME, ZoneName("nobody.example")):
            with pytest.raises(NotHere, match=f"zone {name} is unknown: there is nothing to delete"):
                await it.acts.zones.delete(name, ANNA)


async def test_a_pin_holds_and_its_release_says_what_comes_next(tmp_path: Path) -> None:
    """Once with something that came meanwhile, once without."""
    async with operated(tmp_path) as it:
        await it.acts.zones.put(NAME, body(1), ANNA)
        with pytest.raises(ZonePolicyError):
            await it.acts.zones.pin(NAME, ANNA, version=9)
        with pytest.raises(NotHere, match="is unknown, or deleted: there is nothing to pin"):
            await it.acts.zones.pin(ZoneName("nobody.example"), ANNA)
        with pytest.raises(NotHere, match="is not pinned"):
            await it.acts.zones.unpin(NAME, ANNA)

        pin = await it.acts.zones.pin(NAME, ANNA, reason="migration", version=1)
        await it.acts.zones.put(NAME, body(2, "192.0.2.99"), ANNA)
        assert (1, "anna", "192.0.2.7") == (pin.version, pin.actor, pin.address)
        assert "192.0.2.10" in await served(it, 1)
        it.woken.clear()
        released = await it.acts.zones.unpin(NAME, ANNA)
        assert (2, ["INTERACTIVE"]) == (released.version, [priority.name for priority in it.woken])
        await it.acts.zones.pin(NAME, ANNA)
        await it.acts.zones.unpin(NAME, ANNA)

        assert [
            ("zone.pinned", "version 1: migration"),
            ("zone.released", "version 2 (put) is wanted now"),
            ("zone.pinned", "version 2: "),
            ("zone.released", "version 2 stays served: nothing came meanwhile"),
        ] == [
            (event, detail) for event, *_, detail in await it.told() if event in ("zone.pinned", "zone.released")
        ]  # fmt: skip


async def test_a_rollback_is_a_new_version_and_may_be_held_there(tmp_path: Path) -> None:
    """Its serial moves forward; a pinned zone is released first; what has no content cannot come back."""
    async with operated(tmp_path) as it:
        await it.acts.zones.put(NAME, body(10), ANNA)
        await it.acts.zones.put(NAME, body(11, "192.0.2.99"), ANNA)
        with pytest.raises(NotHere, match=r"version 7 of a\.example has no content"):
            await it.acts.zones.roll_back(NAME, 7, ANNA)

        done = await it.acts.zones.roll_back(NAME, 1, ANNA, pin=True)

        assert (3, 12, True) == (done.receipt.version, done.receipt.serial, "192.0.2.10" in await served(it))
        pin = await it.store.looking.pin_of(NAME)
        assert pin is not None
        assert (3, "rolled back to version 1, as version 3") == (pin.version, pin.reason)
        assert [("zone.rolled_back", "to version 1, as version 3")] == [
            (event, detail) for event, *_, detail in await it.told() if event == "zone.rolled_back"
        ]
        with pytest.raises(ZonePolicyError, match="is pinned at version 3: release it first"):
            await it.acts.zones.roll_back(NAME, 2, ANNA)
