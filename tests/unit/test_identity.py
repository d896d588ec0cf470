"""Version ids: what is equal on two instances, and what never is."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from directdnsonly.outbox import identity
from directdnsonly.outbox.changes import Kind, Owner
from directdnsonly.outbox.decide import decide
from directdnsonly.outbox.decide.content import Current
from directdnsonly.outbox.decide.look import Look, More
from directdnsonly.outbox.decide.push import stated_after
from directdnsonly.outbox.decide.writes import Decision, Same, Version
from tests.support.looks import NEW, NOW, a_look
from tests.support.made import H1, H2, a_delete, a_push

ONE, TWO = b"1" * 32, b"2" * 32


def current(serial: int = 1, *, digest: bytes = ONE, owner: Owner = H1, kind: Kind = Kind.PUT) -> Current:
    stated = identity.of_zone(digest, serial, owner)
    if kind is Kind.DELETE:
        stated = identity.of_delete(stated, "c")
    return Current(
        version=serial, kind=kind, serial=serial, pushed_serial=serial, digest=digest, challenge=b"", owner=owner, stated=stated,
    )  # fmt: skip


def written(command, look: Look) -> bytes:
    done = decide(command, look, now=NOW)
    assert isinstance(done, Decision)
    assert done.receipt is not None
    (one,) = (one for one in done.writes if isinstance(one, Version | Same))
    assert one.stated.hex() == done.receipt.stated
    return one.stated


def test_the_same_push_has_the_same_id_whatever_an_instance_missed_before():
    """Content, published serial and owner are all that counts, also the name that our credential has there."""
    fresh = identity.of_zone(ONE, 5, H1)

    assert fresh == stated_after(None, ONE, 5, H1)
    assert fresh == stated_after(current(4), ONE, 5, H1)
    assert fresh == stated_after(current(1, digest=TWO, kind=Kind.DELETE), ONE, 5, H1)
    assert fresh == stated_after(None, ONE, 5, replace(H1, credential="another"))


def test_another_content_serial_or_owner_is_another_id():
    fresh = identity.of_zone(ONE, 5, H1)
    others = [
        identity.of_zone(TWO, 5, H1),
        identity.of_zone(ONE, 6, H1),
        identity.of_zone(ONE, 5, H2),
        identity.of_zone(ONE, 5, replace(H1, username="bob")),
        identity.of_zone(ONE, 5, Owner(credential="da")),
        identity.of_zone(ONE, 5, Owner(credential="ad")),
        identity.of_delete(fresh, "c"),
        identity.of_delete(fresh, "d"),
        identity.of_delete(identity.NOTHING, "c"),
    ]

    assert len(others) + 1 == len({identity.content(one) for one in (fresh, *others)})


def test_the_same_again_is_the_same_content_counted():
    """A delete that does not know of it must not be taken for one that does."""
    first = current()
    again = stated_after(first, ONE, 1, H1)

    assert identity.content(first.stated) == identity.content(again)
    assert (0, 1) == (identity.times(first.stated), identity.times(again))
    assert identity.of_delete(first.stated, "c") != identity.of_delete(again, "c")


def test_the_count_ends_and_does_not_begin_anew():
    last = identity.content(current().stated) + b"\xff\xff"

    assert last == identity.again(last)


def test_what_comes_back_under_its_old_serial_is_no_former_version():
    """A signed zone is published as it is pushed: by the id before, it is known that it came back."""
    first, second = current(7), current(8, digest=TWO)
    back = stated_after(second, ONE, 7, H1)

    assert identity.content(first.stated) != identity.content(back)
    assert identity.content(back) != identity.content(stated_after(second._replace(stated=back), ONE, 7, H2))


def test_an_owner_that_comes_and_goes_is_told_apart_each_time():
    seen, before = [current().stated], current()
    for owner in (H2, H1, H2):
        before = before._replace(stated=stated_after(before, ONE, 1, owner), owner=owner)
        seen.append(before.stated)

    assert 4 == len({identity.content(one) for one in seen})


def test_pushes_and_deletes_are_written_with_their_id():
    """And a delete is that of what was there."""
    there = a_look()
    assert there.newest is not None
    known = there._replace(newest=there.newest._replace(stated=current().stated))

    new = written(a_push(serial=1), NEW)
    assert identity.of_zone(a_push(serial=1).zone.digest, 1, H1) == new
    delete = a_delete()
    assert identity.of_delete(current().stated, delete.origin.change_id) == written(delete, known)
    assert identity.again(current().stated) == written(a_push(serial=3), known.with_more(More(whole=True)))
    healed = written(a_push(serial=3), known.with_more(More(whole=False)))
    assert identity.again(current().stated) == healed


ids = st.binary(min_size=16, max_size=16)


@given(st.lists(ids, max_size=80), st.lists(ids, max_size=80))
def test_ids_are_kept_each_content_once_the_last_ones(past, more):
    kept = identity.split(identity.joined(past, more))

    assert len(kept) == len({identity.content(one) for one in kept}) <= identity.KEPT
    wanted = list(dict.fromkeys(identity.content(one) for one in reversed([*past, *more])))[: identity.KEPT]
    assert set(wanted) == {identity.content(one) for one in kept}
    for one in kept:
        counts = [each for each in (*past, *more) if identity.content(each) == identity.content(one)]
        assert one == max(counts)
