"""The original's database and queues: what comes over, what is left, and what is said of a file that cannot be used."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from pathlib import Path

import pytest

from directdnsonly.cli.original import Waiting, row_of, taken, waiting_in, zones_of
from directdnsonly.cli.original_mysql import LONGEST
from directdnsonly.cli.sources import NothingToImport
from tests.support.original import database, queue

TEXT = "$TTL 3600\n@ IN SOA ns.host.example. h.host.example. 1 60 60 60 60\n@ IN NS ns.host.example.\n"


def told(file: Path, **options: Path) -> str:
    """Why nothing is imported."""
    before = file.read_bytes() if file.is_file() else b""
    with pytest.raises(NothingToImport) as caught:
        zones_of(file, **options)
    assert before == (file.read_bytes() if file.is_file() else b""), "it was changed"
    return str(caught.value)


def test_zones_come_with_their_owners(tmp_path):
    """Server and user; a zone that nobody owned has neither."""
    file = database(tmp_path / "directdnsonly.db", [
        ("b.example", "da1.host.example", "bob", TEXT), ("a.example", None, None, TEXT),
    ])  # fmt: skip

    found = zones_of(file)

    assert [("a.example", "", ""), ("b.example", "da1.host.example", "bob")] == [
        (one.zone, one.hostname, one.username) for one in found.zones
    ]
    assert [TEXT.encode()] * 2 == [one.read() for one in found.zones]
    assert [] == found.left


def test_a_zone_without_text_is_named_and_taken_from_its_file_where_there_is_one(tmp_path):
    """It stored the text only when every backend had taken the zone, and older ones never did."""
    file = database(tmp_path / "d.db", [("a.example", "da1", "bob", None), ("b.example", "da1", "bob", " \n")])
    (tmp_path / "zones").mkdir()
    (tmp_path / "zones/a.example.db").write_text(TEXT)

    alone, beside = zones_of(file), zones_of(file, zone_files=tmp_path / "zones")

    assert (["a.example", "b.example"], True) == (
        [one.place.split()[0] for one in alone.left], all(one.wrong for one in alone.left),
    )  # fmt: skip
    assert [("a.example", "da1", TEXT.encode())] == [(one.zone, one.hostname, one.read()) for one in beside.zones]
    assert "have DirectAdmin push it" in alone.left[0].reason


def test_a_database_of_before_zone_data_has_names_and_owners_only(tmp_path):
    """The 2.3 line at its beginning."""
    file = tmp_path / "directdns.db"
    with contextlib.closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE domains (id INTEGER PRIMARY KEY, domain TEXT, hostname TEXT, username TEXT)")
        connection.execute("INSERT INTO domains VALUES (1, 'a.example', 'da1', 'bob')")

    assert ["a.example in the database"] == [one.place for one in zones_of(file).left]


def test_octets_that_are_no_text_come_as_they_are(tmp_path):
    """The door judges them, not the database: latin-1 in a comment, say."""
    file = database(tmp_path / "d.db", [("a.example", "da1", "bob", b"; caf\xe9\n" + TEXT.encode())])
    with contextlib.closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE domains SET zone_data = CAST(zone_data AS TEXT)")

    assert b"; caf\xe9\n" + TEXT.encode() == zones_of(file).zones[0].read()


def test_a_text_that_fills_its_column_was_cut(tmp_path):
    """A TEXT of MySQL holds 65,535 octets; half a zone would be served as a whole one."""
    (tmp_path / "a.example.db").write_text(TEXT)
    rows = [row_of("a.example", "da1", "bob", "x" * 65_535), row_of("b.example", "da1", "bob", "x" * 65_534)]

    found = taken(rows, "mysql", zone_files=None, waiting=None, longest=LONGEST)
    beside = taken(rows, "mysql", zone_files=tmp_path, waiting=None, longest=LONGEST)

    assert ["b.example"] == [one.zone for one in found.zones]
    assert ["its text was cut at the 65535 octets that the column holds: have DirectAdmin push it"] == [
        one.reason for one in found.left
    ]
    assert TEXT.encode() == beside.zones[0].read()


def test_of_two_spellings_of_one_zone_neither_is_taken(tmp_path):
    """Nobody knows which one is right."""
    file = database(tmp_path / "d.db", [("a.example", "da1", "x", TEXT), ("A.example", "da2", "y", TEXT)])

    found = zones_of(file)

    assert ([], 2) == (found.zones, len(found.left))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("gone.db", None, "cannot be read: No such file"),
        ("empty.db", b"", "is not an SQLite database"),
        ("text.db", b"domains\n" * 1000, "is not an SQLite database"),
        ("short.db", b"SQLite format 3\0", "is damaged"),
    ],
)
def test_what_is_no_database_is_called_so(tmp_path, name, content, words):
    """And nothing is made in its place."""
    if content is not None:
        (tmp_path / name).write_bytes(content)

    assert words in told(tmp_path / name)
    assert (content is not None) == (tmp_path / name).exists()


def test_a_folder_or_a_pipe_is_no_database(tmp_path):
    """Reading a pipe would wait for ever."""
    os.mkfifo(tmp_path / "pipe.db")

    assert "is not a file" in told(tmp_path / "pipe.db")
    assert "is not a file" in told(tmp_path)


def test_a_database_of_somebody_elses_is_no_source(tmp_path):
    """Ours, say."""
    file = tmp_path / "outbox.sqlite"
    with contextlib.closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE zone (name TEXT)")

    assert "has no table domains" in told(file)
    assert "is empty" in told(database(tmp_path / "none.db", []))


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_half_a_database_gives_no_half_of_the_zones(tmp_path, share):
    """A copy that broke off: whatever could still be read, nothing is taken."""
    file = database(tmp_path / "d.db", [(f"z{n}.example", "da1", "bob", TEXT * 5) for n in range(500)])
    whole = file.read_bytes()
    file.write_bytes(whole[: int(len(whole) * share)])

    assert "is damaged" in told(file)


def test_torn_pages_in_the_middle_are_found(tmp_path):
    """The header is fine, and so is the first row."""
    file = database(tmp_path / "d.db", [(f"z{n}.example", "da1", "bob", TEXT * 5) for n in range(500)])
    octets = bytearray(file.read_bytes())
    octets[len(octets) // 2 : len(octets) // 2 + 40_960] = os.urandom(40_960)
    file.write_bytes(octets)

    assert "is damaged" in told(file)


def test_a_database_that_is_being_written_is_told(tmp_path):
    """The original still runs: stop it first, or what it writes now is lost."""
    file = database(tmp_path / "d.db", [("a.example", "da1", "bob", TEXT)])
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")

        assert "is locked by another program: stop the original first" in told(file)


def test_a_database_that_was_killed_in_the_middle_of_a_write_is_read_as_it_was_before(tmp_path):
    """Its journal rolls back, in a copy: the file itself stays as it is."""
    database(tmp_path / "d.db", [(f"z{n}.example", "da1", "bob", TEXT) for n in range(200)])
    with contextlib.closing(sqlite3.connect(tmp_path / "d.db", isolation_level=None)) as writer:
        writer.execute("PRAGMA cache_size = 1")
        writer.execute("PRAGMA cache_spill = 1")
        writer.execute("BEGIN")
        writer.execute("UPDATE domains SET zone_data = 'torn', hostname = 'torn'")
        (tmp_path / "left").mkdir()
        for name in ("d.db", "d.db-journal"):  # what a kill -9 at this moment leaves
            shutil.copy(tmp_path / name, tmp_path / "left" / name)
        writer.execute("ROLLBACK")
    file = tmp_path / "left/d.db"
    journal = file.with_name("d.db-journal")
    assert journal.stat().st_size > 512
    assert b"torn" in file.read_bytes(), "the test needs pages that were written before the end"
    before = file.read_bytes(), journal.read_bytes()

    found = zones_of(file)

    assert ({"da1"}, 200) == ({one.hostname for one in found.zones}, len(found.zones))
    assert before == (file.read_bytes(), journal.read_bytes())


def test_what_waits_in_its_queues_is_named(tmp_path):
    """Items that it took count no more; those of several files do."""
    queue(tmp_path / "save", [f"s{n}.example" for n in range(7)], taken=2, per_file=3)
    queue(tmp_path / "retry", ["s6.example", "r.example"])
    queue(tmp_path / "delete", ["gone.example", "old.example"], taken=1)

    assert Waiting(
        saves=("r.example", "s2.example", "s3.example", "s4.example", "s5.example", "s6.example"),
        deletes=("old.example",),
    ) == waiting_in(tmp_path)


def test_queues_that_are_not_there_hold_nothing(tmp_path):
    """And one of which only half is left tells what it can; no pickle of it is ever loaded."""
    assert Waiting() == waiting_in(tmp_path / "nowhere")
    folder = queue(tmp_path / "save", ["a.example", "b.example"])
    (folder / "q00000").write_bytes((folder / "q00000").read_bytes()[:-30])
    assert ("a.example", "b.example") == waiting_in(tmp_path).saves
    (folder / "info").write_bytes(b"cos\nsystem\n(S'touch /tmp/never'\ntR.")
    assert ("a.example", "b.example") == waiting_in(tmp_path).saves
    shutil.rmtree(folder)
    (tmp_path / "save").write_text("no folder")
    assert Waiting() == waiting_in(tmp_path)


def test_a_zone_whose_delete_waits_is_not_brought_back(tmp_path):
    """It was answered OK; a zone that was pushed again since is."""
    file = database(
        tmp_path / "d.db",
        [(f"{name}.example", "da1", "bob", TEXT) for name in ("kept", "gone", "again")],
    )
    queue(tmp_path / "queues/delete", ["gone.example", "again.example"])
    queue(tmp_path / "queues/save", ["again.example"])

    found = zones_of(file, waiting=waiting_in(tmp_path / "queues"))

    assert ["again.example", "kept.example"] == [one.zone for one in found.zones]
    assert [("gone.example in the database", False)] == [(one.place, one.wrong) for one in found.left]
