"""Rows of a zone that the database has joined in one text."""

from __future__ import annotations

import pytest

from directdnsonly.backends.coredns.rows import END, FIELD, Row, unpacked


def packed(*fields: object) -> str:
    return FIELD.join(map(str, fields))


WWW = packed(7, 1, "www", "A", "192.0.2.1", 300, "")
TXT = packed(8, 0, "@", "TXT", '"a b"', 60, "")


def test_all_rows_come_apart_as_they_were():
    expected = [(7, 1, Row("www", "A", "192.0.2.1", 300)), (8, 0, Row("@", "TXT", '"a b"', 60))]

    assert expected == unpacked(2, WWW + END + TXT)
    assert expected == unpacked(2, (WWW + END + TXT).encode())


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (3, WWW + END + TXT),  # cut off between two rows
        (2, (WWW + END + TXT)[:-1]),  # before the last separator: its TTL may be short of a digit
        (2, WWW + END + TXT[:-4]),
        (2, WWW + END),
        (1, packed(7, 1, "www", "A", 300, "")),  # NULL is left out
        (1, packed(7, 1, "www", "A", f"a{FIELD}b", 300, "")),
        (1, packed(7, 1, "www", "A", f"a{END}b", 300, "")),
        (1, packed(7, 1, "www", "A", "192.0.2.1", 300, "x")),
        (1, packed("seven", 1, "www", "A", "192.0.2.1", 300, "")),
        (1, b"\xff"),
        (1, None),
        (1, WWW + END + TXT),  # more than were counted
    ],
)
def test_what_is_not_all_of_them_as_they_are_is_none(count, text):
    assert unpacked(count, text) is None
