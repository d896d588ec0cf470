"""The backend coredns_mysql on a real MariaDB: what is written, what is refused, and what its faults become."""

from __future__ import annotations

import asyncio
import dataclasses
import sys
import time

import pytest

from directdnsonly.backends.contract import OutcomeKind, ZoneChange
from directdnsonly.backends.coredns import mysql_backend as coredns_mysql
from directdnsonly.errors import BackendUnavailable
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.text import parse, records_of
from tests.support.coredns import DATABASE, ROOT, STOCK, DataCentre
from tests.support.mysql_proxy import mysql_proxy

ADD = "INSERT INTO records (zone_id, hostname, type, data, ttl, online)"
HEAD = "@ 60 IN SOA ns.host.example. h.host.example. {serial} 60 60 60 60\n@ 60 IN NS ns.host.example.\n"


def put(name: str, serial: int, extra: str = "", *, raw: str = "") -> ZoneChange:
    zone = parse(HEAD.format(serial=serial) + extra, ZoneName.parse(name))
    return ZoneChange(
        name=zone.name, version=serial, text=zone.text + raw, serial=serial, records=zone.records, known=serial > 1
    )


def gone(name: str) -> ZoneChange:
    return ZoneChange(name=ZoneName.parse(name), version=99, text=None)


@pytest.fixture
async def centre(tmp_path):
    centre = DataCentre(tmp_path / "dc")
    try:
        await centre.prepare()
        yield centre
    finally:
        await centre.stop()


@pytest.fixture
async def make(centre, tmp_path):
    """Backends on that database; without proof by DNS."""
    made = []

    def one(**keys):
        made.append(coredns_mysql.build("dc1", centre.settings(verify_address=(), transfers=False, **keys), tmp_path))
        return made[-1]

    yield one
    for backend in made:
        await backend.aclose()


def rows(centre, name: str) -> list[tuple]:
    """id, hostname, type, data of a zone."""
    return list(
        centre.database.sql(
            "SELECT r.id, hostname, type, data FROM records r JOIN zones z ON z.id = r.zone_id"
            f" WHERE zone_name = '{name}.' AND online = 1 ORDER BY hostname, type, data",
            database=DATABASE,
        )
    )


async def kinds(backend, *changes: ZoneChange) -> list[OutcomeKind]:
    return [outcome.kind for outcome in await backend.apply(changes)]


async def test_a_change_writes_only_what_differs_and_the_zone_keeps_its_id(centre, make):
    """mysql_extend keeps ids in memory; ids of vanished rows are used again."""
    backend = make()
    await kinds(backend, put("a.example", 1, "www 60 IN A 192.0.2.1\nold 60 IN A 192.0.2.2\n"))
    before = {row[1:]: row[0] for row in rows(centre, "a.example")}
    (zone,) = centre.database.sql("SELECT id FROM zones", database=DATABASE)

    await kinds(backend, put("a.example", 2, "www 60 IN A 192.0.2.1\nnew 60 IN A 192.0.2.3\n"))

    after = {row[1:]: row[0] for row in rows(centre, "a.example")}
    assert (zone,) == centre.database.sql("SELECT id FROM zones", database=DATABASE)
    kept = {"@ NS", "www A"}
    assert kept == {f"{key[0]} {key[1]}" for key, number in after.items() if before.get(key) == number}
    assert set(before.values()) == set(after.values())


async def test_the_row_of_a_zone_tells_serial_version_records_and_a_stamp_that_grows(centre, make):
    """New alone, new among others, and changed: the same columns."""
    backend = make()

    def told() -> list[tuple[object, ...]]:
        sql = "SELECT zone_name, serial, version, records, stamp FROM zones ORDER BY zone_name"
        return list(centre.database.sql(sql, database=DATABASE))

    await kinds(backend, put("a.example", 4))
    await kinds(backend, put("b.example", 5))
    await kinds(backend, put("b.example", 6), put("c.example", 7), put("d.example", 8, "www 60 IN A 192.0.2.1\n"))

    assert [
        ("a.example.", 4, 4, 2, 1),
        ("b.example.", 6, 6, 2, 2),
        ("c.example.", 7, 7, 2, 1),
        ("d.example.", 8, 8, 3, 1),
    ] == told()


async def test_a_zone_costs_two_commands_and_no_more_statements_than_that_takes(centre, make):
    """Each command is a way to the database and back. New, changed, unchanged, deleted; then fifty new ones."""

    def statements() -> int:
        """Of any kind, but SHOW STATUS itself and leaving: the server counts the end of a connection when it likes."""
        kinds = ("begin", "commit", "rollback", "select", "insert", "update", "delete", "replace", "set_option")
        named = ", ".join(f"'Com_{kind}'" for kind in kinds)
        rows = centre.database.sql(f"SHOW GLOBAL STATUS WHERE Variable_name IN ({named})")
        return sum(int(row[1]) for row in rows)

    async def costs(*changes: ZoneChange) -> tuple[int, int]:
        before, sent = statements(), len(proxy.commands)
        assert {OutcomeKind.APPLIED} == set(await kinds(backend, *changes))
        return len(proxy.commands) - sent, statements() - before - own

    async with mysql_proxy(centre.database.port) as proxy:
        backend = make(port=proxy.port)
        await kinds(backend, put("z.example", 1))
        own = -statements() + statements()  # what asking for the number adds to it

        assert (2, 6) == await costs(put("a.example", 1)), "BEGIN, its id; the zone, its new id, its records, COMMIT"
        changed = put("a.example", 2, "www 60 IN A 192.0.2.1\n")
        assert (2, 6) == await costs(changed), "BEGIN, its id, its records; records, zone, COMMIT"
        assert (2, 5) == await costs(changed), "BEGIN, its id, its records; zone, COMMIT"
        assert (2, 5) == await costs(gone("a.example")), "BEGIN, its id; records, zone, COMMIT"
        many = [put(f"z{n}.example", 1) for n in range(50)]
        assert (3, 6) == await costs(*many), "BEGIN, their ids; zones, new ids; records, COMMIT"
        await backend.aclose()


async def test_names_and_data_are_as_the_plug_ins_look_them_up(centre, make):
    """Relative lower-case owners, @ for the apex, absolute names with a dot, the target of a CNAME in lower case."""
    backend = make()
    await kinds(
        backend,
        put("A.Example", 1, "Alias 60 IN CNAME WWW.Else.Example.\nm 60 IN MX 10 mail\n*.sub 60 IN A 192.0.2.1\n"),
    )

    assert [
        ("*.sub", "A", "192.0.2.1"),
        ("@", "NS", "ns.host.example."),
        ("@", "SOA", "ns.host.example. h.host.example. 1 60 60 60 60"),
        ("alias", "CNAME", "www.else.example."),
        ("m", "MX", "10 mail.a.example."),
    ] == [row[1:] for row in rows(centre, "a.example")]
    assert (("a.example.",),) == centre.database.sql("SELECT zone_name FROM zones", database=DATABASE)


async def test_what_a_zone_says_is_never_a_statement(centre, make):
    """Owners, data and the text of a TXT with quotes, backslashes and semicolons: kept as they are, nothing else is done."""
    evil = [
        "x'); DROP TABLE zones; -- ", "\\\\'; DELETE FROM records; -- ", '\\"; DROP TABLE records; -- ', "\\000'; DROP TABLE zones; #",
        "%s'; DROP TABLE zones; -- ", "\\\\", "'", "\\';COMMIT;DROP TABLE records", "/*! DROP TABLE zones */",
    ]  # fmt: skip
    lines = [f'h{n} 60 IN TXT "{text}"\n' for n, text in enumerate(evil)]
    lines += ["x'\\;drop\\032table\\032zones\\;-- 60 IN A 192.0.2.1\n", "\\\\' 60 IN CNAME a'\\;drop\\;.example.\n"]
    change = put("a.example", 1, "".join(lines))
    backend = make()

    for again in (change, dataclasses.replace(change, known=True), put("b.example", 1)):
        assert [OutcomeKind.APPLIED] == await kinds(backend, again)

    assert sorted(records_of(change.text)) == sorted(await backend.stored(change.name))
    (seen,) = await backend.observe([change.name])
    assert (len(lines) + 2, True) == (seen.records, seen.whole)
    assert ((2,),) == centre.database.sql("SELECT COUNT(*) FROM zones", database=DATABASE)


async def test_what_others_did_to_the_rows_is_undone(centre, make):
    """A row taken, one added, one doubled, one switched off, one altered; the zone's text is the truth."""
    backend = make()
    change = put("a.example", 1, "".join(f"h{n} 60 IN A 192.0.2.{n}\n" for n in range(5)))
    await kinds(backend, change)
    wanted = [row[1:] for row in rows(centre, "a.example")]
    for statement in (
        "DELETE FROM records WHERE hostname = 'h0'",
        "UPDATE records SET online = 0 WHERE hostname = 'h1'",
        "UPDATE records SET data = '198.51.100.66' WHERE hostname = 'h2'",
        f"{ADD} SELECT zone_id, hostname, type, data, ttl, 1 FROM records WHERE hostname = 'h3'",
        f"{ADD} SELECT id, 'evil', 'A', '198.51.100.1', 60, 1 FROM zones",
    ):
        centre.database.sql(statement, database=DATABASE)
    (seen,) = await backend.observe([change.name])
    assert (change.records, False) == (seen.records, seen.whole)  # counting alone would not have told

    assert [OutcomeKind.APPLIED] == await kinds(backend, change)

    assert wanted == [row[1:] for row in rows(centre, "a.example")]
    (seen,) = await backend.observe([change.name])
    assert (change.records, change.serial, change.version) == (seen.records, seen.serial, seen.version)


@pytest.mark.parametrize("octets", ["a\x1eb", "a\x1fb", "a\x1f\x1f\x1e1\x1f1\x1fb\x1fA\x1fc\x1f60\x1f"])
async def test_rows_of_others_that_hold_our_separators_are_undone_as_well(centre, make, octets):
    """The rows of a zone come joined in one text: what stands in one must never be taken for another."""
    backend = make()
    changes = [put("a.example", 1, "www 60 IN A 192.0.2.1\n"), put("b.example", 1)]
    await kinds(backend, *changes)
    wanted = [row[1:] for row in rows(centre, "a.example")]
    centre.database.sql("UPDATE records SET data = '192.0.2.66' WHERE hostname = 'www'", database=DATABASE)
    centre.database.sql(
        f"{ADD} SELECT id, 'evil', 'TXT', X'{octets.encode().hex()}', 60, 1 FROM zones WHERE zone_name = 'a.example.'",
        database=DATABASE,
    )

    assert [OutcomeKind.APPLIED] * 2 == await kinds(backend, *changes)

    assert wanted == [row[1:] for row in rows(centre, "a.example")]


async def test_a_zone_whose_rows_do_not_fit_into_one_text_is_compared_row_by_row(centre, make):
    """More than a MiB of rows, which the database cuts off; the zone beside it is compared as usual."""
    backend = make()
    await kinds(backend, put("big.example", 1, many := "".join(f"h{n} 60 IN A 192.0.2.1\n" for n in range(40_000))))
    before = rows(centre, "big.example")

    assert [OutcomeKind.APPLIED] * 2 == await kinds(
        backend,
        put("big.example", 2, many.replace("h77 60 IN A 192.0.2.1", "h77 60 IN A 192.0.2.2")),
        put("a.example", 1),
    )

    after = rows(centre, "big.example")
    assert {"@ SOA", "h77 A"} == {f"{name} {kind}" for _, name, kind, _ in set(before) - set(after)}
    assert len(before) == len(after)


async def test_the_plug_ins_own_tables_are_used_as_they_are_and_what_does_not_fit_is_named(centre, make):
    """Fault C9, value too long: this zone is refused with its record, its neighbours are written."""
    centre.database.script(STOCK, DATABASE)
    backend = make(plugin="mysql_extend")
    long = " ".join(f'"{"x" * 250}"' for _ in range(5))

    outcomes = await backend.apply(
        [put("a.example", 1), put("long.example", 1, f"dkim._domainkey 60 IN TXT {long}\n"), put("b.example", 1)]
    )

    assert [OutcomeKind.APPLIED, OutcomeKind.REFUSED, OutcomeKind.APPLIED] == [outcome.kind for outcome in outcomes]
    assert "dkim._domainkey TXT" in outcomes[1].reason
    assert "data" in outcomes[1].reason
    assert [] == rows(centre, "long.example")
    (seen,) = await backend.observe([ZoneName.parse("a.example")])
    assert (1, 2, None) == (seen.serial, seen.records, seen.version)


async def test_signed_zones_and_escaped_owners_are_refused_where_they_cannot_be_served(make):
    """A clear state of that zone instead of a wrong answer."""
    signed = put(
        "s.example",
        1,
        f"www 60 IN A 192.0.2.1\nwww 60 IN RRSIG A 13 3 60 20300101000000 20260101000000 1 s.example. {'A' * 86}==\n",
    )
    nsec3 = put("n.example", 1, "@ 0 IN NSEC3PARAM 1 0 0 -\n")
    escaped = put("e.example", 1, "a\\032b 60 IN A 192.0.2.1\n")
    extend, ours = make(plugin="mysql_extend"), make(signed_zones="write")

    refused = await extend.apply([signed, escaped, put("ok.example", 1)])
    assert [OutcomeKind.REFUSED, OutcomeKind.REFUSED, OutcomeKind.APPLIED] == [outcome.kind for outcome in refused]
    assert "signed" in refused[0].reason
    assert "a\\032b.e.example." in refused[1].reason
    taken = await ours.apply([signed, nsec3, escaped])
    assert [OutcomeKind.APPLIED, OutcomeKind.REFUSED, OutcomeKind.APPLIED] == [outcome.kind for outcome in taken]
    assert "NSEC3PARAM" in taken[1].reason


@pytest.mark.parametrize("catch_all", [True, False])
async def test_mysql_extend_gets_the_zone_without_a_name(centre, make, catch_all):
    """With it a CNAME that leads outside is answered; it is nobody's zone for us."""
    backend = make(plugin="mysql_extend", catch_all=catch_all)
    for _ in range(2):
        await backend.ready()
    await kinds(backend, put("a.example", 1))

    found = centre.database.sql("SELECT zone_name FROM zones ORDER BY 1", database=DATABASE)
    assert ((("",), ("a.example.",)) if catch_all else (("a.example.",),)) == found
    assert ["a.example"] == [str(seen.name) async for seen in backend.inventory()]


async def test_tables_that_are_missing_or_too_narrow_are_said(centre, make):
    """As the state of the backend, with what to do."""
    with pytest.raises(BackendUnavailable, match="the table zones is missing"):
        await make(create_schema=False).ready()
    centre.database.account("coredns", "pw", DATABASE, "SELECT, INSERT, UPDATE, DELETE")
    centre.database.sql(
        "REVOKE ALL ON `coredns`.* FROM `coredns`@`%`",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON `coredns`.* TO `coredns`@`%`",
    )
    with pytest.raises(BackendUnavailable, match="CREATE"):
        await make().ready()
    centre.database.script(STOCK, DATABASE)
    with pytest.raises(BackendUnavailable, match="stamp, version, which mysqlzones needs"):
        await make().ready()
    await make(plugin="mysql_extend").ready()


async def test_the_documented_alter_makes_the_plug_ins_tables_ours(centre, make):
    """With zones in them; afterwards long values fit and altered records are seen."""
    centre.database.script(STOCK, DATABASE)
    await kinds(make(plugin="mysql_extend"), put("a.example", 1, "www 60 IN A 192.0.2.1\n"))
    page = (ROOT / "docs/backends/coredns_mysql.md").read_text()
    centre.database.script(page.split("```sql\n")[1].split("```")[0], DATABASE)
    backend = make()
    long = " ".join(f'"{"x" * 250}"' for _ in range(20))

    assert [OutcomeKind.APPLIED] == await kinds(backend, put("a.example", 2, f"www 60 IN TXT {long}\n"))

    (seen,) = await backend.observe([ZoneName.parse("a.example")])
    assert (2, 3, 2, True) == (seen.serial, seen.records, seen.version, seen.whole)


async def test_the_command_after_deletions_runs_once_and_its_failure_is_told(centre, make, tmp_path):
    """on_delete: no shell, a time limit; a deletion whose command failed is tried again."""
    told = tmp_path / "told"
    script = f"open({str(told)!r}, 'a').write('x')"
    backend = make(on_delete=(sys.executable, "-c", script))
    await kinds(backend, put("a.example", 1), put("b.example", 1))
    assert [OutcomeKind.APPLIED] * 3 == await kinds(backend, gone("a.example"), gone("b.example"), put("c.example", 1))
    assert "x" == told.read_text()

    for command, limit_s, reason in (
        ((sys.executable, "-c", "import sys; sys.exit('no way')"), 60.0, "ended with 1: no way"),
        (("/nonexistent/program",), 60.0, "No such file"),
        ((sys.executable, "-c", "import time; time.sleep(60)"), 0.5, "did not end in 0.5 s"),
    ):
        (outcome,) = await make(on_delete=command, on_delete_timeout_s=limit_s).apply([gone("c.example")])
        assert (OutcomeKind.RETRY, True) == (outcome.kind, reason in outcome.reason)
    assert [] == rows(centre, "c.example")


async def test_a_database_that_is_restarted_or_killed_in_the_middle_loses_nothing(centre, make):
    """C9: kill -9 under a running batch; afterwards the same batch makes it whole."""
    backend = make()
    changes = [put(f"z{n}.example", 1, "".join(f"h{m} 60 IN A 192.0.2.{m}\n" for m in range(50))) for n in range(50)]
    await backend.ready()
    await kinds(backend, put("z7.example", 1))
    other = centre.database.connect(DATABASE)
    other.autocommit(False)
    other.cursor().execute("SELECT id FROM zones WHERE zone_name = 'z7.example.' FOR UPDATE")
    running = asyncio.create_task(backend.apply(changes))
    async with asyncio.timeout(60):  # until the batch waits for that lock, inside its transaction
        while (2,) not in centre.database.sql("SELECT COUNT(*) FROM information_schema.innodb_trx"):
            await asyncio.sleep(0.2)  # the server makes this table anew only when nobody read it for 0.1 s
    centre.database.kill()
    with pytest.raises(BackendUnavailable):
        await running
    other.close()
    with pytest.raises(BackendUnavailable):
        await backend.apply(changes)

    await centre.database.start()
    assert {OutcomeKind.APPLIED} == set(await kinds(backend, *changes))
    assert {(52, 1)} == {(seen.records, seen.serial) for seen in await backend.observe([c.name for c in changes])}

    await centre.database.stop()
    await centre.database.start()
    assert [OutcomeKind.APPLIED] == await kinds(backend, put("z0.example", 2))


async def test_a_frozen_database_costs_its_time_limit_and_no_more(centre, make):
    """C9: SIGSTOP. The driver itself would wait for ever."""
    backend = make(command_timeout_s=4, connect_timeout_s=4)
    await kinds(backend, put("a.example", 1))
    try:
        await centre.freeze()
        began = time.monotonic()
        with pytest.raises(BackendUnavailable, match=r"no answer in 4 s"):
            await backend.apply([put("a.example", 2)])
        with pytest.raises(BackendUnavailable):
            await backend.ready()
        assert time.monotonic() - began < 60
    finally:
        centre.thaw()

    assert [OutcomeKind.APPLIED] == await kinds(backend, put("a.example", 3))
    (seen,) = await backend.observe([ZoneName.parse("a.example")])
    assert 3 == seen.serial


async def test_batches_that_meet_at_the_same_zones_all_get_through(centre, make):
    """C9, deadlock: two services write the same zones in other orders, new and known ones."""
    one, two = make(connections=4), make(connections=4)
    names = [f"z{n}.example" for n in range(30)]
    for serial in (1, 2, 3):
        batches = [
            backend.apply([put(name, serial, f"h{serial} 60 IN A 192.0.2.1\n") for name in order])
            for backend in (one, two)
            for order in (names, names[::-1], names[10:] + names[:10])
        ]
        outcomes = [outcome.kind for batch in await asyncio.gather(*batches) for outcome in batch]
        assert {OutcomeKind.APPLIED} == set(outcomes)

    assert {(3, 3)} == {(seen.records, seen.serial) for seen in await one.observe([ZoneName.parse(n) for n in names])}
    assert ((30,),) == centre.database.sql("SELECT COUNT(*) FROM zones", database=DATABASE)


async def test_of_several_changes_of_one_zone_in_a_batch_the_last_counts(centre, make):
    """Put, delete, put; and a delete at the end."""
    backend = make()
    await kinds(backend, put("a.example", 1), gone("a.example"), put("a.example", 2, "x 60 IN A 192.0.2.1\n"))
    assert 3 == len(rows(centre, "a.example"))
    await kinds(backend, put("a.example", 3), gone("a.example"))
    assert [] == rows(centre, "a.example")
    assert () == centre.database.sql("SELECT * FROM records", database=DATABASE)
