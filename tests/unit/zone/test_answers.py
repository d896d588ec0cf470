"""An answer has 65,535 octets at most (RFC 1035, section 4.2.2): what is kept for EDNS and keys leaves 65,023 of them.

That every name server loads and serves what is taken here is shown by the contract suite; here stand the sizes.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from directdnsonly.zone.answers import too_large

OWNER = "t.example."
HEAD = 12 + 11 + 4  # header, and a question for OWNER
HINTS = 1000  # of one record: each is written with three characters, and has 16 octets
DENSE = f"ipv6hint={','.join(['::'] * HINTS)}"


def refused(kind: str, rdata: Sequence[str], owner: str = OWNER) -> list[tuple[str, str, int]]:
    """Rule, owner and line of what is refused in a zone with this RRset, beside a SOA and an NS; lines count from 0."""
    keys = sorted(
        [("example.", "NS", "ns1.host.example."), ("example.", "SOA", "ns1.host.example. h.example. 1 2 3 4 5")]
        + [(owner, kind, data) for data in rdata]
    )
    return [(fault.rule, fault.owner, fault.line) for fault in too_large(keys, keys.index)]


@pytest.mark.parametrize(
    ("kind", "octets", "rdata"),
    [
        ("A", 16, [f"10.0.{number // 256}.{number % 256}" for number in range(5000)]),
        ("AAAA", 28, [f"::{number:x}" for number in range(1, 3000)]),
        ("NS", 12 + 13, [f"n{number:05}.host." for number in range(4000)]),
        ("TXT", 12 + 251, [f'"{number:0250}"' for number in range(1000)]),
        ("HTTPS", 12 + 2 + 1 + 4 + 16 * HINTS, [f"{number} . {DENSE}" for number in range(1, 9)]),
    ],
)
def test_rfc1035_4_2_2_as_many_records_as_fit_are_taken_and_one_more_is_refused(kind, octets, rdata):
    """However few characters the records are written with, and however many there are: counted are octets."""
    most = (65_023 - HEAD) // octets

    taken, too_many = refused(kind, rdata[:most]), refused(kind, rdata[: most + 1])

    assert [] == taken
    assert [("answer-too-large", OWNER)] == [fault[:2] for fault in too_many]
    assert too_many[0][2] > 1, "the line is one of the RRset's"


def test_a_zone_may_be_larger_than_any_answer():
    """It is one RRset that has to fit, not what other names and types have."""
    keys = sorted((f"h{number}.example.", "TXT", f'"{"x" * 200}"') for number in range(1000))

    assert [] == list(too_large(keys, keys.index))


def test_signatures_count_with_what_they_sign():
    """They come in the same answer (RFC 4035, section 3.1.1)."""
    texts = [(OWNER, "TXT", f'"{number:0250}"') for number in range((65_023 - HEAD) // 263)]
    signature = f"TXT 8 2 300 20300101000000 20260101000000 1 example. {'A' * 344}"
    keys = sorted([*texts, (OWNER, "RRSIG", signature)])

    assert ["answer-too-large"] == [fault.rule for fault in too_large(keys, keys.index)]
