"""Change ids, urgency, masters: the small parts of accepting a push."""

from __future__ import annotations

from directdnsonly.accept.change_id import LENGTH, ChangeIds
from directdnsonly.accept.senders import KnownMasters
from directdnsonly.accept.urgency import PushRate, priority_of
from directdnsonly.clock import ManualClock
from directdnsonly.outbox.changes import Priority


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


def test_change_ids_use_no_chance_twice() -> None:
    """The system gives it by the page: neither the end of a page nor the next one repeats it."""
    clock = ManualClock()
    ids = ChangeIds(clock)
    made = []
    for _ in range(1000):  # 10 octets each: two pages and a half
        clock.advance(0.001)
        made.append(ids.next()[10:])

    assert len(set(made)) == len(made)
    assert all(len({each[place] for each in made}) > 16 for place in range(16))  # no character stands still


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
