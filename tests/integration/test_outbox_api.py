"""The outbox, history and pins over the API and the command line: the real store behind the real routes."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from bench.service import DADNS, free_port
from fastapi import FastAPI, Request
from structlog.testing import capture_logs

from directdnsonly.accept.lost import LostPushes
from directdnsonly.api import history, lost, outbox, pins, problem, routes
from directdnsonly.api.parts import ApiParts
from directdnsonly.clock import SystemClock
from directdnsonly.door.bodies import Bodies
from directdnsonly.door.server import Server, listen, make_server
from directdnsonly.door.settings import AppSettings
from directdnsonly.operate.journal import Operator
from directdnsonly.outbox.changes import Kind, Owner, Priority
from directdnsonly.outbox.deliveries import Settle, Settlement
from directdnsonly.outbox.kept import LostPush
from directdnsonly.outbox.sqlite.store import SqliteStore
from directdnsonly.zone.name import ZoneName
from tests.support.made import a_delete, a_push
from tests.support.operating import Operated, operated
from tests.support.service import serving

BACKENDS = ["one", "two"]
ZONE = b"""$TTL 3600
@ IN SOA ns1.host.example. hostmaster.host.example. %d 3600 3600 1209600 86400
@ IN NS ns1.host.example.
@ IN MX 10 mail
mail IN A 192.0.2.1
www IN A %s
"""


def body(serial: int, address: str = "192.0.2.10", *more: str) -> bytes:
    return ZONE % (serial, address.encode()) + "".join(f"{line}\n" for line in more).encode()


@dataclass
class Api:
    url: str
    http: httpx.Client
    store: SqliteStore
    loop: asyncio.AbstractEventLoop
    woken: list[Priority]
    lost: LostPushes

    def run(self, awaitable):
        return asyncio.run_coroutine_threadsafe(awaitable, self.loop).result(timeout=60)

    def bury(self, *names: str, backend: str = "one", reason: str = "bad owner name (check-names)") -> None:
        async def it() -> None:
            for name in names:
                await self.store.recording.record_push(a_push(name))
            claims = await self.store.work.claim(backend, limit=1000, lease_s=60)
            await self.store.work.settle([Settlement(claim=claim, how=Settle.BURY, reason=reason) for claim in claims])

        self.run(it())

    def dadns(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [DADNS, *arguments],
            capture_output=True, text=True, check=False, timeout=60,
            env={**os.environ, "DADNS_URL": self.url, "DADNS_USERNAME": "bob", "DADNS_PASSWORD": "x", "COLUMNS": "150",
                 "NO_COLOR": "1", "PYTHONPATH": str(Path(__file__).parents[2] / "src")},
        )  # fmt: skip


def bob(request: Request) -> Operator:
    """Everybody, and no guard asks them."""
    return Operator(name="bob", address=request.client.host if request.client else "")


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    made: list[Operated] = []

    listening = AppSettings(listen_host="127.0.0.1", listen_port=free_port())

    @asynccontextmanager
    async def make() -> AsyncIterator[Server]:
        async with operated(tmp_path, names=BACKENDS, clock=SystemClock()) as it:
            made.append(it)
            parts = ApiParts(
                looking=it.store.looking, acts=it.acts, running=it.running, bodies=Bodies(largest_bytes=10**6),
                asks=bob,
            )  # fmt: skip
            app = FastAPI(redirect_slashes=False)
            for module in (outbox, history, pins, routes, lost):
                app.include_router(module.router(parts))
            for kind, handler in problem.HANDLERS.items():
                app.add_exception_handler(kind, handler)
            yield make_server(app, listening)

    with serving(make, listen(listening)) as loop:
        url = f"http://127.0.0.1:{listening.listen_port}"
        with httpx.Client(base_url=f"{url}/api/v1", trust_env=False, timeout=60) as http:
            yield Api(url, http, made[0].store, loop, made[0].woken, made[0].acceptance.lost)


def test_the_dead_are_listed_with_reasons_and_revived_by_zone_backend_or_all(api):
    """With the audit of who did it; the lanes are told."""
    api.bury(*(f"z{number}.example" for number in range(5)))
    page = api.http.get("/outbox", params={"state": "dead", "limit": 3}).json()
    rest = api.http.get("/outbox", params={"state": "dead", "limit": 3, "after": page["next"]}).json()

    assert [f"z{number}.example" for number in range(5)] == [entry["zone"] for entry in page["items"] + rest["items"]]
    assert rest["next"] is None
    first = page["items"][0]
    assert ("dead", 1, None) == (first["state"], first["attempts"], first["due_at"])
    assert "check-names" in first["reason"]

    api.woken.clear()
    assert {"revived": 1} == api.http.post("/outbox/revive", json={"zone": "Z0.example."}).json()
    assert {"revived": 0} == api.http.post("/outbox/revive", json={"backend": "two"}).json()
    assert {"revived": 4} == api.http.post("/outbox/revive", json={}).json()
    assert [Priority.INTERACTIVE, Priority.BULK] == api.woken
    events = api.http.get("/events").json()["items"]
    assert [("delivery.revived", "", "bob"), ("delivery.revived", "z0.example", "bob")] == [
        (event["event"], event["zone"], event["actor"]) for event in events
    ]
    waiting = api.http.get("/outbox", params={"backend": "one"}).json()["items"]
    assert {"interactive", "bulk"} == {entry["priority"] for entry in waiting}


def test_lost_pushes_come_in_pages_wherever_they_are_kept(api):
    """Newest first, each once; those that the store has and those that still wait for it; a name that is none finds none."""
    names = [ZoneName.parse(f"lost{number}.example") for number in range(6)]
    for number, name in enumerate(names):
        owner = Owner(credential="da")
        api.lost.note(
            LostPush(
                name=name, kind=Kind.PUT, change_id=name, reason="full", owner=owner, address="", at=1764500000.5 + number // 2
            )
        )  # fmt: skip
        if number == 2:
            assert 3 == api.run(api.lost.write())

    found, after = [], ""
    while after is not None:
        page = api.http.get("/lost", params={"limit": 1, "after": after}).json()
        found += [one["zone"] for one in page["items"]]
        after = page["next"]

    assert [str(names[number]) for number in (4, 5, 2, 3, 0, 1)] == found
    assert ["lost3.example"] == [
        one["zone"] for one in api.http.get("/lost", params={"zone": "Lost3.Example."}).json()["items"]
    ]
    assert {"items": [], "next": None} == api.http.get("/lost", params={"zone": "no zone"}).json()
    assert 422 == api.http.get("/lost", params={"after": "yesterday"}).status_code


def test_what_makes_no_sense_is_refused_with_a_reason(api):
    """Unknown backend, a made-up cursor, an unknown state, unknown keys."""
    for status, answer in (
        (404, api.http.get("/outbox", params={"backend": "nobody"})),
        (422, api.http.get("/outbox", params={"after": "x"})),
        (422, api.http.get("/outbox", params={"state": "alive"})),
        (404, api.http.post("/outbox/revive", json={"backend": "nobody"})),
        (422, api.http.post("/outbox/revive", json={"all": True})),
        (422, api.http.post("/outbox/revive", json={"zone": "a b"})),
        (404, api.http.get("/zones/nobody.example/history")),
        (404, api.http.get("/zones/nobody.example/pin")),
        (404, api.http.put("/zones/nobody.example/pin")),
        (404, api.http.delete("/zones/nobody.example/pin")),
        (404, api.http.post("/zones/nobody.example/rollback", json={"version": 1})),
        (404, api.http.get("/zones/nobody.example/diff", params={"from": 1, "to": 2})),
    ):
        assert status == answer.status_code, answer.text
        assert answer.json()["detail"]


def test_a_zone_s_attempts_are_told(api):
    """Newest first, with the state that each left."""
    api.bury("a.example", reason="first")

    answer = api.http.get("/zones/a.example/attempts").json()

    assert [("one", 1, 1, "dead", "first")] == [
        (entry["backend"], entry["version"], entry["attempt"], entry["state"], entry["reason"])
        for entry in answer["items"]
    ]
    assert 404 == api.http.get("/zones/b.example/attempts").status_code
    api.http.put("/zones/b.example", content=body(1))
    assert {"items": [], "next": None} == api.http.get("/zones/b.example/attempts").json()


def test_history_diff_and_rollback(api):
    """What was served, what changed, and back again with a serial that moves forward; a deleted zone, too."""
    api.http.put("/zones/a.example", content=body(10))
    api.http.put("/zones/a.example", content=body(11, "192.0.2.99", "new IN TXT hello"))

    told = api.http.get("/zones/a.example/diff").json()
    assert (1, 2) == (told["from_version"], told["to_version"])
    assert [("new.a.example.", "TXT")] == [(rrset["owner"], rrset["type"]) for rrset in told["added"]]
    changed = {pair["before"]["owner"]: (pair["before"]["rdata"], pair["after"]["rdata"]) for pair in told["changed"]}
    assert (["192.0.2.10"], ["192.0.2.99"]) == changed["www.a.example."]
    assert [] == told["removed"]

    back = api.http.post("/zones/a.example/rollback", json={"version": 1}).json()
    assert (3, 12, True) == (back["version"], back["serial"], back["changed"])
    assert "192.0.2.10" in api.http.get("/zones/a.example/text").text
    told = api.http.get("/zones/a.example/history", params={"limit": 2}).json()
    assert [(3, "rollback", "bob", True), (2, "api", "bob", False)] == [
        (line["version"], line["source"], line["pusher"]["credential"], line["wanted"]) for line in told["items"]
    ]
    assert (3, "2", None) == (told["wanted_version"], told["next"], told["pin"])
    older = api.http.get("/zones/a.example/history", params={"after": told["next"]}).json()
    assert [1] == [line["version"] for line in older["items"]]

    api.http.delete("/zones/a.example")
    assert 3 == len({rrset["type"] for rrset in api.http.get("/zones/a.example/diff").json()["removed"]} - {"SOA"})
    assert 404 == api.http.post("/zones/a.example/rollback", json={"version": 4}).status_code
    assert 5 == api.http.post("/zones/a.example/rollback", json={"version": 3}).json()["version"]
    assert [3, 4, 5] == sorted(
        line["version"] for line in api.http.get("/zones/a.example/history", params={"limit": 3}).json()["items"]
    )
    assert 2 == [event["event"] for event in api.http.get("/events").json()["items"]].count("zone.rolled_back")


def test_what_was_done_is_no_failure_because_its_audit_is_lost(api):
    """A 503 says that nothing was recorded, try again: of a pin that stands, and of deliveries that are due, it would lie."""
    api.bury("z0.example")
    full = "CREATE TEMP TRIGGER full BEFORE INSERT ON event BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
    api.run(api.store.engine.commits.submit(lambda connection: connection.execute(full) and None))

    with capture_logs() as lines:
        revived = api.http.post("/outbox/revive", json={"zone": "z0.example"})
        pinned = api.http.put("/zones/z0.example/pin", json={"reason": "moving"})
        released = api.http.delete("/zones/z0.example/pin")

    assert [200, 200, 200] == [revived.status_code, pinned.status_code, released.status_code], pinned.text
    lost = [(line["lost"], line["zone"]) for line in lines if line["event"] == "event.lost"]
    assert [(event, "z0.example") for event in ("delivery.revived", "zone.pinned", "zone.released")] == lost


def test_a_pinned_zone_and_its_release(api):
    """Pushes and deletes are acknowledged and wait; the audit tells; the release makes work."""
    api.http.put("/zones/a.example", content=body(10))
    assert 422 == api.http.put("/zones/a.example/pin", json={"version": 9}).status_code
    assert 1 == api.http.put("/zones/a.example/pin", json={"reason": "migration"}).json()["version"]

    pushed = api.http.put("/zones/a.example", content=body(11, "192.0.2.99")).json()
    assert (2, False, "pinned") == (pushed["version"], pushed["changed"], pushed["result"])
    assert "pinned" == api.http.get(f"/changes/{pushed['change_id']}").json()["result"]
    assert "pinned at version 1" in pushed["ignored"]
    assert "192.0.2.10" in api.http.get("/zones/a.example/text").text
    pin = api.http.get("/zones/a.example/history").json()["pin"]
    assert ("migration", "bob", 2) == (pin["reason"], pin["actor"], pin["waiting_version"])
    refused = api.http.post("/zones/a.example/rollback", json={"version": 1})
    assert (422, True) == (refused.status_code, "release it first" in refused.json()["detail"])

    api.woken.clear()
    released = api.http.delete("/zones/a.example/pin").json()
    assert (2, True) == (released["version"], released["changed"])
    assert [Priority.INTERACTIVE] == api.woken
    assert "192.0.2.99" in api.http.get("/zones/a.example/text").text
    assert ["zone.released", "zone.put", "push.pinned", "zone.pinned", "zone.put"] == [
        event["event"] for event in api.http.get("/events", params={"zone": "a.example"}).json()["items"]
    ]
    both = api.http.post("/zones/a.example/rollback", json={"version": 1, "pin": True}).json()
    assert both["version"] == api.http.get("/zones/a.example/pin").json()["version"]


def test_a_delete_of_a_pinned_zone_is_told_as_one_that_waits(api, tmp_path):
    """The command line does not call it deleted, the audit does not call it ignored, and a push is not called unchanged."""
    api.http.put("/zones/a.example", content=body(10))
    api.http.put("/zones/a.example/pin", json={"reason": "migration"})
    file = tmp_path / "a.example.zone"
    file.write_bytes(body(11, "192.0.2.99"))

    pushed = api.dadns("push", str(file), "--timeout", "0")
    deleted = api.dadns("delete", "a.example")

    assert "a.example: recorded, version 2" in pushed.stdout
    assert "verified" not in pushed.stdout
    assert (1, "") == (deleted.returncode, deleted.stdout)
    waits = "the zone is pinned at version 1: recorded as version 3, served when it is released"
    assert f"a.example: not deleted: {waits}" in " ".join(deleted.stderr.split())
    events = api.http.get("/events", params={"zone": "a.example", "limit": 2}).json()["items"]
    assert ["zone.delete", "delete.pinned"] == [event["event"] for event in events]
    change = api.http.get("/zones/a.example/history").json()["items"][0]["change_id"]
    assert [f"{waits}, change {change}", waits] == [event["detail"] for event in events]


def test_names_with_a_slash_have_a_history_too(api):
    """RFC 2317; the slash as %2F."""
    api.run(api.store.recording.record_push(a_push("0/26.2.0.192.in-addr.arpa")))
    api.run(api.store.recording.record_delete(a_delete("0/26.2.0.192.in-addr.arpa")))

    told = api.http.get("/zones/0%2F26.2.0.192.in-addr.arpa/history").json()

    assert ("0/26.2.0.192.in-addr.arpa", 2) == (told["zone"], len(told["items"]))
    assert 200 == api.http.get("/zones/0%2F26.2.0.192.in-addr.arpa/diff").status_code
    assert 200 == api.http.get("/zones/0%2F26.2.0.192.in-addr.arpa").status_code


def test_the_command_line_lists_and_revives(api):
    """dadns outbox, attempts, revive."""
    api.bury("a.example", "b.example")

    listed = api.dadns("outbox", "--dead")
    assert 0 == listed.returncode, listed.stderr
    assert 2 == listed.stdout.count("check-names")
    assert "a.example" not in api.dadns("outbox", "--backend", "one").stdout
    assert 2 == len(json.loads(api.dadns("outbox", "--json", "--limit", "3").stdout))
    assert "check-names" in api.dadns("attempts", "a.example").stdout
    assert "1 delivery revived" in api.dadns("revive", "a.example", "--backend", "one").stdout
    assert 1 == api.dadns("revive", "a.example").returncode
    assert "1 delivery revived" in api.dadns("revive", "--all").stdout
    assert 2 == api.dadns("revive").returncode
    assert 2 == api.dadns("revive", "a.example", "--all").returncode


def test_the_command_line_shows_history_and_difference_rolls_back_and_pins(api):
    """dadns history, diff, rollback, pin, unpin."""
    api.http.put("/zones/a.example", content=body(10))
    api.http.put("/zones/a.example", content=body(11, "192.0.2.99"))

    lines = api.dadns("diff", "a.example").stdout.splitlines()
    assert ["--- a.example version 1", "+++ a.example version 2"] == lines[:2]
    assert ["- www.a.example. 3600 IN A 192.0.2.10", "+ www.a.example. 3600 IN A 192.0.2.99"] == lines[-2:]
    assert lines == api.dadns("diff", "a.example", "--from", "1", "--to", "2").stdout.splitlines()
    back = api.dadns("rollback", "a.example", "1", "--pin", "--no-wait")
    assert (0, True) == (back.returncode, "version 3 (put), serial 12" in back.stdout)
    told = api.dadns("history", "a.example").stdout
    assert "pinned at version 3 by bob" in told
    assert "bob (rollback)" in told
    assert "3*" in told
    assert "as before" in api.dadns("unpin", "a.example", "--no-wait").stdout
    assert "pinned at version 3" in api.dadns("pin", "a.example", "--reason", "why").stdout
    assert 1 == api.dadns("unpin", "a.example", "--timeout", "0").returncode  # nobody delivers here
    assert 1 == api.dadns("unpin", "a.example").returncode
