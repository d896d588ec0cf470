"""What became of a push or a delete: the same word in the answer of the API, the log and the metrics."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from bench.load import zone_text
from bench.service import Service

from tests.support.programs import require_program
from tests.support.verdicts import SERIAL, Stage

ZONE = "zones/became.example"


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    require_program("named")
    with Service(log_level="INFO", environ={"DADNS_APP_HOLD_LOSSES": "true"}) as service:
        stage = Stage(service)
        yield stage
        stage.http.close()


def put(stage: Stage, serial: int) -> Any:
    return stage.act("PUT", ZONE, content=zone_text("became.example", serial))


def logged(stage: Stage, change_id: str) -> tuple[str, str]:
    """The event of this change's line, and its result."""
    lines = map(json.loads, (stage.service.folder / "log").read_text().splitlines())
    (found,) = [one for one in lines if one.get("change_id") == change_id and "result" in one]
    return found["event"], found["result"]


def counted(stage: Stage, result: str, source: str = "api") -> float:
    return stage.metric(f'directdnsonly_pushes_total{{result="{result}",source="{source}"}}')


def test_every_place_has_the_same_word_for_what_became_of_a_change(stage):
    """Also of a zone that is pinned: what is recorded behind the pin is neither unchanged nor ignored."""
    acts = {
        "accepted": lambda: put(stage, SERIAL),
        "unchanged": lambda: put(stage, SERIAL),
        "pin": lambda: stage.act("PUT", f"{ZONE}/pin"),
        "pinned": lambda: put(stage, SERIAL + 1),
        "pinned delete": lambda: stage.act("DELETE", ZONE),
        "unpin": lambda: stage.act("DELETE", f"{ZONE}/pin"),
        "accepted again": lambda: put(stage, SERIAL + 2),
        "deleted": lambda: stage.act("DELETE", ZONE),
    }
    for name, act in acts.items():
        result = name.split()[0]
        before = counted(stage, result)
        told = act()
        if name in ("pin", "unpin"):
            continue
        event, in_the_log = logged(stage, told["change_id"]) if name != "unchanged" else ("push.unchanged", "unchanged")
        kind = "push" if told["kind"] == "put" else "delete"
        expected = "delete.accepted" if result == "deleted" else f"{kind}.{result}"
        assert (result, result, expected) == (told["result"], in_the_log, event), name
        assert before + 1 == counted(stage, result), name


def test_a_delete_of_what_is_not_held_is_ignored_everywhere(stage):
    """DirectAdmin is answered error=0 all the same."""
    stage.remove("nobodys.example")

    lines = map(json.loads, (stage.service.folder / "log").read_text().splitlines())
    assert [("delete.ignored", "ignored")] == [
        (one["event"], one["result"]) for one in lines if one.get("zone") == "nobodys.example"
    ]
    assert 1 == counted(stage, "ignored", "directadmin")


def test_a_push_that_waits_for_approval_is_counted_as_withheld(stage):
    """It was not counted at all."""
    few = b"$TTL 60\n@ IN SOA ns.host.example. h.host.example. %d 1 1 1 1\n@ IN NS ns.host.example.\n" % (SERIAL + 1)
    many = few.replace(b"%d" % (SERIAL + 1), b"%d" % SERIAL) + b"".join(b"h%d IN A 192.0.2.1\n" % n for n in range(99))
    stage.proven("lossy.example", text=many)

    assert stage.push("lossy.example", text=few).startswith("error=0")

    assert 1 == counted(stage, "withheld", "directadmin")
    assert '"event":"push.withheld"' in (stage.service.folder / "log").read_text().replace('": "', '":"')
