"""Whether two name servers answer the same: not the same records only, the same messages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import dns.asyncquery
import dns.flags
import dns.message
import dns.rcode

ADDRESS = "127.0.0.1"
KEY_2048, KEY_4096 = ("MIIBIjANBgkqhkiG9w0BAQEFAAOC" + "A" * 364, "MIICIjANBgkqhkiG9w0BAQEFAAOC" + "B" * 708)


def _strings(text: str) -> str:
    """As DirectAdmin writes a long TXT: strings of at most 255 octets."""
    return " ".join(f'"{text[start : start + 250]}"' for start in range(0, len(text), 250))


SPECIAL = "\n".join(
    (
        "*.wild\t60\tIN\tA\t192.0.2.50",
        f"k2048._domainkey\t60\tIN\tTXT\t{_strings('v=DKIM1; k=rsa; p=' + KEY_2048)}",
        f"k4096._domainkey\t60\tIN\tTXT\t{_strings('v=DKIM1; k=rsa; p=' + KEY_4096)}",
        "child\t60\tIN\tNS\tns.child",
        "ns.child\t60\tIN\tA\t192.0.2.53",
        "",
    )
)


@dataclass(frozen=True)
class Message:
    """What of an answer a resolver goes by."""

    rcode: str
    authoritative: bool
    answer: tuple[str, ...]
    authority: tuple[str, ...]
    additional: tuple[str, ...]


async def ask(name: str, kind: str, port: int) -> Message:
    """By UDP, by TCP when it is cut short."""
    query = dns.message.make_query(name, kind, flags=0, use_edns=0, payload=1232)
    reply, _ = await dns.asyncquery.udp_with_fallback(query, ADDRESS, timeout=60, port=port)
    return Message(
        rcode=dns.rcode.to_text(reply.rcode()),
        authoritative=bool(reply.flags & dns.flags.AA),
        answer=_lines(reply.answer),
        authority=_lines(reply.authority),
        additional=_lines(reply.additional),
    )


async def assert_same(zone: str, records: Iterable[tuple[str, str]], ports: tuple[int, int]) -> int:
    """Each name and type that is there, and what is not there, at both; the number of questions.

    What is right is asserted too: two that are wrong in the same way are not good.
    """
    questions = {*records, *((f"{label}.{zone}", kind) for label, kind, *_ in EXPECTED)}
    seen: dict[tuple[str, str], Message] = {}
    for name, kind in sorted(questions):
        first, second = [await ask(name, kind, port) for port in ports]
        assert first == second, f"{name} {kind}"
        seen[name, kind] = first
    for label, kind, rcode, authoritative, within, beside in EXPECTED:
        message = seen[f"{label}.{zone}", kind]
        assert (rcode, authoritative) == (message.rcode, message.authoritative), (label, kind)
        assert bool(within) == bool(message.answer), (label, kind)
        assert within in "\n".join(message.answer).replace('" "', ""), (label, kind)
        assert beside in "\n".join(message.authority), (label, kind)
    return len(questions)


async def assert_absent(zone: str, ports: tuple[int, int]) -> None:
    """A deleted zone is refused by both, and so is everything in it."""
    for name in (zone, f"www.{zone}"):
        for port in ports:
            message = await ask(name, "A", port)
            assert ("REFUSED", False, ()) == (message.rcode, message.authoritative, message.answer), name


# label, type, rcode, AA, in the answer, in the authority section
EXPECTED = (
    ("www", "A", "NOERROR", True, " IN A ", ""),
    ("nobody", "A", "NXDOMAIN", True, "", " IN SOA "),
    ("deep.nobody", "AAAA", "NXDOMAIN", True, "", " IN SOA "),
    ("www", "CAA", "NOERROR", True, "", " IN SOA "),
    ("any.wild", "A", "NOERROR", True, "192.0.2.50", ""),
    ("any.wild", "MX", "NOERROR", True, "", " IN SOA "),
    ("k2048._domainkey", "TXT", "NOERROR", True, KEY_2048, ""),
    ("k4096._domainkey", "TXT", "NOERROR", True, KEY_4096, ""),
    ("www.child", "A", "NOERROR", False, "", " IN NS "),
    ("child", "NS", "NOERROR", False, "", " IN NS "),
    ("autoconfig", "A", "NOERROR", True, " IN CNAME ", ""),
)


def _lines(section: Iterable[object]) -> tuple[str, ...]:
    return tuple(sorted(line for rrset in section for line in str(rrset).splitlines()))
