"""Zones of every record type, with odd names and mutated octets, for property tests of the zone vocabulary."""

from __future__ import annotations

import random

import dns.exception
import dns.rdata
import dns.rdatatype
from hypothesis import strategies as st

HEAD = "$TTL 300\n@ IN SOA ns1.host.example. hostmaster 2026010101 1h 1h 2w 1d\n@ IN NS ns1.host.example.\n"

# RDATA as a person writes it; {} is a name.
RDATA = {
    "A": ["192.0.2.1"], "AAAA": ["2001:db8::1", "::ffff:192.0.2.1", "::", "1:0:0:2::"], "NS": ["{}"], "CNAME": ["{}"],
    "PTR": ["{}"], "DNAME": ["{}"], "MX": ["10 {}"], "SRV": ["1 2 3 {}"], "RP": ["{} {}"], "AFSDB": ["1 {}"], "KX": ["1 {}"],
    "TXT": ['"v=DMARC1; p=none"', "a b", '"\\"\\\\\\009" ""'], "SPF": ['"v=spf1 -all"'], "HINFO": ['cpu "o s"'],
    "NAPTR": ['1 2 "u" "sip" "!^.*$!sip:x@y!" {}', '1 2 "s" "x" "" {}', '1 2 "" "" "!(a|b)+[0-9a-f]{{2}}!\\\\1!i" {}'],
    "HTTPS": ['1 {} alpn="h2,h3" port=8443', "0 {}", '1 . alpn=h2 key7="/q{{?dns}}"', "1 {} key65000=a mandatory=port port=1"],
    "SVCB": ["1 {} ipv4hint=192.0.2.1 ipv6hint=2001:db8::1", "2 {} alpn=h2 no-default-alpn"],
    "CAA": ['0 issue "ca.example; x=y"', '128 ISSUEWILD ";"', '0 contactemailaddresses "a@b"'],
    "DS": ["1 8 2 " + "ab" * 32], "CDS": ["0 0 0 00"], "TLSA": ["3 1 1 " + "ab" * 32], "SMIMEA": ["3 1 1 " + "ab" * 32],
    "SSHFP": ["1 1 " + "ab" * 20], "LOC": ["51 30 12.748 N 0 7 39.612 W 0.00m"], "CERT": ["PKIX 1 RSASHA256 AAAA", "1 1 6 AQI="],
    "DNSKEY": ["256 3 13 " + "A" * 86 + "=="], "CDNSKEY": ["0 3 0 AA=="], "OPENPGPKEY": ["AQID"], "URI": ['10 1 "https://x/"'],
    "RRSIG": ["A 8 2 300 20300101000000 20200101000000 1 z. AAAA", "TYPE55 8 2 300 20300101000000 20200101000000 1 . AAAA"],
    "NSEC": ["{} A NS RRSIG", "{} HIP TYPE65300"], "NSEC3": ["1 0 10 abcd 2vptu5timamqttgl4luu9kg21e0aor3s A WKS"],
    "NSEC3PARAM": ["1 0 0 -"], "CSYNC": ["1 3 A NS TYPE300"], "ZONEMD": ["1 1 1 " + "ab" * 48], "EUI48": ["00-00-5e-00-53-2a"],
    "EUI64": ["00-00-5e-ef-10-00-00-2a"], "APL": ["1:192.168.32.0/21 !1:192.168.38.0/28"], "RT": ["1 {}"], "PX": ["1 {} {}"],
    "IPSECKEY": ["1 3 2 {} AAAA", "1 1 2 192.0.2.1 AAAA", "1 0 2 . AAAA"], "NSAP-PTR": ["{}"], "ISDN": ['"1"'], "LP": ["1 {}"],
    "DHCID": ["AAAA"], "AMTRELAY": ["1 0 3 {}", "1 1 1 192.0.2.1"], "GPOS": ["1.5 2 3"], "X25": ['"31133"'], "NID": ["1 0:0:0:1"],
    "HIP": ["2 200100107B1A74DF365639CC39F1D578 AAAA {}"], "TYPE65300": ["\\# 4 0a000001", "\\# 0"], "TYPE7": ["\\# 3 016100"],
    "WKS": ["192.0.2.1 6 25"], "TYPE259": ["\\# 1 00"], "KEY": ["256 3 8 AAAA"], "L32": ["1 192.0.2.1"], "TYPE40": ["\\# 3 010101"],
}  # fmt: skip

_odd_label = st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters='"();\\.@$'), min_size=1, max_size=6
)
_escaped_label = st.lists(
    st.one_of(st.sampled_from(["a", "Z", "-", "_", "\\.", "\\\\", "\\;", "\\(", "\\@", '\\"']), st.integers(0, 255).map("\\{:03d}".format)),
    min_size=1, max_size=4,
).map("".join)  # fmt: skip
label = st.one_of(st.sampled_from(["a", "b", "A", "www", "WWW", "*", "ns", "_x", "1"]), _odd_label, _escaped_label)
name = st.one_of(
    st.just("@"), label, st.lists(label, min_size=1, max_size=3).map(".".join), st.sampled_from(["x.Elsewhere.example.", "."])
)  # fmt: skip


@st.composite
def record_lines(draw: st.DrawFn) -> str:
    """One line: any owner, any type, RDATA that a person could write."""
    kind = draw(st.sampled_from(sorted(RDATA)))
    form = draw(st.sampled_from(RDATA[kind]))
    names = [draw(name) for _ in range(form.replace("{{", "").count("{}"))]
    ttl = draw(st.sampled_from(["", "", "60 ", "0 "]))
    return f"{draw(name)} {ttl}IN {kind} {form.format(*names)}"


zones = st.lists(record_lines(), max_size=6).map(lambda lines: HEAD + "\n".join(lines) + "\n")


def mutated_records(rng: random.Random) -> str:
    """A zone with one record of any type whose octets were changed here and there, in the generic form (RFC 3597)."""
    kind = rng.choice(sorted(RDATA))
    form = rng.choice(RDATA[kind])
    try:
        found = dns.rdata.from_text("IN", kind, form.format("Host.x.", "b.")) if "#" not in form else None
    except (dns.exception.DNSException, ValueError):
        found = None
    octets = bytearray(found.to_wire() or b"" if found is not None else rng.randbytes(rng.randrange(6)))
    for _ in range(rng.choice([0, 0, 1, 1, 2, 3])):
        place = rng.randrange(len(octets) + 1)
        match rng.randrange(4):
            case 0 if place < len(octets):
                octets[place] = rng.choice([0, 1, 2, 3, 4, 6, 7, 8, 16, 32, 63, 64, 65, 127, 128, 192, 255])
            case 1:
                del octets[place:]
            case 2:
                octets += rng.randbytes(rng.randrange(1, 4))
            case _:
                octets[place:place] = bytes([rng.choice([0, 1, 2, 65, 97, 255])])
    number = int(dns.rdatatype.from_text(kind)) if rng.random() < 0.95 else rng.randrange(1, 65536)
    return f"{HEAD}t IN TYPE{number} \\# {len(octets)} {octets.hex()}\n"
