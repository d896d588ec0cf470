"""`dadns peers`: what is shown of each peer, the exit codes, and the choice of a person."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.api_server import PASSWORD, USER, ApiServer, Asked, api_server

AT = "2026-11-23T07:53:34.120+00:00"
OWNER = {"credential": "da", "hostname": "s1.example", "username": "alice"}


def us(server: ApiServer) -> dict[str, str]:
    return {"DADNS_URL": server.url, "DADNS_USERNAME": USER, "DADNS_PASSWORD": PASSWORD}


def peer(state: str, **more: Any) -> dict[str, Any]:
    return {
        "name": "ns2", "url": "https://ns2.example", "state": state, "since": AT, "reason": "", "asked_at": AT,
        "exchanged_at": AT, "next_at": AT, "taken": 3, "behind": 0, "conflicts": 0, "lacking": 0, "too_many": 0, "plan": "", "progress": None, **more,
    }  # fmt: skip


def zone(name: str, **more: Any) -> dict[str, Any]:
    side = {"id": "ab" * 14 + "0001", "kind": "put", "serial": 7, "pushed_serial": 7, "owner": OWNER}
    there = {**side, "kind": "delete", "id": "cd" * 14 + "0000"}
    return {
        "zone": name,
        "standing": "conflict",
        "reason": "deleted there",
        "since": AT,
        "ours": side,
        "theirs": there,
        **more,
    }


def answering(*peers: dict[str, Any], zones: list[Any] | None = None):
    def answer(asked: Asked) -> tuple[int, Any]:
        if asked.method == "POST":
            return 200, {
                "zone": "a.example", "peer": "ns2", "change_id": "c", "version": 4, "kind": "put", "serial": 9, "changed": True
            }  # fmt: skip
        return 200, {"items": (zones or []) if asked.path.endswith("/zones") else list(peers), "next": None}

    return answer


@pytest.mark.parametrize(
    ("peers", "code"),
    [
        ([], 0),
        ([peer("equal")], 0),
        ([peer("equal"), peer("behind", behind=2)], 1),
        ([peer("differs", conflicts=1)], 1),
        ([peer("unreachable", reason="no route")], 1),
        ([peer("unknown", exchanged_at=None)], 2),
        ([peer("unknown"), peer("unreachable")], 1),
    ],
    ids=str,
)
def test_the_exit_code_tells_whether_all_are_equal(dadns, peers, code):
    with api_server(answering(*peers)) as server:
        ended = dadns("peers", **us(server))

    assert code == ended.returncode, ended.stderr


def test_each_zone_that_differs_is_shown_with_both_versions_and_what_to_do(dadns):
    """And how far an exchange is that goes on, and why a peer cannot be asked."""
    going = {"began_at": AT, "done": 512, "total": 2048, "taken": 40, "ends_in_s": 12.3}
    found = [peer("differs", conflicts=1, lacking=1, progress=going, reason="a reason")]
    zones = [zone("a.example"), zone("b.example", ours=None, standing="only there")]
    with api_server(answering(*found, zones=zones)) as server:
        ended = dadns("peers", **us(server))
        as_json = dadns("peers", "--json", **us(server))

    assert "25 % done, 40 zones taken, about 12 s left" in ended.stdout
    assert "ns2: a reason" in ended.stdout
    (line,) = [one for one in ended.stdout.splitlines() if one.startswith("a.example")]
    assert ["serial 7, s1.example, abababababab+1", "deleted, s1.example, cdcdcdcdcdcd", "deleted there"] == line.split(
        "\t"
    )[3:]
    assert "b.example\tns2" in ended.stdout
    assert "unknown" in ended.stdout
    assert "dadns peers take ZONE PEER" in ended.stdout
    assert ["a.example", "b.example"] == [one["zone"] for one in json.loads(as_json.stdout)[0]["zones"]]


def test_a_person_takes_a_version(dadns):
    with api_server(answering(peer("differs"))) as server:
        ended = dadns("peers", "take", "a.example", "ns2", **us(server))

    assert (0, "a.example: taken from ns2: version 4, serial 9\n") == (ended.returncode, ended.stdout)
    assert [("POST", "/api/v1/peers/ns2/take", b'{"zone":"a.example"}')] == [
        (one.method, one.path, one.body) for one in server.asked
    ]


def test_deletes_that_are_stopped_are_told_with_what_to_do_and_a_person_approves_them(dadns):
    """Nothing is said of versions to take where none has to be taken."""
    stopped = peer("differs", too_many=12, plan="3b1f0c9a7d52")

    def answer(asked: Asked) -> tuple[int, Any]:
        return (200, {"zones": 12}) if asked.method == "POST" else answering(stopped, zones=[zone("a.example")])(asked)

    with api_server(answer) as server:
        shown = dadns("peers", **us(server))
        ended = dadns("peers", "approve", "ns2", "3b1f0c9a7d52", **us(server))

    assert "ns2: 12 zones are deleted there, too many at once, and stay here" in shown.stdout
    assert "dadns peers approve ns2 3b1f0c9a7d52" in shown.stdout
    assert "dadns peers take" not in shown.stdout
    assert (0, "approved: 12 zones; deleted with the exchange that begins now\n") == (ended.returncode, ended.stdout)
    assert ("POST", "/api/v1/peers/ns2/approve/3b1f0c9a7d52") == (server.asked[-1].method, server.asked[-1].path)
