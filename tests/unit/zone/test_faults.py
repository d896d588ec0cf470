"""Everything that is wrong with a zone is told at once, and what is no zone is called what it is."""

from __future__ import annotations

import gzip

import pytest

from directdnsonly.errors import PushRefused
from directdnsonly.zone.faults import MOST
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.text import parse

NAME = ZoneName.parse("example.com")
HEAD = "$TTL 300\n@ IN SOA ns1.host.example. hostmaster 2026010101 1h 1h 2w 1d\n@ IN NS ns1.host.example.\n"


def faults_of(text: str | bytes) -> list[tuple[str, int, str]]:
    with pytest.raises(PushRefused) as caught:
        parse(text, NAME)
    error = caught.value
    first = error.faults[0]
    assert (first.rule, first.line, first.owner, str(first)) == (error.rule, error.line, error.owner, error.reason)
    return [(fault.rule, fault.line, fault.reason) for fault in error.faults]


def test_all_faults_of_a_zone_are_told_at_once_with_their_lines():
    """As named-checkzone does: who corrects a zone does not push it once for each fault."""
    text = HEAD + (
        "a IN A 192.0.2.256\n"
        'b IN TXT "open\n'
        "c IN MX mail\n"
        "$INCLUDE /etc/passwd\n"
        "www IN A 192.0.2.1\n"
        "www IN CNAME c\n"
        "d IN DNAME x.\n"
        "a.d IN A 192.0.2.1\n"
        "b.d IN A 192.0.2.1\n"
    )

    found = faults_of(text)

    assert [
        ("syntax", 4), ("syntax", 5), ("syntax", 6), ("include", 7),
        ("cname-and-other", 9), ("below-dname", 11), ("below-dname", 12),
    ] == [(rule, line) for rule, line, _ in found]  # fmt: skip


def test_keys_for_the_parent_have_all_their_faults_told_as_well():
    """Whoever deletes the request to delete is not refused again for the others; each algorithm is told once."""
    digest = "ab" * 32
    text = HEAD + (
        f"@ IN CDS 0 0 0 00\n@ IN CDS 1 13 2 {digest}\n@ IN CDS 1 8 2 {digest}\n@ IN CDS 2 8 2 {digest}\n"
        "@ IN CDNSKEY 257 3 8 AwEAAQ==\n"
    )

    found = faults_of(text)

    assert [("cds-delete", 5), ("cds-without-key", 5), ("cds-without-key", 6), ("cds-without-key", 8)] == [
        (rule, line) for rule, line, _ in found
    ]
    assert ["13", "8", "8"] == [reason.split(" of algorithm ")[1].split()[0] for _, _, reason in found[1:]]


def test_ten_faults_are_enough():
    """What a wrong push costs stays bounded."""
    assert MOST == len(faults_of(HEAD + "a IN A x\n" * 100_000))
    assert MOST == len(faults_of(HEAD + "".join(f"w{n} IN A 192.0.2.1\nw{n} IN CNAME x\n" for n in range(30))))


@pytest.mark.parametrize(
    "text",
    [
        HEAD.replace("1d\n", "a day\n", 1),  # the SOA itself: it is not told to be missing as well
        HEAD.replace("IN NS ns1.host.example.", "IN NS ns1..host.example."),
        HEAD + "@ IN NS ns2\nns2 IN A 192.0.2\n",  # the name server has an address, only not a readable one
        HEAD + "a..b IN A 192.0.2.1\n  IN CNAME x.\n  IN TXT y\n",  # what follows is not the record before's
        HEAD + "$ORIGIN a..b\nwww IN A 1\nwww IN CNAME x\n",  # whose names follow is unknown
        HEAD + 'k IN TXT ( "abc\n  "def"\n  "ghi" )\n',
    ],
)
def test_one_fault_is_not_told_again_as_others(text):
    """What only seems wrong because a line before it could not be read is no fault."""
    assert 1 == len(faults_of(text))


@pytest.mark.parametrize(
    ("zone", "line", "more"),
    [
        (
            "; x\n@ 1 IN SOA ns1.host.example. h (\n  2026010101 1 1 1 1\n@ 1 IN NS ns1.host.example.\nk 1 IN TXT ( a )\n",
            2,
            [],
        ),
        (HEAD + 'k IN TXT ( "a"\n  "b"\nwww IN A 192.0.2.1\nw2 IN A x\n', 4, [7]),
        (HEAD + 'k IN TXT ( "a"\nwww IN A x\nm IN TXT ( "a"\nw2 IN A x\n', 4, [5, 6, 7]),
        (HEAD + "k IN TXT (\n" + "; nothing\n" * 9, 4, []),
    ],
)
def test_an_open_parenthesis_is_told_where_it_was_opened(zone, line, more):
    """Not in the line where the zone ends or another one opens; and what it swallowed is read all the same."""
    found = faults_of(zone)

    assert ("syntax", line) == found[0][:2]
    assert "the parenthesis opened here is never closed" in found[0][2]
    assert more == [line for _, line, _ in found[1:]]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("# the web server\n", "in a zone file comments begin with ; and not with #"),
        ("www IN A 192.0.2.1 # the web server\n", "comments begin with ;"),
        ("// the web server\n", "not with //"),
        ("/* the web server */\n", "not with /*"),
        ("www IN A\u00a0192.0.2.1\n", "no-break space"),
        ("www IN \u201cTXT\u201d x\n", "typographic quotation marks"),
    ],
)
def test_habits_from_elsewhere_are_told_by_their_name(line, words):
    """The reason says what to do, not only what was found in its place."""
    ((_, number, reason),) = faults_of(HEAD + line)

    assert 4 == number
    assert words in reason


@pytest.mark.parametrize(
    ("body", "rule", "words"),
    [
        (b"", "zone-empty", "the file is empty"),
        (b" \r\n\t\n", "zone-empty", "the file is empty"),
        (b"; a zone\n\n$TTL 300\n;\n", "zone-empty", "only comments"),
        (HEAD.encode("utf-16"), "not-a-zone", "UTF-16"),
        (HEAD.encode("utf-16-le"), "not-a-zone", "UTF-16"),
        (HEAD.encode("utf-16-be"), "not-a-zone", "UTF-16"),
        (HEAD.encode("utf-32"), "not-a-zone", "UTF-32"),
        (gzip.compress(HEAD.encode(), mtime=0), "not-a-zone", "gzip"),
        (b"PK\x03\x04\x14\x00\x00\x00example.com.zone", "not-a-zone", "ZIP"),
        (b"<!DOCTYPE html>\n<html><body>Log in</body></html>\n", "not-a-zone", "HTML"),
        (b"\n<html>\n<h1>502 Bad Gateway</h1>", "not-a-zone", "HTML"),
        (b'{"ttl": 300, "records": []}\n', "not-a-zone", "JSON"),
        (b'// generated\noptions {\n  directory "/var/named";\n};\n', "not-a-zone", "named.conf"),
        (b'zone "example.com" IN {\n  type master;\n};\n', "not-a-zone", "named.conf"),
        (b"\x00\x00\x00\x02\x00\x00\x00\x01\x00\x00\x00\x00", "not-a-zone", "raw format"),
        (b";BIND LOG V9.2\n\x00\x01\x02", "not-a-zone", "journal"),
        (b"-----BEGIN CERTIFICATE-----\nMIIB\n", "not-a-zone", "certificate"),
        (HEAD.replace("\n", "\r").encode(), "not-a-zone", "bare carriage returns"),
        (HEAD.replace("@ IN SOA", ". IN SOA").encode(), "soa-missing", "the SOA is at ., but the pushed zone"),
        (HEAD.replace("@ IN SOA", "example.org. IN SOA").encode(), "soa-missing", "the SOA is at example.org., but the pushed zone"),
    ],
)  # fmt: skip
def test_what_is_no_zone_is_called_what_it_is(body, rule, words):
    """One sentence, not ten complaints about octets."""
    ((found, _, reason),) = faults_of(body)

    assert rule == found
    assert words in reason


@pytest.mark.parametrize(
    "body",
    [
        b"\xef\xbb\xbf" + HEAD.encode(),
        HEAD.replace("\n", "\r\n").encode(),
        HEAD.replace("\n", "\r\n", 2).encode(),
        HEAD.encode() + b"w IN TXT \"zone { options { <html>\"\r\n; {'json': []}\n",
    ],
)
def test_how_an_editor_saves_a_zone_does_not_matter(body):
    """A byte order mark, Windows line ends, both kinds of line ends in one file: named loads them, and so do we."""
    assert 2026010101 == parse(body, NAME).serial
