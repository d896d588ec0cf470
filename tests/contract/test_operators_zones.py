"""A zone that the operator holds on his own name server stays as it is, whatever DirectAdmin pushes under its name.

One test for each kind of backend whose name server may have zones of others: he makes a zone in the way of his name
server, then it is pushed, changed, deleted, looked for by a pass, and listed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dns.asyncquery
import dns.message
import pytest

from directdnsonly.backends.contract import Backend, OutcomeKind, ZoneChange
from directdnsonly.zone.name import ZoneName
from tests.support import coredns, knot, named, nsd, powerdns
from tests.support.coredns import DATABASE
from tests.support.rig import Rig, RigKind

HIS = ZoneName("his.example")
TEXT = "@ 3600 IN SOA ns.his.net. h.his.net. 77 60 60 60 60\n@ 60 IN NS ns.his.net.\nwww 60 IN A 198.51.100.7\n"


@dataclass
class Place:
    """A backend beside whose zones there is one of the operator's."""

    rig: Rig
    served: bool = True  # by a name server that can be asked


async def answer(backend: Backend) -> str:
    """What www of his zone is."""
    (server, *_) = backend.servers
    query = dns.message.make_query("www.his.example", "A")
    reply = await dns.asyncquery.udp(query, server.host, port=server.port, timeout=10)
    return str(reply.answer[0][0]) if reply.answer else ""


def a_file(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / "his.zone"
    file.write_text(TEXT)
    return file


@asynccontextmanager
async def named_of(folder: Path, kind: str) -> AsyncIterator[Place]:
    """In named.conf."""
    file = a_file(folder / "his")
    async with named.bind_under_test(folder, kind, own=f'zone "{HIS}" {{ type primary; file "{file}"; }};') as (
        backend,
        daemon,
    ):
        yield Place(rig_of(backend, daemon))


@asynccontextmanager
async def nsd_of(folder: Path, kind: str) -> AsyncIterator[Place]:
    """In nsd.conf, or added by nsd-control with a pattern of his."""
    file = a_file(folder / "his")
    pattern = f'pattern:\n  name: "his"\n  zonefile: "{file}"\n'
    zone = f'zone:\n  name: "{HIS}"\n  zonefile: "{file}"\n'
    async with nsd.nsd_under_test(folder, "external", own=pattern if kind == "added" else zone) as (backend, daemon):
        if kind == "added":
            assert (await backend._ask(f"addzone {HIS} his")).ok
        yield Place(rig_of(backend, daemon))


@asynccontextmanager
async def knot_of(folder: Path, kind: str) -> AsyncIterator[Place]:
    """In its configuration."""
    file = a_file(folder / "his")
    own = f'  - domain: "{HIS}."\n    file: "{file}"\n'
    async with knot.knot_under_test(folder, "external", own=own, control=kind) as (backend, daemon):
        yield Place(rig_of(backend, daemon))


@asynccontextmanager
async def powerdns_of(folder: Path, kind: str) -> AsyncIterator[Place]:
    """Made by its API, as any other tool does."""
    async with powerdns.powerdns_under_test(folder) as (backend, daemon):
        body = {
            "name": f"{HIS}.", "kind": kind, "nameservers": [], "soa_edit_api": "",
            "rrsets": [
                {"name": f"{HIS}.", "type": "SOA", "ttl": 60, "records": [{"content": "ns.his.net. h.his.net. 77 60 60 60 60", "disabled": False}]},
                {"name": f"www.{HIS}.", "type": "A", "ttl": 60, "records": [{"content": "198.51.100.7", "disabled": False}]},
            ],
        }  # fmt: skip
        assert (await backend._api.create(body)).ok
        yield Place(rig_of(backend, daemon))


@asynccontextmanager
async def powerdns_mysql_of(folder: Path, account: str) -> AsyncIterator[Place]:
    """In its tables."""
    async with powerdns.powerdns_mysql_under_test(folder) as (backend, daemon):
        sql = daemon.mariadb.sql
        sql(f"INSERT INTO domains (name, type, account) VALUES ('{HIS}', 'NATIVE', '{account}')", database="pdns")
        for name, kind, content in (
            (HIS, "SOA", "ns.his.net. h.his.net. 77 60 60 60 60"),
            (f"www.{HIS}", "A", "198.51.100.7"),
        ):
            sql(
                "INSERT INTO records (domain_id, name, type, content, ttl, auth)"
                f" SELECT id, '{name}', '{kind}', '{content}', 60, 1 FROM domains WHERE name = '{HIS}'",
                database="pdns",
            )
        yield Place(rig_of(backend, daemon))


@asynccontextmanager
async def coredns_mysql_of(folder: Path, kind: str) -> AsyncIterator[Place]:
    """In the tables of our wider form, told by a version below 0."""
    async with coredns.mysql_under_test(folder, kind) as (backend, daemon):
        sql = daemon._daemons[0].sql
        sql(f"INSERT INTO zones (zone_name, version, stamp) VALUES ('{HIS}.', -1, 1)", database=DATABASE)
        for name, type_, data in (("@", "SOA", "ns.his.net. h.his.net. 77 60 60 60 60"), ("www", "A", "198.51.100.7")):
            sql(
                "INSERT INTO records (zone_id, hostname, type, data, ttl)"
                f" SELECT id, '{name}', '{type_}', '{data}', 60 FROM zones WHERE zone_name = '{HIS}.'",
                database=DATABASE,
            )
        yield Place(rig_of(backend, daemon))


@asynccontextmanager
async def coredns_file_of(folder: Path, kind: str) -> AsyncIterator[Place]:
    """A file of his in the folder."""
    async with coredns.file_under_test(folder) as (backend, daemon):
        (folder / "zones" / HIS).write_text(TEXT)
        yield Place(rig_of(backend, daemon))


def rig_of(backend: Any, daemon: Any) -> Rig:
    return Rig(RigKind(name="his", open=named.RIGS[0].open), backend, daemon)


WAYS: dict[str, tuple[Callable[..., Any], str]] = {
    "named.conf beside addzone": (named_of, "external-addzone"),
    "named.conf beside an include file": (named_of, "external-include"),
    "nsd.conf": (nsd_of, "configured"),
    "nsd by his pattern": (nsd_of, "added"),
    "knot": (knot_of, "native"),
    "knot by knotc": (knot_of, "knotc"),
    "powerdns native": (powerdns_of, "Native"),
    "powerdns primary": (powerdns_of, "Master"),
    "powerdns's tables": (powerdns_mysql_of, ""),
    "powerdns's tables, another program's": (powerdns_mysql_of, "poweradmin"),
    "coredns's tables": (coredns_mysql_of, "ours"),
    "coredns's folder": (coredns_file_of, ""),
}


@pytest.fixture(params=WAYS, ids=str)
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    make, kind = WAYS[request.param]
    async with make(tmp_path, kind) as place:
        async with asyncio.timeout(30):
            while await answer(place.rig.backend) != "198.51.100.7":
                await asyncio.sleep(0.05)
        yield place
        place.rig.close()


async def test_a_zone_of_the_operators_stays_as_it_is(place: Place) -> None:
    """Pushed, changed, pushed beside others, deleted: each time it is told; nothing of his is touched or listed as ours."""
    rig = place.rig
    ours = rig.put("ours.example", 1)

    first = await rig.backend.apply([rig.put(HIS, 5), ours])
    again = await rig.backend.apply([rig.put(HIS, 6)])
    deleted = await rig.backend.apply([ZoneChange(name=HIS, version=7, text=None)])

    assert [OutcomeKind.HELD, OutcomeKind.APPLIED, OutcomeKind.HELD, OutcomeKind.HELD] == [
        outcome.kind for outcome in (*first, *again, *deleted)
    ]
    assert all(outcome.reason.startswith("held by the operator: ") for outcome in (first[0], *again, *deleted))
    assert "198.51.100.7" == await answer(rig.backend)
    (verdict,) = await rig.verdicts([ours])
    assert "proven" == verdict.finding, verdict
    assert {"ours.example"} == {str(observed.name) async for observed in rig.backend.inventory()}


async def test_what_we_made_is_still_ours_after_a_restart_of_ours(place: Place) -> None:
    """By its mark, also when our store has forgotten it (`known` False): it is changed and deleted."""
    rig = place.rig
    await rig.apply(rig.put("ours.example", 1))
    rig.known.clear()

    changed = rig.put("ours.example", 2)
    assert [OutcomeKind.APPLIED] == await rig.apply(changed)
    (verdict,) = await rig.verdicts([changed])
    assert "proven" == verdict.finding, verdict
    gone = ZoneChange(name=ZoneName("ours.example"), version=3, text=None)
    assert [OutcomeKind.APPLIED] == [outcome.kind for outcome in await rig.backend.apply([gone])]
    assert set() == {str(observed.name) async for observed in rig.backend.inventory()}
