"""Warnings are kept with the version that they are about, at no statement more; faults with the refused push."""

from __future__ import annotations

from dataclasses import replace

import pytest

from directdnsonly.errors import Fault
from directdnsonly.outbox.changes import NewPin, NewVersion, Owner
from directdnsonly.outbox.kept import Refused
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.text import parse
from directdnsonly.zone.warn import ZoneWarning
from tests.contract.store_exercises.opening import NAME
from tests.support.made import a_delete, a_push

MAIL = ZoneWarning("address-as-name", "192.0.2.1 is in the place of a host name", "example.com.", "MX", 7)
CUT = ZoneWarning("text-cut", "'p=none' is left out", "_dmarc.example.com.", "TXT", 9)


def warned(push: NewVersion, *warnings: ZoneWarning) -> NewVersion:
    return replace(push, zone=push.zone.model_copy(update={"warnings": warnings}))


def zone_push(name: str, records: str = "", serial: int = 1) -> NewVersion:
    head = f"@ 60 IN SOA ns.host.example. h.host.example. {serial} 60 60 60 60\n@ 60 IN NS ns.host.example.\n"
    return replace(a_push(name), zone=parse(head + records, ZoneName.parse(name)))


WWW = "www 60 IN A 192.0.2.1\n"


# The other zone, its records, and whether NSD cannot serve both: measured in test_nsd.py with the same cases.
BESIDE_A_DNAME = [
    ("child.example.com", WWW, True),
    ("child.example.com", "", False),
    ("child.example.com", "@ 60 IN MX 5 mail\n@ 60 IN A 192.0.2.1\n", False),
    ("child.example.com", "* 60 IN A 192.0.2.1\n", True),
    ("a.child.example.com", "", True),
    ("xchild.example.com", WWW, False),
]


async def test_each_version_keeps_its_warnings(store):
    """The newest ones with the zone, older ones in its history, and those of a change with its receipt."""
    first = await store.recording.record_push(warned(a_push(serial=1), MAIL, CUT))
    second = await store.recording.record_push(warned(a_push(serial=2), CUT))
    third = await store.recording.record_push(a_push(serial=3))

    assert ((MAIL, CUT), (CUT,), ()) == (first.warnings, second.warnings, third.warnings)
    assert [(), (CUT,), (MAIL, CUT)] == [past.warnings for past in await store.looking.versions(NAME)]
    assert () == (await store.looking.zone(NAME)).warnings
    assert (CUT,) == (await store.looking.receipt(second.change_id)).warnings


async def test_the_same_content_pushed_again_brings_its_own_warnings(store):
    """A comment that cut a record is the same content without the comment."""
    await store.recording.record_push(warned(a_push(content="x"), CUT))

    receipt = await store.recording.record_push(a_push(content="x"))

    assert (False, ()) == (receipt.changed, receipt.warnings)
    assert () == (await store.looking.zone(NAME)).warnings


async def test_warnings_wait_behind_a_pin_and_come_out_with_their_version(store):
    """And a deleted zone has none."""
    await store.recording.record_push(a_push(serial=1))
    await store.recording.pin(NewPin(name=NAME, actor="test"))
    await store.recording.record_push(warned(a_push(serial=2), MAIL))
    assert () == (await store.looking.zone(NAME)).warnings

    await store.recording.unpin(NAME, a_push().origin)

    assert (MAIL,) == (await store.looking.zone(NAME)).warnings
    await store.recording.record_delete(a_delete())
    assert () == (await store.looking.zone(NAME)).warnings


async def test_all_faults_of_a_refused_push_are_kept(store):
    """One that only has a reason is told as one fault."""
    faults = (Fault("syntax", "no address", 4), Fault("cname-and-other", "must stand alone", 9, "www.example.com."))
    push = Refused(
        change_id="c", name="example.com", rule="syntax", reason="line 4: no address", owner=Owner(), address="", at=1.0
    )  # fmt: skip
    await store.recording.record_refused(replace(push, faults=faults))
    await store.recording.record_refused(push)

    assert [(Fault("syntax", "line 4: no address"),), faults] == [one.faults for one in await store.looking.refused()]


@pytest.mark.parametrize(("other", "records", "is_told"), BESIDE_A_DNAME)
async def test_a_zone_at_or_below_a_dname_of_another_one_is_told(store, other, records, is_told):
    """The zone that is pushed second gets the warning, also when its content is not new."""
    await store.recording.record_push(zone_push("example.com", "child 60 IN DNAME sister\n"))

    for serial in (1, 1, 2):
        receipt = await store.recording.record_push(zone_push(other, records, serial))
        assert [True] * is_told == ["child.example.com." in one.text and "NSD" in one.text for one in receipt.warnings]
        assert {"dname-over-zone"} >= {one.rule for one in receipt.warnings}

    assert receipt.warnings == (await store.looking.zone(ZoneName.parse(other))).warnings
    await store.recording.record_push(zone_push("example.com", serial=2))  # without the DNAME
    assert () == (await store.recording.record_push(zone_push(other, records, serial=3))).warnings


@pytest.mark.parametrize(("other", "records", "is_told"), BESIDE_A_DNAME)
async def test_a_dname_over_a_zone_that_is_here_is_told(store, other, records, is_told):
    """The other way round; a deleted zone does not count."""
    await store.recording.record_push(zone_push(other, records))

    receipt = await store.recording.record_push(
        zone_push("example.com", "child 60 IN DNAME sister\nelse 60 IN DNAME sister\n")
    )

    assert [("dname-over-zone", "child.example.com.")] * is_told == [(one.rule, one.owner) for one in receipt.warnings]
    await store.recording.record_delete(a_delete(other))
    assert (
        ()
        == (
            await store.recording.record_push(zone_push("example.com", "child 60 IN DNAME sister\n", serial=2))
        ).warnings
    )


async def test_rfc6672_2_4_a_dname_at_a_zones_own_name_counts_what_lies_below(store):
    """`example.com DNAME` and a zone of its own below it, apex only: NSD does not serve both."""
    await store.recording.record_push(zone_push("a.example.com"))
    await store.recording.record_push(zone_push("b.a.example.com"))

    (told,) = (
        await store.recording.record_push(zone_push("example.com", "@ 60 IN DNAME sister.example.net.\n"))
    ).warnings

    assert "example.com has a DNAME here, and below it 2 other zones lie here" in told.text
