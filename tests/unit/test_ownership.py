"""docs/ownership.md is the table of who may: every case that its words allow is made and judged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle, product
from pathlib import Path

import pytest

from directdnsonly.outbox.changes import Owner, Source
from directdnsonly.outbox.drift import HoldRule, Migration
from directdnsonly.outbox.ownership import (
    Above,
    Act,
    GiveWay,
    Hold,
    Ignore,
    Record,
    Refuse,
    There,
    Verdict,
    Waiting,
    act_of,
    existence,
    judge,
    looks_around,
    owner_after,
)
from directdnsonly.zone.name import ZoneName
from tests.support.made import a_delete, a_push

PAGE = Path(__file__).parents[2] / "docs" / "ownership.md"
NAME, PARENT = ZoneName.parse("www.a.example"), ZoneName.parse("a.example")
NOBODY = Owner()
DIGEST, OTHER_DIGEST = "aa" * 32, "bb" * 32
DELETES = {Act.DELETE, Act.SWEEP, Act.REMOVE, Act.BOUND_REMOVE}

# Each asker with owners that are the same server, and such that are not: by host name, and where one is missing by credential.
SERVER = Owner(credential="da", hostname="h1.example", username="alice")
SILENT = Owner(credential="da", username="alice")
OWN = {
    SERVER: (SERVER, Owner(credential="other", hostname="h1.example"), Owner(credential="da")),
    SILENT: (Owner(credential="da", hostname="h9.example"), Owner(credential="da")),
}
OTHERS = {
    SERVER: (
        Owner(credential="da", hostname="h2.example", username="alice"),
        Owner(credential="db", hostname="h2.example"),
        Owner(credential="db"),
    ),
    SILENT: (Owner(credential="db", hostname="h2.example", username="alice"), Owner(credential="db")),
}
PERSON = Owner(credential="anna")
OWN[PERSON] = (PERSON,)
OTHERS[PERSON] = OTHERS[SERVER]
ASKERS = {
    **dict.fromkeys((Act.PUSH, Act.DELETE, Act.PULL, Act.SWEEP, Act.LET_IN), (SERVER, SILENT)),
    **dict.fromkeys((Act.PUT, Act.ROLL_BACK, Act.REMOVE), (PERSON,)),
    **dict.fromkeys((Act.BOUND_PUT, Act.BOUND_ROLL_BACK, Act.BOUND_REMOVE), (SERVER,)),
}
ZONES = ["none", "own, deleted", "another's, deleted", "own", "another's", "nobody's"]
WAITS = ["none", "own", "another's", "a loss"]
ABOVE = ["none", "own", "another's", "another's, with the name"]
DELETED = ["own, deleted", "another's, deleted"]


def table(header: str) -> list[dict[str, str]]:
    """The rows of the page's table that begins with this header."""
    lines = PAGE.read_text().split(f"{header}\n", 1)[1].splitlines()[1:]
    names = _cells(header)
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append(dict(zip(names, _cells(line), strict=True)))
    assert rows
    return rows


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def first(rows: Sequence[Mapping[str, str]], case: Mapping[str, str]) -> Mapping[str, str]:
    """The first row that fits the case; each case has one."""
    for row in rows:
        if all(_fits(row[column], word) for column, word in case.items()):
            return row
    raise AssertionError(f"no row of docs/ownership.md fits {case}")


def _fits(cell: str, word: str) -> bool:
    wanted = cell.split(" or ")
    return cell == "any" or word in wanted or ("deleted" in wanted and word in DELETED)


def cases() -> Iterator[tuple[dict[str, str], Act, Owner, There, str]]:
    """Every case in words, with what the function is given."""
    for act in Act:
        for asker, zone, waits, above, below, announced, takeover in product(
            ASKERS[act], ZONES, WAITS, ABOVE, ("none", "another's"), ("no", "yes"), ("transfer", "hold", "reject")
        ):
            case = {
                "who": str(act), "zone": zone, "waits": waits, "above": above, "below": below, "announced": announced,
                "takeover": takeover,
            }  # fmt: skip
            case["the zone"] = case.pop("zone")
            for own, other in zip(cycle(OWN[asker]), OTHERS[asker]):  # each of theirs, each of its own
                if announced == "yes" and not (asker.hostname and other.hostname):
                    continue  # a move is announced between host names
                yield case, act, asker, _there(case, own, other, asker), takeover


def _there(case: Mapping[str, str], own: Owner, other: Owner, asker: Owner) -> There:
    zone, waits, above = case["the zone"], case["waits"], case["above"]
    owner = {"own": own, "another's": other, "nobody's": NOBODY}.get(zone.partition(",")[0])
    waiting = {
        "none": None,
        "own": Waiting(rule=HoldRule.TAKEOVER, owner=own, digest=DIGEST),
        "another's": Waiting(rule=HoldRule.OVERLAP, owner=other, digest=OTHER_DIGEST),
        "a loss": Waiting(rule=HoldRule.LOSS, owner=other, digest=DIGEST),
    }[waits]
    moves = [Migration(former=other.hostname, server=asker.hostname, zones=(), until=1.0)]
    return There(
        zone=None if zone in DELETED else owner,
        buried=owner if zone in DELETED else None,
        waits=waiting,
        above=None
        if above == "none"
        else Above(name=PARENT, owner=own if above == "own" else other, holds="with" in above),
        below=None if case["below"] == "none" else other,
        moves=moves if case["announced"] == "yes" else (),
    )


def in_words(verdict: Verdict, act: Act) -> tuple[str, str]:
    """Verdict and audit as the page has them; what the door keeps of a verdict is asked in tests/contract/store_exercises/ownership.py."""
    match verdict:
        case Record(notices=notices):
            told = [notice for notice in notices if notice.event != "push.dropped"]
            return "recorded", "".join(f"{one.event}{', no warning' if one.planned else ''}" for one in told) or "-"
        case Ignore(reason=reason):
            return "ignored", "delete.ignored" if reason and act is Act.DELETE else "-"
        case Hold(rule=rule):
            return f"held: {rule}", "push.withheld"
        case Refuse(rule=rule):
            return f"refused: {rule}", "delete.ignored" if act in DELETES else "push.refused"
        case GiveWay():
            return "gives way", "-"


def after(verdict: Verdict) -> tuple[str, str]:
    """What becomes of the push that waited, and what the audit is told of it."""
    told = [notice.event for notice in getattr(verdict, "notices", ()) if notice.event == "push.dropped"]
    match verdict:
        case GiveWay():
            what = "is let in"
        case Hold():
            what = "is replaced"
        case Refuse():
            what = "stays"
        case _:
            what = "is dropped" if verdict.drops else "stays"
    return what, "".join(told) or "-"


def test_every_case_is_judged_as_the_page_says() -> None:
    """All words of all columns with each other, and every way in which two owners are, or are not, the same server."""
    verdicts = table("| who | the zone | waits | above | below | announced | takeover | verdict | audit |")
    waited = table("| who | verdict | waits | what waited | audit |")
    used, seen = set(), 0

    for case, act, asker, there, takeover in cases():
        verdict = judge(act, NAME, asker, there, takeover=takeover, approves=DIGEST)  # type: ignore[arg-type]
        row = first(verdicts, case)
        told = in_words(verdict, act)
        assert (row["verdict"], row["audit"]) == told, (case, asker, there)
        used.add(id(row))
        if there.waits is not None:
            short = {"who": case["who"], "verdict": told[0].partition(":")[0], "waits": case["waits"]}
            row = first(waited, short)
            assert (row["what waited"], row["audit"]) == after(verdict), (short, asker, there)
            used.add(id(row))
        else:
            assert ("stays", "-") == after(verdict) or isinstance(verdict, (Hold, Record))
        seen += 1

    assert 20_000 < seen, seen
    assert [] == [row for row in [*verdicts, *waited] if id(row) not in used], "rows that no case reaches"


def test_which_host_names_and_credentials_are_the_same_server() -> None:
    """The page's table of it; each way round."""
    rows = table("| one has | the other has | the same server when |")
    names, credentials = ("", "h1.example", "h2.example"), ("da", "db")
    owners = [Owner(credential=credential, hostname=name) for credential in credentials for name in names]
    for one, other in product(owners, owners):
        has = sorted(("a host name" if owner.hostname else "none") for owner in (one, other))
        (row,) = [row for row in rows if sorted((row["one has"], row["the other has"])) == has]
        by = "hostname" if row["the same server when"] == "the host names are equal" else "credential"
        assert (getattr(one, by) == getattr(other, by)) == one.same_server(other) == other.same_server(one)


def test_a_domain_check_is_answered_as_the_page_says() -> None:
    rows = table("| found | its owner is known by | setting | answer |")
    known = {"host name and user": SERVER, "host name": Owner(hostname="h1"), "credential": PERSON}
    for found, by, setting in product(("nothing", "the zone", "a zone above"), known, ("on", "off")):
        row = first(rows, {"found": found, "its owner is known by": by, "setting": setting})
        held = None if found == "nothing" else known[by]
        assert row["answer"] == existence(held, exact=found == "the zone", tells_owner=setting == "on")


@pytest.mark.parametrize(
    ("change", "act"),
    [
        (a_push(), Act.PUSH),
        (a_push(source=Source.PULL), Act.PULL),
        (a_push(source=Source.API), Act.BOUND_PUT),
        (a_push(source=Source.API, owner=PERSON), Act.PUT),
        (a_push(source=Source.ROLLBACK), Act.BOUND_ROLL_BACK),
        (a_push(source=Source.ROLLBACK, owner=PERSON), Act.ROLL_BACK),
        (a_delete(), Act.DELETE),
        (a_delete(source=Source.API), Act.BOUND_REMOVE),
        (a_delete(source=Source.API, owner=PERSON), Act.REMOVE),
        (a_delete(source=Source.RECONCILE), Act.SWEEP),
    ],
)
def test_a_change_is_told_by_its_source_and_by_who_asks(change, act):
    """A credential of the API that is bound to a server brings that server's host name."""
    assert act is act_of(change)


def test_only_a_zone_that_comes_to_be_is_judged_beside_its_neighbours() -> None:
    """One that is there was judged when it came: its owner's pushes cost no look around."""
    assert [Act.PUSH, Act.PULL, Act.BOUND_PUT] == [act for act in Act if looks_around(act, None)]
    assert [] == [act for act in Act if looks_around(act, SERVER)]


def test_whose_a_zone_is_afterwards() -> None:
    """An edit by API must not turn DirectAdmin's later delete into a stranger's."""
    assert SERVER == owner_after(SERVER, None, a_push(owner=PERSON, source=Source.API))
    assert PERSON == owner_after(None, SERVER, a_push(owner=PERSON, source=Source.API))
    assert SERVER == owner_after(None, SERVER, a_push(owner=PERSON, source=Source.ROLLBACK))
    assert SERVER == owner_after(SERVER, None, a_push(owner=PERSON, source=Source.ROLLBACK))
    assert PERSON == owner_after(SERVER, None, a_push(owner=PERSON))
    assert PERSON == owner_after(SERVER, None, a_push(owner=PERSON, source=Source.PULL))
