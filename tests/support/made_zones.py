"""Zones of every record type, with odd names and mutated octets, for property tests of the zone vocabulary."""

from __future__ import annotations

import random

import dns.exception
import dns.rdata
import dns.rdatatype
from hypothesis import strategies as st

from tests.support.rdata_forms import RDATA

HEAD = "$TTL 300\n@ IN SOA ns1.host.example. hostmaster 2026010101 1h 1h 2w 1d\n@ IN NS ns1.host.example.\n"

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
