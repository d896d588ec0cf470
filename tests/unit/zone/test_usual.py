"""What we read of the rarer types ourselves is what dnspython makes of it, and all that it refuses we leave to it."""

from __future__ import annotations

import os
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from directdnsonly.zone.octets import generic
from directdnsonly.zone.portable import by_dnspython
from directdnsonly.zone.rdata import mnemonic
from directdnsonly.zone.tokens import Token, _step_through, _with_strings, logical_lines
from directdnsonly.zone.usual import USUAL, usual
from directdnsonly.zone.usual_generic import WHOLE, is_whole
from tests.unit.zone.test_record_forms import FORMS

FACTOR = float(os.environ.get("ZONE_FACTOR", "1"))  # `make test-unit` tries a fifth, `make faults` twenty times as much
ORIGIN = "example.com."
SOUND = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo="
USUALLY = [
    ("NAPTR", r'100 10 "u" "E2U+sip" "!^.*$!sip:info@example.com!" .'),
    ("NAPTR", r'100 50 u E2U+tel "!^\\+44(.*)$!tel:\\1!" @'),
    ("NAPTR", r'65535 0 "s" "SIP+D2U" "" _sip._udp'),
    ("HINFO", '"Pentium 4" Linux'),
    ("DNSKEY", f"257 3 13 {SOUND[:16]} {SOUND[16:]}"),
    ("DNSKEY", f"257 3 ECDSAP256SHA256 {SOUND}"),
    ("CDNSKEY", f"257 3 8 {SOUND}"),
    ("KEY", f"256 3 8 {SOUND}"),
    ("CERT", f"PGP 1 RSASHA1 {SOUND}"),
    ("CERT", f"65534 65535 0 {SOUND[:16]} {SOUND[16:]}"),
    ("OPENPGPKEY", f"{SOUND[:7]} {SOUND[7:]}"),
    ("CSYNC", "66 3 AAAA A NS TYPE65280"),
    ("EUI48", "00-00-5E-00-53-2a"),
    ("EUI64", "00-00-5e-ef-10-00-00-2a"),
    ("LOC", "52 22 23.000 N 4 53 32.00 E -2.00m 1m 10000m 10m"),
    ("LOC", "52 N 4 E 0m"),
    ("LOC", "90 0 0 S 180 0 0.0 W -100000.00 0.29 20m"),
    ("APL", "1:192.168.32.0/21 !1:192.168.38.0/28 2:ff00::/8 1:0.0.0.0/0"),
    ("IPSECKEY", f"10 1 2 192.0.2.38 {SOUND}"),
    ("IPSECKEY", f"10 0 2 . {SOUND}"),
    ("IPSECKEY", f"10 2 2 2001:0DB8:0:8002::2000:1 {SOUND}"),
    ("IPSECKEY", f"10 3 2 mygateway.example.com. {SOUND[:8]} {SOUND[8:]}"),
    ("AMTRELAY", "10 1 3 relay"),
    ("AMTRELAY", "0 0 0 ."),
    ("HIP", f"2 200100107B1A74DF365639CC39F1D578 {SOUND} rvs @ x.example.net."),
    ("DHCID", SOUND),
    ("RT", "10 @"),
    ("PX", "10 net2.it. PRMD-net2.ADMD-p400.C-it."),
    ("LP", "10 l64-subnet1.example.com."),
    ("L32", "10 10.1.2.0"),
    ("L64", "10 2001:0DB8:1140:1000"),
    ("NID", "65535 0014:4fff:ff20:ee64"),
    ("DSYNC", "CDS NOTIFY 5359 cds-scanner"),
    ("NSAP", "0x47.0005.80.005a00.0000.0001.e133.ffffff000161.00"),
    ("GPOS", "-32.6882 116.8652 10.0"),
    ("ISDN", '"150862028003217" "004"'),
    ("NINFO", "a b"),
    ("AVC", '"app-name:WOLFGANG|app-class:OAM"'),
    ("RESINFO", 'qnamemin exterr=15-17 "infourl=https://x/"'),
    ("WALLET", 'BTC "1A1z P1"'),
]
# Whatever somebody could write in the place of a field.
ODD = st.one_of(
    st.sampled_from(
        ["", "0", "007", "-1", "+1", "1_0", "255", "256", "65535", "65536", "4294967296", "1" * 11, "²", "\\049", "1e3", ".5", "5.", "1.005m",
         "90", "59.999", "60", "N", "n", "9000000", "99999999m", "-0", "-100000.01m", "42849672.95", "0.004m", "@", ".", "a..b", "a\\.b", "a!b", "é",
         "a" * 63, "a" * 64, ".".join(["a" * 60] * 4), ".".join(["a" * 60] * 4) + ".b.example.", "A===", "QQ", "QR==", "QQ==", "QQ==QQ==", "Q Q==", "Q-Q_",
         "QQ\\==", "abc", "AB", "0g", "TYPE0", "TYPE1", "TYPE65536", "ANY", "any", "aaaa", "RSASHA256", "rsasha256", "0x", "0x.", "0x0", "1:10.0.0.0/33",
         "1:10.0.0/8", "3:aa/1", "!!1:1.1.1.1/1", "2:::1.2.3.4/128", "2:::/0", "2:fe80::1%0/64", "01:1.1.1.1/01", "::1.2.3.4", "1.2.3.04", "1.2.3",
         "2001:db8:0:0:1::", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "!a", "!a!b!", "!(a)!\\\\1!", "!(a)!\\\\2!", '!\\"!x!', "!a!b!\\200", "\\#",
         "PKIX", "pkix", "NOTIFY", "notify", "SCHEME2", "NULL", "x" * 255, "x" * 256, "\\\\" * 255, "\\\\" * 256, "\x7f", "\t", "a b"]
    ),
    st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=8),
)  # fmt: skip


def tokens_of(text: str) -> list[Token]:
    (line,) = logical_lines(text)
    return line.tokens or [Token(word, False) for word in line.words]


def by_us(kind: str, tokens: list[Token]) -> str | None:
    """As `rdata` asks: with what is known of the words only where there is something."""
    is_plain = not any(token.quoted or token.glued for token in tokens)
    return usual(kind, [token.text for token in tokens], None if is_plain else tokens, ORIGIN)


def by_theirs(kind: str, tokens: list[Token]) -> str:
    try:
        return by_dnspython(kind, tokens, ORIGIN)
    except Exception as error:  # noqa: BLE001 - whatever it raises is a refusal
        return f"refused: {error!r}"


def agree(kind: str, tokens: list[Token]) -> bool:
    """Whether we leave it to dnspython, or say the same."""
    found = by_us(kind, tokens)
    return found is None or found == by_theirs(kind, tokens)


@pytest.mark.parametrize(("kind", "text"), USUALLY)
def test_the_usual_forms_are_read_by_ourselves_and_as_dnspython_reads_them(kind, text):
    """Otherwise it would be there for nothing."""
    written = mnemonic(kind)

    found = by_us(written, tokens_of(text))

    assert by_theirs(written, tokens_of(text)) == found


def test_each_type_that_we_read_has_a_form_here():
    assert set() == USUAL - {mnemonic(kind) for kind, _ in USUALLY}


@st.composite
def nearly(draw: st.DrawFn) -> tuple[str, list[Token]]:
    """A usual form with fields exchanged, taken out, put in, quoted, joined or damaged."""
    kind, text = draw(st.sampled_from(USUALLY))
    tokens = tokens_of(text)
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(tokens)))
        new = Token(draw(ODD), draw(st.booleans()), draw(st.sampled_from([False, False, True])))
        match draw(st.integers(0, 4)):
            case 0:
                tokens.insert(place, new)
            case 1 | 2:
                tokens[place : place + 1] = [new]
            case 3:
                del tokens[place : place + draw(st.integers(1, 2))]
            case _ if place < len(tokens):
                at = draw(st.integers(0, len(tokens[place].text)))
                cut = draw(st.integers(0, 2))
                text = tokens[place].text
                tokens[place] = tokens[place]._replace(text=text[:at] + draw(ODD)[:3] + text[at + cut :])
    kept = [token for token in tokens if token.quoted or token.text]
    return mnemonic(kind) or kind, kept


def is_readable(token: Token) -> bool:
    """What the reader of lines could have given."""
    if token.quoted:
        return re.fullmatch(r'(?:[^"\\\n]|\\.)*', token.text, re.DOTALL) is not None
    return re.fullmatch(r'(?:[^ \t();"\\\n]|\\.)+', token.text, re.DOTALL) is not None


@given(nearly())
@settings(max_examples=int(2500 * FACTOR), deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_is_written_nearly_so_is_read_alike_or_left_to_dnspython(case):
    """Both ways: what it refuses we never take, what we take is the same record in the same form."""
    kind, tokens = case

    assert not all(map(is_readable, tokens)) or agree(kind, tokens), (by_us(kind, tokens), by_theirs(kind, tokens))


@pytest.mark.parametrize("kind", sorted({kind for kind, _ in FORMS} & {each for each, _ in USUALLY}))
def test_each_form_that_the_name_servers_are_asked_for_is_read_alike(kind):
    forms = [tokens_of(text) for form_kind, text in FORMS if form_kind == kind and text.count('"') % 2 == 0]

    assert [] == [tokens for tokens in forms if not agree(mnemonic(kind), tokens)]


OCTETS = [
    (kind, bytes.fromhex("".join(found.split(" ")[2:])))
    for kind, text in USUALLY
    if (found := by_us(mnemonic(kind) or kind, tokens_of(text)) or "").startswith("\\# ")
]


def generic_form(octets: bytes) -> list[Token]:
    return [Token(word, False) for word in generic(octets).split(" ")]


def is_written_so(kind: str, octets: bytes) -> bool:
    return by_theirs(kind, generic_form(octets)) == generic(octets)


@pytest.mark.parametrize(("kind", "octets"), OCTETS)
def test_what_we_write_in_the_generic_form_is_read_again_without_dnspython(kind, octets):
    """GPOS and ISDN are left to it: nobody has many of them."""
    assert is_whole(mnemonic(kind), octets) == (kind not in {"GPOS", "ISDN"})
    assert is_written_so(mnemonic(kind), octets)


def test_each_type_of_which_we_judge_octets_is_here():
    assert set() == set(WHOLE) - {mnemonic(kind) for kind, _ in OCTETS}


@given(
    st.sampled_from(OCTETS),
    st.integers(0, 60),
    st.integers(0, 3),
    st.sampled_from([b"", b"\0", b"\1", b"\x40", b"\xc0\0", b"\xff", b"\0\1\x20\4\n"]),
)
@settings(max_examples=int(2500 * FACTOR), deadline=None)
def test_octets_that_are_damaged_are_judged_alike_or_left_to_dnspython(case, place, cut, put):
    """Both ways, again."""
    kind, octets = case
    damaged = octets[:place] + put + octets[place + cut :]

    assert not is_whole(mnemonic(kind), damaged) or is_written_so(mnemonic(kind), damaged)


@given(
    st.lists(
        st.sampled_from(['"', '"', "\\", '\\"', "a", "b c", " ", "\t", ";", "(", "\\\\", "1", "\\065", "é"]),
        max_size=14,
    ).map("".join)
)
@settings(max_examples=int(1500 * FACTOR), deadline=None)
def test_a_line_of_strings_is_parted_as_step_by_step(text):
    """The short way through a line, backslashes in its strings included."""
    found = _with_strings(text)

    if found is not None:
        stepped: list[Token] = []
        assert 0 == _step_through(text, 0, stepped, 1)
        assert stepped == found
