"""Our plug-in mysqlzones in a real CoreDNS on a real MariaDB: freshness, faults of the database, bad rows, many at once."""

from __future__ import annotations

import asyncio
import time

import dns.asyncquery
import dns.exception
import dns.flags
import dns.message
import dns.rcode
import pytest

from directdnsonly.backends.coredns import mysql_backend as coredns_mysql
from directdnsonly.zone.name import ZoneName
from tests.integration.test_coredns_mysql import gone, put
from tests.support.coredns import DATABASE, DataCentre


@pytest.fixture
async def centre(tmp_path):
    centre = DataCentre(tmp_path / "dc")
    try:
        await centre.prepare()
        yield centre
    finally:
        await centre.stop()


@pytest.fixture
async def backend(centre, tmp_path):
    backend = coredns_mysql.build("dc1", centre.settings(), tmp_path)
    await backend.ready()
    await centre.coredns.start()
    yield backend
    await backend.aclose()


async def ask(centre, name: str, kind: str = "A", *, limit_s: float = 60) -> tuple[str, list[str]]:
    """The rcode, and the data of the answer."""
    query = dns.message.make_query(name, kind, flags=0)
    answer = await dns.asyncquery.udp(query, "127.0.0.1", port=centre.coredns.port, timeout=limit_s)
    return dns.rcode.to_text(answer.rcode()), [data.to_text() for rrset in answer.answer for data in rrset]


async def until(question, wanted, *, limit_s: float = 60) -> None:
    end = time.monotonic() + limit_s
    while (found := await question()) != wanted:
        assert time.monotonic() < end, found
        await asyncio.sleep(0.05)


async def test_each_commit_counts_at_once(centre, backend):
    """The very next question sees a change, a new zone and a deletion; the second question does not read records."""
    assert ("REFUSED", []) == await ask(centre, "www.a.example")
    for serial in range(1, 20):
        await backend.apply([put("a.example", serial, f"www 60 IN A 192.0.2.{serial}\n")])
        assert ("NOERROR", [f"192.0.2.{serial}"]) == await ask(centre, "www.a.example")
    await backend.apply([put("sub.a.example", 1, "www 60 IN A 192.0.2.99\n")])
    assert ("NOERROR", ["192.0.2.99"]) == await ask(centre, "www.sub.a.example")
    await backend.apply([gone("sub.a.example")])
    assert ("NXDOMAIN", []) == await ask(centre, "www.sub.a.example")
    await backend.apply([gone("a.example")])
    assert ("REFUSED", []) == await ask(centre, "www.a.example")


async def test_a_dead_database_leaves_what_was_asked_for_served(centre, backend):
    """From memory; what was never asked for is SERVFAIL, never a wrong no; a deleted zone does not come back."""
    await backend.apply([put(name, 1, "www 60 IN A 192.0.2.1\n") for name in ("a.example", "b.example", "c.example")])
    await ask(centre, "www.a.example")
    await ask(centre, "www.c.example")
    await backend.apply([gone("c.example")])
    await ask(centre, "www.c.example")

    centre.database.kill()
    assert ("NOERROR", ["192.0.2.1"]) == await ask(centre, "www.a.example")
    assert ("NXDOMAIN", []) == await ask(centre, "nothing.a.example")
    assert "SERVFAIL" == (await ask(centre, "www.b.example"))[0]
    assert "SERVFAIL" == (await ask(centre, "www.c.example"))[0]

    await centre.database.start()
    await until(lambda: ask(centre, "www.b.example"), ("NOERROR", ["192.0.2.1"]))
    assert ("REFUSED", []) == await ask(centre, "www.c.example")


async def test_a_frozen_database_freezes_nothing(centre, backend):
    """One question waits for the time limit, all others are answered from memory at once."""
    await backend.apply([put("a.example", 1, "www 60 IN A 192.0.2.1\n")])
    await ask(centre, "www.a.example")
    try:
        await centre.freeze()
        assert ("NOERROR", ["192.0.2.1"]) == await ask(centre, "www.a.example")
        answers = await asyncio.gather(*(ask(centre, "www.a.example") for _ in range(100)))
        assert [("NOERROR", ["192.0.2.1"])] * 100 == answers
    finally:
        centre.thaw()
    await backend.apply([put("a.example", 2, "www 60 IN A 192.0.2.2\n")])
    await until(lambda: ask(centre, "www.a.example"), ("NOERROR", ["192.0.2.2"]))


async def test_a_row_that_nobody_can_read_is_left_out_and_named(centre, backend):
    """Somebody else wrote it; its neighbours, even of its own name, are served."""
    await backend.apply([put("a.example", 1, "www 60 IN A 192.0.2.1\n")])
    for kind, data, ttl in (
        ("A", "300.1.1.1", 60),
        ("A", "2001:db8::1", 60),
        ("AAAA", "192.0.2.8", 60),
        ("AAAA", "fe80::1%eth0", 60),
        ("TXT", '"open', 60),
        ("A", "192.0.2.7", 2**31),
        ("NSEC3PARAM", "1 0 0 -", 0),
    ):
        centre.database.sql(
            "INSERT INTO records (zone_id, hostname, type, data, ttl, online)"
            f" SELECT id, 'www', '{kind}', '{data}', {ttl}, 1 FROM zones",
            database=DATABASE,
        )
    assert ("NOERROR", ["192.0.2.1"]) == await ask(centre, "www.a.example")
    assert ("NOERROR", []) == await ask(centre, "www.a.example", "AAAA")
    assert "Zone a.example.: the record www A is left out" in centre.coredns.log.read_text()
    await backend.apply([put("a.example", 2, "www 60 IN A 192.0.2.1\n")])
    (seen,) = await backend.observe([ZoneName.parse("a.example")])
    assert (3, True) == (seen.records, seen.whole)


async def test_a_zone_without_an_soa_is_no_answer(centre, backend):
    """Somebody took it: SERVFAIL, and neither a wrong no nor the version before. It is mended by the next change."""
    await backend.apply([put("a.example", 1, "www 60 IN A 192.0.2.1\n")])
    await ask(centre, "www.a.example")
    centre.database.sql(
        "DELETE FROM records WHERE type = 'SOA'", "UPDATE zones SET stamp = stamp + 1", database=DATABASE
    )

    assert [("SERVFAIL", [])] * 2 == [await ask(centre, "a.example", "SOA"), await ask(centre, "www.a.example")]
    await backend.apply([put("a.example", 2, "www 60 IN A 192.0.2.2\n")])
    assert ("NOERROR", ["192.0.2.2"]) == await ask(centre, "www.a.example")


async def test_many_questions_at_once_while_zones_change(centre, backend):
    """What ends a process with coredns_mysql_extend (a map without a lock): 32 askers, a writer, cold memory."""
    names = [f"z{n}.example" for n in range(50)]
    await backend.apply([put(name, 1, "* 60 IN A 192.0.2.1\n") for name in names])
    answers: set[str] = set()
    done = asyncio.Event()

    async def asker(number: int) -> None:
        for turn in range(60):
            rcode, _ = await ask(centre, f"h{number}-{turn}.{names[(number * 7 + turn) % 50]}")
            answers.add(rcode)

    async def writer() -> None:
        serial = 2
        while not done.is_set():
            await backend.apply([put(name, serial, f"* 60 IN A 192.0.2.{serial % 200}\n") for name in names[::5]])
            serial += 1

    writing = asyncio.create_task(writer())
    await asyncio.gather(*(asker(number) for number in range(32)))
    done.set()
    await writing

    assert {"NOERROR"} == answers
    assert centre.coredns.process.poll() is None


async def test_the_answers_carry_authority_and_a_referral_does_not(centre, backend):
    """AA on answers and negative answers; none on a referral."""
    await backend.apply([put("a.example", 1, "www 60 IN A 192.0.2.1\nsub 60 IN NS ns.sub\nns.sub 60 IN A 192.0.2.2\n")])
    flags = {}
    for name in ("www.a.example", "no.a.example", "host.sub.a.example"):
        query = dns.message.make_query(name, "A", flags=0)
        answer = await dns.asyncquery.udp(query, "127.0.0.1", port=centre.coredns.port, timeout=60)
        flags[name] = bool(answer.flags & dns.flags.AA)

    assert {"www.a.example": True, "no.a.example": True, "host.sub.a.example": False} == flags
