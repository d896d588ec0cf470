"""What warnings cost: a zone full of mistakes beside a good one, by processor time."""

from __future__ import annotations

import time

import pytest

from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.text import parse

NAME = ZoneName.parse("example.com")
HEAD = "$TTL 300\n@ IN SOA ns1.host.example. hostmaster 2026010101 1h 1h 2w 1d\n@ IN NS ns1.host.example.\n"
DS = "DS 12345 8 2 " + "ab" * 32


@pytest.mark.parametrize(
    "record",
    [
        "{n}\u00fc IN A 192.0.2.1\n",
        "w{n} IN CNAME {n}\u00fc\n",
        "w{n} IN MX 1 192.0.2.1\n",
        "w{n} IN CNAME w{m}\n",
        "w{n}.sub IN TXT x\n",
        f"w{{n}} IN {DS}\n",
        "w{n} IN TXT a;b\n",
        "w{n}\\;\\033\\127 IN A 192.0.2.1\n",
    ],
)
def test_a_zone_full_of_mistakes_costs_little_more_than_a_good_one(record):
    """What nobody is told is not written; processor time, counted against a good zone of as many records."""
    number = 8_000
    good = HEAD + "sub IN NS x.\n" + "".join(f'w{n}x IN TXT "{"x" * len(record)}" ; a\n' for n in range(number))
    bad = HEAD + "sub IN NS x.\n" + "".join(record.format(n=n, m=(n + 1) % number) for n in range(number))

    def cost(text: str) -> float:
        began = time.process_time()
        parse(text, NAME)
        return time.process_time() - began

    assert min(cost(bad) for _ in range(3)) < 4 * min(cost(good) for _ in range(3))
