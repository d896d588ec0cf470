"""SQL as text, and the difference of rows: pure parts of the backends on a database."""

from __future__ import annotations

from operator import itemgetter

import pytest

from directdnsonly.backends.tables.difference import difference
from directdnsonly.mysql.text import Made, Statement, filled, inserts, joined, literal


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "'a'"), ("", "''"), ("a'b", "'a\\'b'"), ("a'" * 300, f"'{'a' + chr(92) + chr(39):s}" + "a\\'" * 299 + "'"), ("a\\", "'a\\\\'"), ('"', "'\"'"), ("\0\n\r\x1a", "'\\0\\n\\r\\Z'"),
        (7, "7"), (True, "1"), (None, "NULL"), (Made.ID, "@made"), ("@made", "'@made'"), ("Made.ID", "'Made.ID'"),
    ],
)  # fmt: skip
def test_a_value_in_sql(value, text):
    """Only what is quoted, a number, NULL, or the one name that we made ourselves."""
    assert text == literal(value)


def test_what_is_no_value_is_refused():
    """An object of which nobody knows how it would read in SQL."""
    for value in (b"x", ["x"], object()):
        with pytest.raises((TypeError, ValueError)):
            literal(value)


def test_values_are_filled_in_once():
    """A value that looks like a place for one is none."""
    assert "SELECT '%s', '%'" == filled("SELECT %s, %s", ("%s", "%"))
    assert "SELECT '%'" == filled("SELECT '%'", ())


def test_rows_are_cut_into_statements_that_know_their_rows():
    """As few as fit; a row that alone is too long has its own."""
    rows = [("a" * 10, 1), ("b" * 10, 2), ("c" * 100, 3), ("d", 4)]

    made = list(inserts("t", ["name", "n"], rows, most_octets=40))

    assert [rows[:2], rows[2:3], rows[3:]] == [list(statement.rows) for statement in made]
    assert f"INSERT INTO `t` (`name`, `n`) VALUES ('{'a' * 10}',1),('{'b' * 10}',2)" == made[0].sql
    assert [] == list(inserts("t", ["name"], [], most_octets=40))


def test_rows_over_others_say_so_in_each_statement():
    rows = [(1, "a"), (2, "b")]
    tail = " ON DUPLICATE KEY UPDATE `id` = VALUES(`id`), `name` = VALUES(`name`)"
    assert [tail, tail] == [
        made.sql[-len(tail) :] for made in inserts("t", ["id", "name"], rows, most_octets=1, over=True)
    ]


@pytest.mark.parametrize(("most", "lengths"), [(0, [1, 1, 1, 1]), (20, [2, 1, 1]), (10_000, [4])])
def test_statements_are_joined_in_their_order(most, lengths):
    """None: each alone."""
    statements = [Statement(sql=f"{n}" * size) for n, size in ((1, 5), (2, 5), (3, 50), (4, 5))]

    commands = list(joined(statements, most_octets=most))

    assert lengths == [len(command) for command in commands]
    assert statements == [statement for command in commands for statement in command]


Row = tuple[str, str, str]
SOA1, SOA2 = ("@", "SOA", "1"), ("@", "SOA", "2")
A1, A2, A3, B = ("a", "A", "1"), ("a", "A", "2"), ("a", "A", "3"), ("b", "A", "1")


@pytest.mark.parametrize(
    ("present", "wanted", "written", "deleted"),
    [
        ([(1, SOA1), (2, A1)], {SOA1, A1}, {}, []),
        ([(1, SOA1), (2, A1)], {SOA2, A1}, {SOA2: 1}, []),
        ([(1, B), (2, SOA1)], {SOA2, A1}, {SOA2: 2, A1: 1}, []),  # each takes the place of its like first
        ([(1, A1), (2, A2), (3, SOA1)], {A3, SOA1}, {A3: 2}, [1]),
        ([(1, A1), (2, A1)], {A1}, {}, [2]),  # the second of two equal ones is too many
        ([(1, None), (2, A1)], {A1, B}, {B: 1}, []),  # one that cannot stay gives its place
        ([], {A1, SOA1}, {A1: None, SOA1: None}, []),
        ([(1, A1)], set(), {}, [1]),
        ([(1, SOA1)], {SOA2, A1}, {SOA2: 1, A1: None}, []),
    ],
)
def test_the_least_that_makes_the_rows_those_that_are_wanted(present, wanted, written, deleted):
    """Rows that stay are not touched; what is new takes the place of its like, then of anything, then a new one."""
    found, gone = difference(present, wanted, place=itemgetter(0, 1))

    assert (written, deleted) == ({row: number for number, row in found}, gone)
