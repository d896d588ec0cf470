"""PowerDNS beyond the contract: caches, foreign settings, faults of the API and of the database."""

from __future__ import annotations

import asyncio
import signal
import socket
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from directdnsonly.backends.contract import OutcomeKind, ZoneChange
from directdnsonly.backends.powerdns import mysql_backend as powerdns_mysql
from directdnsonly.backends.powerdns.backend import build
from directdnsonly.backends.powerdns.settings import PowerDnsSettings
from directdnsonly.errors import BackendUnavailable
from directdnsonly.verify.compare import Finding
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.records import difference
from directdnsonly.zone.text import records_of
from tests.support.mysql_proxy import mysql_proxy
from tests.support.powerdns import DATABASE, KEY, RIGS, powerdns_mysql_under_test, powerdns_under_test
from tests.support.programs import require_program
from tests.support.rig import Rig

APPLIED, REFUSED = OutcomeKind.APPLIED, OutcomeKind.REFUSED
HTTP, MYSQL = RIGS
NESTED = (
    "a.b.c 60 IN A 192.0.2.1\nsub 60 IN NS ns.x.sub\nns.x.sub 60 IN A 192.0.2.2\n* 60 IN TXT any\n"
    "sub 60 IN DS 1 13 2 " + "ab" * 32 + "\n@ 60 IN HTTPS 1 . alpn=h2\n"
)
CACHES = {
    "cache_ttl": "20", "query_cache_ttl": "20", "negquery_cache_ttl": "60", "zone_cache_refresh_interval": "0",
}  # fmt: skip


async def changed_under_hot_caches(rig: Rig) -> None:
    """A change, a new challenge and a delete are served at once, though everything was asked before."""
    await rig.apply(rig.put("hot.example", 1, "www 60 IN A 192.0.2.1\n"))
    assert Finding.PROVEN is await rig.finding("hot.example", 1, 3)
    changed = rig.put("hot.example", 2, "www 60 IN A 192.0.2.2\n_acme-challenge 5 IN TXT token\n")

    await rig.apply(changed)

    (verdict,) = await rig.verdicts([changed], patience_s=10, content=True)
    assert (Finding.PROVEN, "") == (verdict.finding, verdict.reason)
    await rig.apply(ZoneChange(name=changed.name, version=3, text=None))
    assert Finding.PROVEN is await rig.finding("hot.example", None)


@pytest.fixture
def api(tmp_path: Path):
    """To the same PowerDNS, as an operator would."""

    def ask(settings: PowerDnsSettings, method: str, path: str, **what: object) -> httpx.Response:
        url = f"{settings.api_url}/api/v1/servers/localhost{path}"
        return httpx.request(method, url, headers={"X-API-Key": KEY}, trust_env=False, **what)

    return ask


async def test_api_changes_are_visible_at_once_with_default_caches(tmp_path):
    async with powerdns_under_test(tmp_path, **CACHES) as (backend, daemon):
        rig = Rig(HTTP, backend, daemon)
        await changed_under_hot_caches(rig)
        rig.close()


async def test_api_change_replaces_everything_and_leaves_nothing_over(tmp_path):
    """Other names, other types, another TTL: what is stored is what was given, and a repetition sends nothing."""
    async with powerdns_under_test(tmp_path) as (backend, daemon):
        rig = Rig(HTTP, backend, daemon)
        await rig.apply(rig.put("a.example", 1, "old 60 IN A 192.0.2.1\nboth 60 IN A 192.0.2.1\n" + NESTED))
        change = rig.put("a.example", 2, "new 60 IN A 192.0.2.1\nboth 5 IN TXT x\n")

        assert [APPLIED] == await rig.apply(change)

        assert "" == difference(records_of(change.text), await backend.stored(change.name))
        assert ([], []) == backend._difference(await backend._api.zone(change.name), list(records_of(change.text)))
        rig.close()


async def test_api_keeps_our_serial_though_the_zone_was_made_by_somebody_else(tmp_path, api):
    """SOA-EDIT-API=DEFAULT, which PowerDNS gives to each zone that is made without saying otherwise; handed over to us."""
    async with powerdns_under_test(tmp_path) as (backend, daemon):
        rig = Rig(HTTP, backend, daemon)
        zone = {"name": "a.example.", "kind": "Native", "nameservers": ["ns.host.example."], "account": "directdnsonly"}
        assert 201 == (await asyncio.to_thread(api, backend._settings, "POST", "/zones", json=zone)).status_code

        assert [APPLIED, APPLIED] == [
            *await rig.apply(rig.put("a.example", 7)),
            *await rig.apply(rig.put("a.example", 8)),
        ]

        assert Finding.PROVEN is await rig.finding("a.example", 8, 2)
        rig.close()


async def test_api_does_not_take_a_zone_that_is_transferred_from_elsewhere(tmp_path, api):
    async with powerdns_under_test(tmp_path) as (backend, daemon):
        rig = Rig(HTTP, backend, daemon)
        zone = {"name": "a.example.", "kind": "Slave", "masters": ["192.0.2.1"]}
        assert 201 == (await asyncio.to_thread(api, backend._settings, "POST", "/zones", json=zone)).status_code

        first, second = await backend.apply([rig.put("a.example", 1), rig.put("b.example", 1)])

        assert (OutcomeKind.HELD, APPLIED) == (first.kind, second.kind)
        assert "PowerDNS transfers the zone from elsewhere (kind Slave)" in first.reason
        rig.close()


async def test_api_fails_at_one_zone_and_goes_on_with_the_others(tmp_path):
    """A zone at which PowerDNS answers 500 is that zone's failure; only a server that fails at all is an outage."""
    async with powerdns_under_test(tmp_path) as (backend, daemon):
        rig = Rig(HTTP, backend, daemon)
        await rig.apply(rig.put("a.example", 1), rig.put("b.example", 1))
        with closing(sqlite3.connect(tmp_path / "pdns" / "pdns.sqlite3")) as database:
            fails = "WHEN NEW.name LIKE '%a.example' BEGIN SELECT RAISE(ABORT, 'disk'); END"
            database.execute(f"CREATE TRIGGER failing BEFORE INSERT ON records {fails}")
            database.commit()

            first, second = await backend.apply([rig.put("a.example", 2), rig.put("b.example", 2)])

            assert (OutcomeKind.RETRY, APPLIED) == (first.kind, second.kind)
            assert "500" in first.reason
            assert Finding.PROVEN is await rig.finding("a.example", 1)
            database.execute("DROP TRIGGER failing")
            database.execute("ALTER TABLE domains RENAME TO elsewhere")
            database.commit()
            with pytest.raises(BackendUnavailable, match="answers 500"):
                await backend.apply([rig.put("b.example", 3)])
        rig.close()


async def test_api_has_one_writer_on_sqlite_whatever_the_number_of_batches(tmp_path):
    """With two writers every fourth request is answered 500 there."""
    async with powerdns_under_test(tmp_path) as (backend, daemon):
        rig = Rig(HTTP, backend, daemon)
        batches = [[rig.put(f"z{batch}-{n}.example", 1) for n in range(10)] for batch in range(4)]

        outcomes = await asyncio.gather(*(rig.apply(*batch) for batch in batches))

        assert [[APPLIED] * 10] * 4 == outcomes
        rig.close()


async def test_api_questions_do_not_wait_behind_a_change(tmp_path):
    """Somebody holds SQLite's lock: the change waits for it, the proof of another zone does not wait for the change."""
    async with powerdns_under_test(tmp_path) as (backend, daemon):
        rig = Rig(HTTP, backend, daemon)
        await rig.apply(rig.put("a.example", 1), rig.put("b.example", 1))
        with closing(sqlite3.connect(tmp_path / "pdns" / "pdns.sqlite3")) as database:
            database.execute("BEGIN IMMEDIATE")
            change = asyncio.create_task(backend.apply([rig.put("c.example", 1)]))
            await asyncio.sleep(0.1)  # it is one POST, which is sent at once

            found = await backend.observe([ZoneName.parse(f"{letter}.example") for letter in "bacb"])

            assert [1, 1, None, 1] == [observed and observed.serial for observed in found]
            assert not change.done()
            database.rollback()
        assert [APPLIED] == [outcome.kind for outcome in await change]
        rig.close()


async def test_api_faults_are_no_zones_fault_and_tell_no_key(tmp_path):
    """A wrong key, a wrong server, a key file that is not there, a wrong path."""
    async with powerdns_under_test(tmp_path) as (backend, _daemon):
        given = backend._settings.model_dump(exclude={"api_key"})
        (tmp_path / "key").write_text(f"{KEY}\n")
        wrong = {
            "answers 401 .*check api_key": {"api_key": "wr0ng"},
            "answers 404": {"api_key": KEY, "server_id": "other"},
            "/nonexistent/key": {"api_key_file": "/nonexistent/key"},
        }
        for told, changed in wrong.items():
            other = build("p", PowerDnsSettings(**{**given, **changed}), tmp_path)
            with pytest.raises(BackendUnavailable, match=told) as error:
                await other.ready()
            assert not any(secret in str(error.value) for secret in (KEY, "wr0ng"))
            await other.aclose()
        good = build("p", PowerDnsSettings(**{**given, "api_key_file": tmp_path / "key"}), tmp_path)
        await good.ready()
        await good.aclose()


async def test_api_that_says_nothing_costs_its_time_limit(tmp_path):
    mute = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{mute.getsockname()[1]}"
    backend = build("p", PowerDnsSettings(api_url=url, api_key=KEY, command_timeout_s=0.3), tmp_path)

    with pytest.raises(BackendUnavailable, match=r"no answer in 0\.3 s"):
        await backend.apply([ZoneChange(name=ZoneName.parse("a.example"), version=1, text=None)])

    await backend.aclose()
    mute.close()


@pytest.mark.parametrize("signed", [False, True])
async def test_rows_are_those_that_rectify_zone_leaves(tmp_path, signed):
    """PowerDNS's own tool finds nothing to change: delegation, glue, empty non-terminals, and NSEC's order of names."""
    async with powerdns_mysql_under_test(tmp_path) as (backend, daemon):
        rig = Rig(MYSQL, backend, daemon)

        async def pdnsutil(*words: str) -> None:
            command = [require_program("pdnsutil"), f"--config-dir={tmp_path / 'pdns'}", *words]
            await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True)

        select = "SELECT name, type, content, ttl, disabled, auth, ordername FROM records ORDER BY name, type, content"
        await rig.apply(rig.put("a.example", 1))
        if signed:
            await pdnsutil("secure-zone", "a.example")
        await rig.apply(rig.put("a.example", 2, NESTED))
        before = daemon.mariadb.sql(select, database=DATABASE)

        await pdnsutil("rectify-zone", "a.example")

        assert before == daemon.mariadb.sql(select, database=DATABASE)
        assert (11, signed) == (len(before), any(row[-1] == "*" for row in before))
        rig.close()


async def test_a_zone_in_the_database_costs_two_commands(tmp_path):
    """New, changed, unchanged, deleted: what is read with BEGIN, what is written with COMMIT. Rows keep their ids."""
    async with powerdns_mysql_under_test(tmp_path) as (_, daemon), mysql_proxy(daemon.mariadb.port) as proxy:
        backend = powerdns_mysql.build("p", daemon.settings.model_copy(update={"port": proxy.port}), tmp_path)
        rig = Rig(MYSQL, backend, daemon)
        await rig.apply(rig.put("z.example", 1))

        def ids() -> set[tuple[object, ...]]:
            return set(
                daemon.mariadb.sql("SELECT id, type FROM records WHERE name LIKE '%a.example'", database=DATABASE)
            )

        async def costs(*changes: ZoneChange) -> int:
            sent = len(proxy.commands)
            assert {APPLIED} == set(await rig.apply(*changes))
            return len(proxy.commands) - sent

        assert 2 == await costs(rig.put("a.example", 1, "www 60 IN A 192.0.2.1\n"))
        before = ids()
        change = rig.put("a.example", 2, "www 60 IN A 192.0.2.2\n")
        assert 2 == await costs(change)
        assert 2 == await costs(change)
        assert before == ids()
        assert 2 == await costs(ZoneChange(name=change.name, version=3, text=None))
        assert set() == ids()
        assert 3 == await costs(*(rig.put(f"z{n}.example", 1) for n in range(20)))
        await backend.aclose()
        rig.close()


async def test_what_a_zone_says_is_never_a_statement(tmp_path):
    """Owners and data with quotes, backslashes and semicolons: kept as they are, nothing else is done."""
    evil = [
        "x'); DROP TABLE domains; -- ", "\\\\'; DELETE FROM records; -- ", '\\"; DROP TABLE records; -- ', "\\000'; DROP TABLE domains; #",
        "%s'; DROP TABLE domains; -- ", "\\\\", "'", "\\';COMMIT;DROP TABLE records", "/*! DROP TABLE domains */",
    ]  # fmt: skip
    lines = [f'h{n} 60 IN TXT "{text}"\n' for n, text in enumerate(evil)]
    lines += ["x\\\\\\032drop\\032table\\032domains 60 IN A 192.0.2.1\n", "\\\\ 60 IN CNAME a'\\;drop\\;.example.\n"]
    async with powerdns_mysql_under_test(tmp_path) as (backend, daemon):
        rig = Rig(MYSQL, backend, daemon)
        change = rig.put("a.example", 1, "".join(lines))

        for again in (change, change, rig.put("b.example", 1)):
            assert [APPLIED] == await rig.apply(again)

        assert "" == difference(records_of(change.text), await backend.stored(change.name))
        assert ((2,),) == daemon.mariadb.sql("SELECT COUNT(*) FROM domains", database=DATABASE)
        rig.close()


async def test_rows_changed_behind_our_back_are_found_and_repaired(tmp_path):
    """Deleted, added, doubled: the proof names the count, and the next delivery repairs it."""
    async with powerdns_mysql_under_test(tmp_path) as (backend, daemon):
        rig = Rig(MYSQL, backend, daemon)
        change = rig.put("a.example", 1, "www 60 IN A 192.0.2.1\n")
        copy = "INSERT INTO records (domain_id, name, type, content, ttl) SELECT domain_id, '{}', type, content, ttl FROM records WHERE type = 'A' LIMIT 1"
        damages = {
            "holds 2 records, wanted 3": "DELETE FROM records WHERE type = 'A'",
            "holds 4 records, wanted 3": copy.format("extra.a.example"),
            "holds 4 records, wanted 3 ": copy.format("www.a.example"),
        }
        for told, damage in damages.items():
            await rig.apply(change)
            daemon.mariadb.sql(damage, database=DATABASE)
            (verdict,) = await rig.verdicts([change], patience_s=1)
            assert (Finding.MISCOUNT, True) == (verdict.finding, told.strip() in verdict.reason)

            assert [APPLIED] == await rig.apply(change)

            (verdict,) = await rig.verdicts([change], content=True)
            assert Finding.PROVEN is verdict.finding
        rig.close()


async def test_a_database_killed_in_the_middle_of_a_batch(tmp_path):
    """Faults C9: nothing is half done, and the repetition after its return is served whole."""
    async with powerdns_mysql_under_test(tmp_path) as (backend, daemon):
        rig = Rig(MYSQL, backend, daemon)
        await rig.apply(rig.put("z0.example", 1, NESTED))
        changes = [rig.put(f"z{n}.example", 2, NESTED) for n in range(200)]
        holder = daemon.mariadb.connect(DATABASE)  # of a row that the batch deletes, after it has inserted others
        holder.begin()
        holder.cursor().execute("SELECT id FROM records WHERE type = 'SOA' FOR UPDATE")
        batch = asyncio.create_task(backend.apply(changes))
        waits = "SELECT 1 FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT' AND trx_rows_modified > 0"
        while not await asyncio.to_thread(daemon.mariadb.sql, waits):
            assert not batch.done()
            await asyncio.sleep(
                0.15
            )  # asked more often than every 0.1 s, the table shows the same old picture for ever
        daemon.mariadb.kill()
        with pytest.raises(BackendUnavailable):
            await batch
        with pytest.raises(BackendUnavailable):
            await backend.ready()
        await daemon.mariadb.start()
        holder.close()
        assert ((1,),) == daemon.mariadb.sql("SELECT COUNT(*) FROM domains", database=DATABASE)
        assert 1 == (await backend.observe([changes[0].name]))[0].serial

        assert [APPLIED] * 200 == await rig.apply(*changes)

        assert {Finding.PROVEN} == {verdict.finding for verdict in await rig.verdicts(changes)}
        rig.close()


async def test_a_database_that_hangs_costs_its_time_limit(tmp_path):
    async with powerdns_mysql_under_test(tmp_path, {"command_timeout_s": 0.5, "connect_timeout_s": 0.5}) as (
        backend,
        daemon,
    ):
        rig = Rig(MYSQL, backend, daemon)
        await rig.apply(rig.put("a.example", 1))
        await daemon.mariadb.freeze()

        with pytest.raises(BackendUnavailable, match=r"no answer in 0\.5 s"):
            await backend.apply([rig.put("a.example", 2)])

        daemon.mariadb.signal(signal.SIGCONT)
        rig.close()


async def test_foreign_zones_and_locked_zones_stop_no_neighbour(tmp_path):
    """A secondary zone and one with NSEC3 stay as they are, one that somebody else holds is tried later."""
    async with powerdns_mysql_under_test(tmp_path) as (backend, daemon):
        rig = Rig(MYSQL, backend, daemon)
        names = ("good.example", "slave.example", "nsec3.example", "held.example")
        await rig.apply(*(rig.put(name, 1) for name in names if name != "slave.example"))
        daemon.mariadb.sql(
            "INSERT INTO domains (name, type) VALUES ('slave.example', 'SLAVE')",
            "UPDATE domains SET name = 'Good.Example' WHERE name = 'good.example'",
            "INSERT INTO domainmetadata (domain_id, kind, content) SELECT id, 'NSEC3PARAM', '1 0 0 -' FROM domains"
            " WHERE name = 'nsec3.example'",
            "INSERT INTO cryptokeys (domain_id, flags) SELECT id, 257 FROM domains WHERE name = 'nsec3.example'",
            database=DATABASE,
        )
        holder = daemon.mariadb.connect(DATABASE)
        holder.begin()
        holder.cursor().execute("SELECT id FROM domains WHERE name = 'held.example' FOR UPDATE")

        outcomes = await backend.apply([rig.put(name, 2) for name in names])

        holder.close()
        assert [APPLIED, OutcomeKind.HELD, REFUSED, OutcomeKind.RETRY] == [outcome.kind for outcome in outcomes]
        assert "from elsewhere" in outcomes[1].reason
        assert "NSEC3" in outcomes[2].reason
        assert Finding.PROVEN is await rig.finding("good.example", 2, 2)
        assert [APPLIED] == await rig.apply(rig.put("held.example", 2))
        rig.close()


async def test_the_tables_are_created_where_that_is_asked_for(tmp_path):
    """And PowerDNS serves from them."""
    async with powerdns_mysql_under_test(tmp_path, {"create_schema": True}) as (backend, daemon):
        rig = Rig(MYSQL, backend, daemon)
        await backend.ready()
        assert [APPLIED] == await rig.apply(rig.put("a.example", 1, NESTED))
        assert Finding.PROVEN is await rig.finding("a.example", 1)
        rig.close()


async def test_without_tables_nothing_is_the_zones_fault(tmp_path):
    async with powerdns_mysql_under_test(tmp_path) as (backend, daemon):
        rig = Rig(MYSQL, backend, daemon)
        daemon.mariadb.sql("DROP TABLE records", database=DATABASE)
        with pytest.raises(BackendUnavailable, match="create_schema"):
            await backend.ready()
        with pytest.raises(BackendUnavailable, match="create_schema"):
            await backend.apply([rig.put("a.example", 1)])
        rig.close()


async def test_rows_are_visible_at_once_with_default_caches_when_we_may_flush_them(tmp_path):
    """`api_urls`; without them, after `cache-ttl` and `query-cache-ttl` seconds."""
    async with powerdns_mysql_under_test(tmp_path, **CACHES) as (_backend, daemon):
        from directdnsonly.backends.powerdns.mysql_backend import build as build_mysql

        told = {**daemon.settings.model_dump(), "api_urls": f"http://127.0.0.1:{daemon.api}", "api_key": KEY}
        backend = build_mysql("powerdns_mysql", type(daemon.settings)(**told), tmp_path)
        await backend.ready()
        rig = Rig(MYSQL, backend, daemon)
        await changed_under_hot_caches(rig)
        rig.close()
        await backend.aclose()
