"""RRset-level differences."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from directdnsonly.zone.diff import diff, rrsets
from directdnsonly.zone.model import Record
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.text import parse, records_of

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


RECORDS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "*.c"]), st.sampled_from([60, 300]), st.sampled_from(["A", "TXT"]), st.integers(1, 4)
    ),
    max_size=12,
)


@given(RECORDS, RECORDS)
def test_it_is_what_a_comparison_of_all_rrsets_finds(old, new):
    """What both versions have is set aside at first; that must not be seen."""
    before, after = (
        text("".join(f"{owner} {ttl} IN {kind} 192.0.2.{last}\n" for owner, ttl, kind, last in records))
        for records in (old, new)
    )
    whole, other = rrsets(before), rrsets(after)

    found = diff(before, after)

    assert {key: whole[key] for key in whole.keys() - other.keys()} == {
        (one.owner, one.type): one for one in found.removed
    }
    assert {key: other[key] for key in other.keys() - whole.keys()} == {
        (one.owner, one.type): one for one in found.added
    }
    assert {key: (whole[key], other[key]) for key in whole.keys() & other.keys() if whole[key] != other[key]} == {
        (one.owner, one.type): (one, two) for one, two in found.changed
    }
    assert set(records_of(before)) == {
        Record(one.owner, one.ttl, one.type, data) for one in whole.values() for data in one.rdata
    }
