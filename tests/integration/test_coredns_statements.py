"""What a question costs the database of our plug-in mysqlzones, and what is served when only a part of a zone changed."""

from __future__ import annotations

import asyncio
from collections import Counter

import dns.asyncquery
import dns.rdatatype
import dns.zone
import pytest

from tests.integration.test_coredns_mysql import gone, put
from tests.integration.test_coredns_plugin import ask, backend, centre  # noqa: F401 - fixtures
from tests.support.coredns import DATABASE

COUNTED = ("Com_select", "Com_stmt_prepare", "Handler_read_next")
HOSTS = "".join(f"h{number} 60 IN A 192.0.2.{number}\n" for number in range(1, 16))
MANY = f'{HOSTS}@ 60 IN MX 10 h1\n* 60 IN TXT "any"\nb.c 60 IN A 192.0.2.99\nsub 60 IN NS ns.sub\nns.sub 60 IN A 192.0.2.98\n'


def counters(centre) -> Counter[str]:  # noqa: F811
    """Statements that read, statements that were prepared, and rows that were read from one to the next in an index."""
    found = centre.database.sql("SHOW GLOBAL STATUS")
    return Counter({name: int(value) for name, value in found if name in COUNTED})


async def cost(centre, name: str, kind: str = "A") -> tuple[int, int]:  # noqa: F811
    """Statements, and rows read by them, of one question."""
    before = counters(centre)
    await ask(centre, name, kind)
    spent = counters(centre) - before
    return spent["Com_select"], spent["Handler_read_next"]


async def test_statements_and_rows_that_a_question_costs(centre, backend):  # noqa: F811
    """One statement, but two for a changed zone when it is not asked for its SOA; what is known is not read again."""
    names = {
        "unchanged": ("h1.a.example", "A"),
        "unchanged, SOA": ("a.example", "SOA"),
        "missing": ("no.a.example", "A"),
        "deep": ("1.2.3.4.5.6.7.8.9.a.example", "A"),
        "deeper": (".".join("x" * 100) + ".a.example", "A"),
        "DS": ("a.example", "DS"),
        "unknown": ("www.b.example", "A"),
    }
    await backend.apply([put("a.example", 1, HOSTS)])
    found = {"first, SOA": await cost(centre, "a.example", "SOA")}

    found |= {what: await cost(centre, *question) for what, question in names.items()}
    await backend.apply([put("a.example", 2, HOSTS)])
    found["changed, SOA"] = await cost(centre, "a.example", "SOA")
    await backend.apply([put("a.example", 3, HOSTS)])
    found["changed"] = await cost(centre, "h1.a.example")
    await backend.apply([gone("a.example")])
    found["deleted, SOA"] = await cost(centre, "a.example", "SOA")

    once = dict.fromkeys(names, (1, 0))
    changes = {"first, SOA": (1, 17), "changed, SOA": (1, 17), "changed": (2, 17), "deleted, SOA": (2, 0)}
    assert once | changes == found


async def test_a_transfer_is_one_statement(centre, backend):  # noqa: F811
    """Stamp and records, when the zone was not asked for before."""
    await backend.apply([put("a.example", 1, HOSTS)])
    before = counters(centre)

    zone = await transferred(centre, "a.example")

    assert 1 == (counters(centre) - before)["Com_select"]
    assert 17 == len(zone)


async def test_connections_and_prepared_statements_are_kept(centre, backend):  # noqa: F811
    """The second question of its kind prepares nothing, and the same connection serves all that come one by one."""
    await backend.apply([put("a.example", 1, HOSTS)])
    for kind in ("A", "SOA"):
        await ask(centre, "a.example", kind)
    before, ids = counters(centre), connections(centre)

    for number in range(20):
        await backend.apply([put("a.example", number + 2, HOSTS)])
        await ask(centre, "a.example", "SOA")
        await ask(centre, "h1.a.example")

    assert 0 == (counters(centre) - before)["Com_stmt_prepare"]
    assert ids == connections(centre)
    assert 1 == len(ids)


@pytest.mark.parametrize("trouble", ["ended connections", "altered tables", "tables made anew"])
async def test_what_the_server_forgot_is_prepared_again(centre, backend, trouble):  # noqa: F811
    """The very next question is answered by the database, not out of memory."""
    await backend.apply([put("a.example", 1, HOSTS)])
    await asyncio.gather(*(ask(centre, "h1.a.example") for _ in range(20)))
    if trouble == "ended connections":
        centre.database.sql(*(f"KILL {number}" for number in connections(centre)))
    elif trouble == "altered tables":
        centre.database.sql(
            "ALTER TABLE zones ADD note INT FIRST", "ALTER TABLE records ADD note INT", database=DATABASE
        )
    else:
        for table in ("zones", "records"):
            centre.database.sql(
                f"CREATE TABLE new LIKE {table}", f"INSERT INTO new SELECT * FROM {table}", f"DROP TABLE {table}",
                f"RENAME TABLE new TO {table}", database=DATABASE,
            )  # fmt: skip
    await backend.apply([put("a.example", 2, "h1 60 IN A 192.0.2.200\n")])

    assert ("NOERROR", ["192.0.2.200"]) == await ask(centre, "h1.a.example")
    assert "does not answer" not in centre.coredns.log.read_text()


async def test_what_stays_of_a_zone_is_served_like_what_is_new(centre, backend):  # noqa: F811
    """Records that are not read anew: the same transfer, referral, wildcard and negative answers after each change."""
    last = MANY.replace("h3 60", "h3 61").replace("192.0.2.7\n", "192.0.2.77\n").replace("h9 60 IN A 192.0.2.9\n", "")
    texts = [MANY, last, last, MANY.replace("* 60", "*.h1 60"), MANY]
    for version, text in enumerate(texts, start=1):
        change = put("a.example", 7 if text is last else version, text)
        await backend.apply([change])
        await ask(centre, "a.example", "SOA")

        wanted = dns.zone.from_text(change.text, origin="a.example", relativize=False)
        assert lines(wanted) == await transferred(centre, "a.example")
        assert ["10 h1.a.example."] == (await ask(centre, "a.example", "MX"))[1]
        assert ["ns.host.example."] == (await ask(centre, "a.example", "NS"))[1]
        assert ("NOERROR", []) == await ask(centre, "host.sub.a.example")
        assert ("NOERROR", []) == await ask(centre, "c.a.example", "TXT" if "*.h1" in text else "MX")
        assert (['"any"'] if "*.h1" not in text else []) == (await ask(centre, "new.a.example", "TXT"))[1]
        assert ([] if text is last else ["192.0.2.9"]) == (await ask(centre, "h9.a.example"))[1]


def connections(centre) -> set[int]:  # noqa: F811
    """The connections of the name server."""
    return {row[0] for row in centre.database.sql("SHOW PROCESSLIST") if row[1] == "reader"}


def lines(zone: dns.zone.Zone) -> list[str]:
    """Each record of a zone, in order."""
    records = ((name, ttl, data) for name, ttl, data in zone.iterate_rdatas())
    return sorted(f"{name} {ttl} {dns.rdatatype.to_text(data.rdtype)} {data}" for name, ttl, data in records)


async def transferred(centre, name: str) -> list[str]:  # noqa: F811
    """Each record of a zone as the name server transfers it."""
    zone = dns.zone.Zone(f"{name}.", relativize=False)
    await dns.asyncquery.inbound_xfr("127.0.0.1", zone, port=centre.coredns.port, timeout=60, lifetime=60)
    return lines(zone)
