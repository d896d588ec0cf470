"""Whether a zone has names below another: what decides whose a new zone is."""

from __future__ import annotations

import pytest

from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.within import has_names_below, serves_names_below

APEX = ZoneName.parse("example.com")
HEAD = (
    "example.com. 3600 IN SOA ns1.host.example. h.example.com. 1 2 3 4 5\nexample.com. 3600 IN NS ns1.host.example.\n"
)


@pytest.mark.parametrize(
    ("records", "served"),
    [
        ("www.example.com. 60 IN A 192.0.2.1", True),
        ("a.www.example.com. 60 IN A 192.0.2.1\nb.www.example.com. 60 IN A 192.0.2.2", True),
        ('a.b.www.example.com. 60 IN TXT ""', True),
        ("other.example.com. 60 IN A 192.0.2.1", False),
        ("wwww.example.com. 60 IN A 192.0.2.1", False),  # ends alike, but in the middle of a label
        ("other.example.com. 60 IN CNAME www.example.com.", False),  # as data
        ('other.example.com. 60 IN TXT "\\nwww.example.com. 60 IN A"', False),
        ("www.example.com. 60 IN NS ns.elsewhere.example.", False),  # handed to another zone
        (
            "www.example.com. 60 IN NS ns.www.example.com.\nns.www.example.com. 60 IN A 192.0.2.1",
            False,
        ),  # with its glue
    ],
)
def test_records_at_or_below_a_name(records, served):
    text = f"{HEAD}{records}\n"

    assert served is serves_names_below(text, APEX, ZoneName.parse("www.example.com"))


def test_what_lies_below_a_delegation_higher_up_is_not_ours():
    text = f"{HEAD}sub.example.com. 60 IN NS ns.elsewhere.example.\nns.sub.example.com. 60 IN A 192.0.2.1\n"

    assert not serves_names_below(text, APEX, ZoneName.parse("ns.sub.example.com"))


@pytest.mark.parametrize(
    ("records", "has"),
    [
        ("", False),
        ("www.example.com. 60 IN A 192.0.2.1\n", True),
        ("example.com. 60 IN MX 10 mail.example.com.\n", False),
    ],
)
def test_names_below_the_zone_itself(records, has):
    assert has is has_names_below(HEAD + records, APEX)
