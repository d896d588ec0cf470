"""Who gives way at the door: the rules alone, with a clock that is moved by hand."""

from __future__ import annotations

import pytest

from directdnsonly.door.crowd import LEAVE_S, POLLS_AT_ONCE, STRANGERS, Bounds, Crowd, Rank

PROXY = "198.51.100.1"
PLACES = 64  # of these strangers may take 48, those of one address 24; 8 are there for newcomers


class Guest:
    """A connection that notes what becomes of it."""

    def __init__(self, crowd: Crowd) -> None:
        self.crowd = crowd
        self.aborted = self.hurried = False

    def abort(self) -> None:
        self.aborted = True

    def hurry(self) -> None:
        self.hurried = True


class Now:
    def __init__(self) -> None:
        self.s = 0.0

    def __call__(self) -> float:
        return self.s


@pytest.fixture
def now() -> Now:
    return Now()


@pytest.fixture
def crowd(now: Now) -> Crowd:
    return Crowd(Bounds(max_connections=PLACES), is_proxy=PROXY.__eq__, now=now)


def guests(crowd: Crowd, count: int, address: str, rank: Rank = Rank.STRANGER) -> list[Guest]:
    """So many that come in, one after the other, as the listener lets them."""
    made = []
    for _ in range(count):
        if not crowd.has_room():
            break
        one = Guest(crowd)
        crowd.enter(one, address, seconds=10.0)
        crowd.place(one, rank)
        made.append(one)
    return made


def test_one_address_cannot_take_the_strangers_places(crowd):
    """Above its share its own oldest gives way, though there are free places."""
    others = guests(crowd, 10, "192.0.2.2")
    many = guests(crowd, 30, "192.0.2.1")

    assert [True] * 6 + [False] * 24 == [one.aborted for one in many]
    assert not any(one.aborted for one in others)


def test_strangers_cannot_take_the_places_of_those_who_were_admitted(crowd):
    """However many addresses they have."""
    strangers = [guests(crowd, 1, f"192.0.2.{number}")[0] for number in range(60)]

    assert 48 == crowd.count(*STRANGERS)
    assert [True] * 12 + [False] * 48 == [one.aborted for one in strangers]
    assert 16 == len(guests(crowd, 16, "203.0.113.1", Rank.PUSHING))


def test_refused_ones_give_way_before_those_who_have_asked_nothing(crowd):
    silent = guests(crowd, 20, "192.0.2.1")
    refused = guests(crowd, 4, "192.0.2.1", Rank.REFUSED)

    guests(crowd, 4, "192.0.2.1")

    assert all(one.aborted for one in refused)
    assert not any(one.aborted for one in silent)


def test_a_newcomer_is_never_who_gives_way_for_refused_ones_of_another_address(crowd):
    """Those that are being judged have asked something already: they are strangers as much as who has just come."""
    guests(crowd, 40, "203.0.113.1", Rank.PUSHING)
    guests(crowd, 23, "192.0.2.1")
    [newcomer] = guests(crowd, 1, "192.0.2.9")

    guests(crowd, 200, "192.0.2.1")

    assert not newcomer.aborted


def test_newcomers_find_a_place_however_many_were_admitted(crowd):
    """Idle connections of readers go first, then long polls, by an answer; pushes that are here whole never."""
    pushing = guests(crowd, 30, "203.0.113.1", Rank.PUSHING)
    polls = guests(crowd, 30, "203.0.113.2", Rank.POLL)
    idle = guests(crowd, 4, "203.0.113.3", Rank.IDLE)

    assert 4 == len(guests(crowd, 8, "192.0.2.1"))
    assert all(one.aborted for one in idle)
    assert [True] * POLLS_AT_ONCE + [False] * 14 == [one.hurried for one in polls]
    assert not any(one.aborted for one in (*polls, *pushing))


def test_who_finds_no_place_is_let_in_when_a_poll_has_been_answered(crowd):
    polls = guests(crowd, PLACES, "203.0.113.2", Rank.POLL)
    called: list[bool] = []
    assert not crowd.has_room()
    crowd.when_freed(lambda: called.append(crowd.has_room()))

    crowd.leave(polls[0])

    assert [True] == called


def test_a_poll_that_does_not_go_after_its_early_answer_is_sent_away(crowd, now):
    polls = guests(crowd, PLACES, "203.0.113.2", Rank.POLL)
    assert not crowd.has_room()

    now.s += LEAVE_S
    crowd.sweep()

    assert [one.hurried for one in polls] == [one.aborted for one in polls]


def test_pushes_that_are_here_whole_are_never_turned_out(crowd):
    """With nobody else to give way the next one waits in the kernel's queue."""
    pushing = guests(crowd, PLACES, "203.0.113.1", Rank.PUSHING)

    assert not crowd.has_room()
    assert not any(one.aborted for one in pushing)


@pytest.mark.parametrize(("sending", "gives_way"), [(32, False), (40, True)])
def test_bodies_on_their_way_give_way_when_one_address_sends_most_of_them(crowd, sending, gives_way):
    guests(crowd, PLACES - sending, "203.0.113.1", Rank.PUSHING)
    bodies = guests(crowd, sending, "203.0.113.2", Rank.SENDING)

    assert gives_way == crowd.has_room()
    assert gives_way == bodies[0].aborted


def test_connections_of_a_proxy_are_those_of_many_people(crowd):
    """None of them is taken for the busiest address; once a request tells whose it is, that counts."""
    of_proxy = guests(crowd, 30, PROXY)
    assert not any(one.aborted for one in of_proxy)
    for one in of_proxy[:24]:
        crowd.regroup(one, "192.0.2.1")
        crowd.place(one, Rank.REFUSED)

    newcomers = guests(crowd, 30, PROXY)

    assert [True] * 12 + [False] * 18 == [one.aborted for one in of_proxy]
    assert not any(one.aborted for one in newcomers)


def test_an_address_of_ipv6_is_its_network_of_64_bits(crowd):
    many = [guests(crowd, 1, f"2001:db8::{number}")[0] for number in range(1, 26)]

    assert many[0].aborted
    assert not many[1].aborted


def test_whose_time_is_over_goes(crowd, now):
    early, late = guests(crowd, 2, "192.0.2.1")
    crowd.place(late, Rank.STRANGER, seconds=20.0)

    now.s += 10.0
    crowd.sweep()

    assert (True, False) == (early.aborted, late.aborted)
    assert 1 == len(crowd)
