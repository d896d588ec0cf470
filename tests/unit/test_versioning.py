"""What a push or a delete means, given what we hold."""

from __future__ import annotations

from directdnsonly.outbox.changes import Kind, NewVersion, Origin, Owner, Priority, Source
from directdnsonly.outbox.decide.content import Current, decide_put
from directdnsonly.zone.model import Zone
from directdnsonly.zone.name import ZoneName

NAME = ZoneName.parse("example.com")
H1 = Owner(credential="da", hostname="h1.example", username="alice")


def a_push(
    serial: int,
    *,
    digest: bytes = b"one",
    challenge: bytes = b"",
    owner: Owner = H1,
    signed: bool = False,
    source: Source = Source.DIRECTADMIN,
) -> NewVersion:
    zone = Zone(name=NAME, serial=serial, text="", digest=digest, challenge=challenge, records=4, signed=signed)
    return NewVersion(zone=zone, origin=Origin(change_id="c", source=source, owner=owner))


def held(
    serial: int, *, digest: bytes = b"one", challenge: bytes = b"", owner: Owner = H1, kind: Kind = Kind.PUT
) -> Current:
    return Current(
        version=3, kind=kind, serial=serial, pushed_serial=serial, digest=digest, challenge=challenge, owner=owner
    )


def test_the_first_push_publishes_directadmins_serial():
    """Nothing is held: DA's serial is ours."""
    decision = decide_put(None, a_push(2026010100))

    assert (True, 2026010100) == (decision.changed, decision.serial)


def test_the_same_push_again_is_no_change():
    assert not decide_put(held(2026010100), a_push(2026010100)).changed


def test_a_serial_only_change_is_delivered():
    """The SOA is published."""
    decision = decide_put(held(2026010100), a_push(2026010101))

    assert (True, 2026010101) == (decision.changed, decision.serial)


def test_other_content_with_a_lower_serial_moves_forward():
    """A zone made again the same day starts at 00; secondaries must still follow."""
    assert 2026010106 == decide_put(held(2026010105), a_push(2026010100, digest=b"two")).serial


def test_a_zone_made_again_after_its_delete_moves_forward():
    """The tombstone remembers the last serial."""
    assert 2026010106 == decide_put(held(2026010105, kind=Kind.DELETE, digest=b""), a_push(2026010100)).serial


def test_a_signed_zones_serial_is_never_touched():
    """Rewriting it would break its signatures."""
    assert 2026010100 == decide_put(held(2026010105), a_push(2026010100, digest=b"two", signed=True)).serial


def test_a_changed_challenge_makes_a_push_urgent():
    """A certificate waits for it."""
    assert Priority.URGENT is decide_put(held(1), a_push(2, digest=b"two", challenge=b"x")).priority
    assert Priority.URGENT is decide_put(held(1, challenge=b"x"), a_push(2, digest=b"two")).priority
    assert (
        Priority.INTERACTIVE is decide_put(held(1, challenge=b"x"), a_push(2, digest=b"two", challenge=b"x")).priority
    )
