"""RRset-level differences."""

from __future__ import annotations

from directdnsonly.zone.diff import diff
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.text import parse

HEAD = "$TTL 300\n@ IN SOA ns1.host.example. h 1 1 1 1 1\n@ IN NS ns1.host.example.\n"


def text(records: str) -> str:
    return parse(HEAD + records, ZoneName.parse("example.com")).text


def test_what_came_went_and_changed_is_told_by_rrset():
    """Order of records does not matter."""
    before = text("www IN A 192.0.2.1\nwww IN A 192.0.2.2\nold IN TXT x\n")
    after = text("www IN A 192.0.2.2\nwww IN A 192.0.2.3\nnew IN TXT x\n")

    found = diff(before, after)

    assert ["new.example.com."] == [rrset.owner for rrset in found.added]
    assert ["old.example.com."] == [rrset.owner for rrset in found.removed]
    ((old, new),) = found.changed
    assert (("192.0.2.1", "192.0.2.2"), ("192.0.2.2", "192.0.2.3")) == (old.rdata, new.rdata)


def test_the_same_zone_has_no_difference():
    """Empty is false."""
    assert not diff(text("a IN A 192.0.2.1\n"), text("a IN A 192.0.2.1\n"))
