"""Credentials, change ids, urgency, masters, turns: the small parts of the receiving stage."""

from __future__ import annotations

import asyncio
import base64

from hypothesis import given
from hypothesis import strategies as st

from directdnsonly.clock import ManualClock
from directdnsonly.outbox.records import Priority
from directdnsonly.receive.change_id import LENGTH, ChangeIds
from directdnsonly.receive.credentials import Credentials, FailedLogins
from directdnsonly.receive.masters import KnownMasters
from directdnsonly.receive.turns import Turns
from directdnsonly.receive.urgency import PushRate, priority_of
from directdnsonly.zone.name import ZoneName

KNOWN = Credentials({"first": "secret", "second": "geh\u00e4im:nis", "third": "\u65e5\u672c"})


def header(user: str, password: str, encoding: str = "utf-8") -> bytes:
    return b"Basic " + base64.b64encode(f"{user}:{password}".encode(encoding))


def test_each_credential_is_known_by_its_name() -> None:
    assert "first" == KNOWN.check(header("first", "secret"))
    assert "first" == KNOWN.check(header("first", "secret").decode())
    assert "first" == KNOWN.check(header("first", "secret").replace(b"Basic ", b"bASIC   "))
    assert "second" == KNOWN.check(header("second", "geh\u00e4im:nis"))
    assert "second" == KNOWN.check(header("second", "geh\u00e4im:nis", "latin-1"))
    assert "third" == KNOWN.check(header("third", "\u65e5\u672c"))


def test_nothing_else_is_known() -> None:
    token = header("first", "secret")[6:]
    wrong = [
        header("first", "Secret"),
        header("first", "geh\u00e4im:nis"),
        header("third", "??", "latin-1"),
        b"",
        b"Basic",
    ]
    wrong += [b"Bearer " + token, b"Basic" + token, token, b"Basic " + token[:-1], b"Basic " + token + b"=" * 5000]

    assert [None] * len(wrong) == [KNOWN.check(each) for each in wrong]


@given(st.one_of(st.binary(), st.text()))
def test_no_header_raises(value: bytes | str) -> None:
    assert KNOWN.check(value) is None


def test_no_password_is_shown() -> None:
    shown = repr(KNOWN) + str(vars(KNOWN))

    assert "Credentials(['first', 'second', 'third'])" == repr(KNOWN)
    assert "secret" not in shown
    assert base64.b64encode(b"first:secret").decode() not in shown


def test_failed_logins_are_logged_once_a_minute_in_bounded_memory() -> None:
    failures = FailedLogins(log_every_s=60.0, remember=3)

    assert [1, 0, 0] == [failures.count("192.0.2.1", now) for now in (0.0, 1.0, 59.0)]
    assert 3 == failures.count("192.0.2.1", 60.0)
    for number in range(10):
        failures.count(f"192.0.2.{100 + number}", 61.0)
    assert 14 == failures.total
    assert 3 == len(failures._seen)


def test_change_ids_grow_even_when_the_clock_does_not() -> None:
    clock = ManualClock()
    ids = ChangeIds(clock)

    made = [ids.next() for _ in range(1000)]
    clock.advance(-3600)
    made += [ids.next() for _ in range(10)]
    clock.advance(7200)
    made.append(ids.next())

    assert sorted(made) == made
    assert len(made) == len(set(made))
    assert {LENGTH} == {len(each) for each in made}


def test_change_ids_of_one_millisecond_cannot_be_guessed() -> None:
    ids = ChangeIds(ManualClock())
    first, second = ids.next(), ids.next()

    assert first[:10] == second[:10]  # the time
    assert first[18:] != second[18:]


def test_a_mass_rewrite_overflows_and_a_person_does_not() -> None:
    rate = PushRate(burst=30, window_s=10.0)
    rewrite = [rate.overflows(("h1", "s1"), number * 0.01) for number in range(100)]
    person = [rate.overflows(("h1", "s2"), number * 1.0) for number in range(100)]

    assert [False] * 30 == rewrite[:30]
    assert all(rewrite[35:])
    assert not any(person)


def test_after_a_rewrite_a_server_is_ordinary_again() -> None:
    rate = PushRate(burst=30, window_s=10.0)
    for _ in range(1000):
        rate.overflows(("h1", "s1"), 0.0)

    assert rate.overflows(("h1", "s1"), 0.1)
    assert not rate.overflows(("h1", "s1"), 1.0)


def test_the_rate_remembers_a_bounded_number_of_servers() -> None:
    rate = PushRate(remember=10)

    for number in range(1000):
        rate.overflows(("h1", f"s{number}"), 0.0)

    assert 10 == len(rate._buckets)


def test_named_reload_is_urgent_whatever_the_rate() -> None:
    assert Priority.URGENT is priority_of(named_reload=True, overflows=True)
    assert Priority.BULK is priority_of(named_reload=False, overflows=True)
    assert Priority.INTERACTIVE is priority_of(named_reload=False, overflows=False)


def test_a_further_host_name_of_a_credential_is_news_once() -> None:
    masters = KnownMasters()

    assert not masters.is_news("h1", "s1")
    assert not masters.is_news("h1", "")
    assert not masters.is_news("h2", "s2")
    assert masters.is_news("h1", "s2")
    assert not masters.is_news("h1", "s2")
    assert not masters.is_news("h1", "s1")


async def test_turns_are_taken_in_the_order_of_arrival() -> None:
    turns = Turns()
    zone, other = ZoneName("a.example"), ZoneName("b.example")
    order: list[str] = []

    async def take(name: ZoneName, label: str, rounds: int) -> None:
        async with turns.of(name):
            for _ in range(rounds):
                await asyncio.sleep(0)
            order.append(label)

    async with asyncio.TaskGroup() as group:
        group.create_task(take(zone, "slow", 50))
        group.create_task(take(zone, "quick", 0))
        group.create_task(take(other, "other", 3))

    assert ["other", "slow", "quick"] == order
    assert {} == turns._locks


async def test_a_turn_that_is_cancelled_is_passed_on() -> None:
    turns = Turns()
    zone = ZoneName("a.example")
    async with asyncio.TaskGroup() as group, turns.of(zone):
        waiting = group.create_task(_once(turns, zone))
        behind = group.create_task(_once(turns, zone))
        await asyncio.sleep(0)
        waiting.cancel()

    assert behind.done()
    assert {} == turns._locks


async def _once(turns: Turns, zone: ZoneName) -> None:
    async with turns.of(zone):
        pass
