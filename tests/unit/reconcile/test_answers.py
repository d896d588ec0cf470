"""What counts as a whole list, and how one zone is read: pure, from DirectAdmin's own forms."""

from __future__ import annotations

import json

import pytest

from directdnsonly.reconcile import answers
from directdnsonly.reconcile.answers import NoList, NotReadable, Page
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.text import parse

NAME = ZoneName.parse("example.com")


def page(names, pages=1, stated=None):
    return Page(names=list(names), pages=pages, stated=stated)


def names(count, start=0):
    return [f"zone-{number}.example" for number in range(start, start + count)]


def test_full_pages_that_hold_what_is_stated_are_a_whole_list():
    found = answers.whole(
        "s1", [page(names(10), 3, 25), page(names(10, 10), 3, 25), page(names(5, 20), 3, 25)], asked_at=1
    )

    assert (25, 3) == (len(found.zones), found.pages)
    assert sorted(found.zones) == list(found.zones)


@pytest.mark.parametrize(
    ("pages", "reason"),
    [
        ([page(names(10), 3), page(names(10, 10), 3)], "2 pages came, 3 stated"),
        ([page(names(10), 2), page(names(5, 10), 3)], "changed while we read"),
        ([page(names(7), 2), page(names(9, 7), 2)], "not full"),
        ([page(names(10), 3), page(names(4, 10), 3), page(names(10, 14), 3)], "not full"),
        ([page(names(10), 1, 12)], "10 zones came, 12 stated"),
        ([page(names(10), 2), page(names(5, 9), 2)], "twice"),
        ([page([], 1, 0)], "empty"),
        ([page(["-", "/etc/passwd", "a b"], 1)], "empty"),
    ],
)
def test_anything_less_is_no_list(pages, reason):
    with pytest.raises(NoList, match=reason):
        answers.whole("s1", pages, asked_at=1)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("", "empty"),
        ("<!DOCTYPE html><html>", "web page"),
        ("  <HTML><body>", "web page"),
        ("error=1&text=Access%20denied&details=no&#58; never", "it says: Access denied: no: never"),
        ('{"error":"1","result":"Cannot Execute Your Request"}', "it says: Cannot Execute Your Request"),
        ('{"0":{"domain":"a.example"}', "not whole"),
        ('{"0":{"domain":"a.example"}}', "not a zone list"),
        ('{"0":{"name":"a.example"},"info":{"total_pages":"1"}}', "no domain"),
        ('{"0":{"domain":"a.example"},"info":{}}', "how many pages"),
        ("[]", "not a zone list"),
        ("null", "not a zone list"),
    ],
)
def test_a_page_that_cannot_be_read_is_no_list(body, reason):
    with pytest.raises(NoList, match=reason):
        answers.page_of(body)


@pytest.mark.parametrize("body", ["list[]=a.example&list[]=b.example", "list[]=a.example\nlist[]=b.example\n"])
def test_the_older_list_is_read_by_ampersand_and_by_line(body):
    assert ["a.example", "b.example"] == answers.legacy_names(body)


@pytest.mark.parametrize("body", ["", "<html>", "error=1&text=no", "a=b", "list[]="])
def test_what_is_no_older_list_is_none(body):
    with pytest.raises(NoList):
        answers.legacy_names(body)


def test_owners_have_names_in_normal_form():
    assert {"a.example": "alice", "b.example": "bob"} == answers.owners_of("A.example.=alice&b.example=bob&..=x")


def records(*rows):
    return json.dumps({"records": [dict(zip(("type", "name", "value", "ttl"), row, strict=True)) for row in rows]})


SOA = ("SOA", "@", "ns1.host.example. hostmaster.example.com. 7 3600 3600 1209600 86400", "3600")


def test_records_become_a_zone_that_our_parser_takes():
    """Relative names, long bare TXT, quotes and backslashes, a TTL of its own."""
    long = "v=DKIM1; p=" + "A" * 600
    body = records(
        SOA,
        ("NS", "example.com.", "ns1.host.example.", "14400"),
        ("MX", "", "10 mail", "3600"),
        ("A", "mail", "192.0.2.1", "60"),
        ("TXT", "x._domainkey", long, "3600"),
        ("TXT", "odd", 'say "hi" \\ there', "3600"),
        ("TXT", "quoted", '"v=spf1 -all"', "3600"),
    )

    zone = parse(answers.text_of_records(body, NAME), NAME)

    assert (7, 7) == (zone.serial, zone.records)
    assert "mail.example.com. 60 IN A 192.0.2.1" in zone.text
    assert "A" * 200 in zone.text
    assert '"say \\"hi\\" \\\\ there"' in zone.text


@pytest.mark.parametrize(
    ("body", "absent"),
    [
        ("error=1&text=Cannot find that domain&details=", True),
        ("<html>", False),
        ("{}", False),
        ('{"records":[{"type":"A"}]}', False),
        (records(("A", "mail", "192.0.2.1", "60")), False),
        ("garbage", False),
    ],
)
def test_only_a_clear_denial_says_that_a_zone_is_not_there(body, absent):
    with pytest.raises(NotReadable) as caught:
        answers.text_of_records(body, NAME)

    assert absent is caught.value.absent


def test_a_zone_file_is_told_from_everything_else():
    assert answers.is_zone_text("\n\n$TTL 3600\n@ IN SOA a. b. 1 1 1 1 1\n")
    assert not answers.is_zone_text("<html>SOA</html>")
    assert not answers.is_zone_text("A=192.0.2.10&MX=mail")


@pytest.mark.parametrize("opened", ['{"a":', "["])
def test_json_is_read_to_a_depth_of_ours(opened):
    """Python 3.11 reads some 990 levels, 3.13 many thousands: what is no tree may not hang on that."""
    closed = "}" if opened != "[" else "]"

    def nested(depth: int) -> str:
        return opened * depth + "1" + closed * depth

    assert answers.tree_of(nested(answers.DEEPEST))
    with pytest.raises(ValueError, match="too deeply"):
        answers.tree_of(nested(answers.DEEPEST + 1))
    assert 7 == answers.tree_of("7")
