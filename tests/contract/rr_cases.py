"""The RR-type matrix: what goes in as DirectAdmin would push it, what is asked, and what must come out.

Each case is a zone of its own, so that a name server that cannot take one of them is told apart from the others.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from enum import StrEnum

HEAD = """\n\n$TTL 3600
@       IN      SOA     ns1.host.example.      hostmaster.host.example. (
                                                2026010100
                                                3600
                                                3600
                                                1209600
                                                86400 )

{zone}.\t3600\tIN\tNS\tns1.host.example.
{zone}.\t3600\tIN\tNS\tns2.host.example.

{zone}.\t3600\tIN\tA\t192.0.2.10
www\t3600\tIN\tA\t192.0.2.10
"""


class Want(StrEnum):
    """What the answer must be."""

    ANSWER = "answer"  # exactly these RDATA, this TTL, AA
    NXDOMAIN = "nxdomain"  # with AA and the SOA in the authority section
    NODATA = "nodata"  # NOERROR, AA, no answer, the SOA in the authority section
    REFERRAL = "referral"  # NOERROR, no AA, NS in the authority section, glue
    REFUSED = "refused"  # for a zone that is not served


@dataclass(frozen=True, kw_only=True)
class Case:
    """`lines` follow HEAD; `ask` is (owner relative to the zone, type); `rdata` in presentation format, absolute names."""

    name: str
    lines: str = ""
    ask: tuple[str, str]
    want: Want = Want.ANSWER
    rdata: tuple[str, ...] = ()
    ttl: int = 3600

    @property
    def zone(self) -> str:
        """The zone of this case."""
        return "".join(c if c.isalnum() else "-" for c in self.name.lower()).strip("-") + ".case.example"


def _blob(octets: int) -> bytes:
    return b"".join(hashlib.sha256(bytes([number])).digest() for number in range(octets // 32 + 1))[:octets]


def _b64(octets: int) -> str:
    return base64.b64encode(_blob(octets)).decode()


def _dkim(octets: int) -> tuple[str, str]:
    """As DirectAdmin writes a long key: parentheses, strings on lines of their own; and the same on one line."""
    text = f"v=DKIM1; k=rsa; p={_b64(octets)}"
    parts = [text[start : start + 200] for start in range(0, len(text), 200)]
    strings = [f'"{part}"' for part in parts]
    return "( " + "\n\t\t\t\t\t".join(strings) + " )", " ".join(strings)


def _same(name: str, kind: str, *rdata: str, owner: str = "x", ttl: int = 3600, out: tuple[str, ...] = ()) -> Case:
    lines = "".join(f"{owner}\t{ttl}\tIN\t{kind}\t{data}\n" for data in rdata)
    return Case(name=name, lines=lines, ask=(owner, kind), rdata=out or rdata, ttl=ttl)


DKIM_2048, DKIM_4096 = _dkim(294), _dkim(550)
SIGNATURE = f"A 13 4 3600 20300101000000 20260101000000 12345 signed.case.example. {_b64(64)}"

CASES = [
    Case(
        name="SOA", ask=("@", "SOA"),
        rdata=("ns1.host.example. hostmaster.host.example. 2026010100 3600 3600 1209600 86400",),
    ),
    Case(name="NS", ask=("@", "NS"), rdata=("ns1.host.example.", "ns2.host.example.")),
    Case(name="A", ask=("www", "A"), rdata=("192.0.2.10",)),
    _same("AAAA", "AAAA", "2001:db8:8100:400:0:0:0:5bd", out=("2001:db8:8100:400::5bd",)),
    Case(
        name="MX relative", lines="{zone}.\t3600\tIN\tMX\t10 mail\nmail\t3600\tIN\tA\t192.0.2.1\n",
        ask=("@", "MX"), rdata=("10 mail.{zone}.",),
    ),
    _same("TXT spf", "TXT", '"v=spf1 a mx ip4:192.0.2.10 ~all"'),
    _same("TXT quotes", "TXT", r'"say \"hello\""'),
    _same("TXT semicolon", "TXT", '"v=DMARC1; p=none; rua=mailto:a@b.example"'),
    _same("TXT backslash", "TXT", r'"C:\\dir \195\188"'),
    _same("TXT strings", "TXT", '"one" "two" "" "three"'),
    _same("DKIM 2048", "TXT", DKIM_2048[0], owner="x._domainkey", out=(DKIM_2048[1],)),
    _same("DKIM 4096", "TXT", DKIM_4096[0], owner="x._domainkey", out=(DKIM_4096[1],)),
    _same("CNAME", "CNAME", "www", out=("www.{zone}.",)),
    _same("CNAME to outside", "CNAME", "target.elsewhere.example."),
    _same("SRV", "SRV", "10 60 5060 sip.{zone}.", owner="_sip._tcp"),
    _same("CAA", "CAA", '0 issue "letsencrypt.org"', '0 iodef "mailto:a@b.example"'),
    _same("PTR", "PTR", "host.example."),
    _same("DS", "DS", f"12345 13 2 {hashlib.sha256(b'ds').hexdigest()}"),
    _same("TLSA", "TLSA", f"3 1 1 {hashlib.sha256(b'tlsa').hexdigest()}", owner="_443._tcp"),
    _same("NAPTR", "NAPTR", '100 10 "u" "E2U+sip" "!^.*$!sip:info@example.com!" .'),
    _same("SSHFP", "SSHFP", f"4 2 {hashlib.sha256(b'ssh').hexdigest()}"),
    _same("LOC", "LOC", "52 22 23.000 N 4 53 32.000 E -2.00m 1m 10000m 10m"),
    _same("HTTPS", "HTTPS", '1 . alpn="h2,h3" ipv4hint=192.0.2.1'),
    _same("SVCB", "SVCB", '1 svc.example. alpn="h2" port=8443', owner="_dns"),
    _same("SPF", "SPF", '"v=spf1 -all"'),
    _same("OPENPGPKEY", "OPENPGPKEY", _b64(120)),
    _same("HINFO", "HINFO", '"CPU" "OS"'),
    _same("RP", "RP", "admin.host.example. txt.host.example."),
    _same("TYPE65300", "TYPE65300", r"\# 4 0a000001"),
    _same("TTL 0", "A", "192.0.2.77", ttl=0),
    _same("TTL 5", "TXT", '"token"', owner="_acme-challenge", ttl=5),
    Case(
        name="wildcard one level", lines="*\t3600\tIN\tA\t192.0.2.50\n", ask=("anything", "A"), rdata=("192.0.2.50",),
    ),
    Case(name="wildcard two levels", lines="*\t3600\tIN\tA\t192.0.2.50\n", ask=("a.b", "A"), rdata=("192.0.2.50",)),
    Case(name="wildcard below", lines="*.sub\t3600\tIN\tA\t192.0.2.51\n", ask=("a.sub", "A"), rdata=("192.0.2.51",)),
    Case(
        name="wildcard not for existing", lines='*\t3600\tIN\tTXT\t"any"\n', ask=("www", "TXT"), want=Want.NODATA,
    ),
    Case(name="underscore host", lines="my_host\t3600\tIN\tA\t192.0.2.60\n", ask=("my_host", "A"), rdata=("192.0.2.60",)),
    Case(name="empty non-terminal", lines="a.b\t3600\tIN\tA\t192.0.2.61\n", ask=("b", "A"), want=Want.NODATA),
    Case(
        name="delegation with glue",
        lines="sub\t3600\tIN\tNS\tns.sub.{zone}.\nns.sub\t3600\tIN\tA\t192.0.2.62\n",
        ask=("host.sub", "A"), want=Want.REFERRAL, rdata=("ns.sub.{zone}.",),
    ),
    Case(name="NXDOMAIN", ask=("nothing", "A"), want=Want.NXDOMAIN),
    Case(name="NODATA", ask=("www", "AAAA"), want=Want.NODATA),
    Case(name="REFUSED elsewhere", ask=("not-served.invalid.", "A"), want=Want.REFUSED),
    _same("DNSKEY", "DNSKEY", f"257 3 13 {_b64(64)}", owner="@"),
    Case(
        name="signed", lines=f"x\t3600\tIN\tA\t192.0.2.1\nx\t3600\tIN\tRRSIG\t{SIGNATURE}\n", ask=("x", "RRSIG"),
        rdata=(SIGNATURE,),
    ),
    Case(
        name="NSEC", lines=f"x\t3600\tIN\tA\t192.0.2.1\nx\t3600\tIN\tRRSIG\t{SIGNATURE}\nx\t3600\tIN\tNSEC\t{{zone}}. A RRSIG NSEC\n",
        ask=("x", "NSEC"), rdata=("{zone}. A RRSIG NSEC",),
    ),
    Case(
        name="NSEC3PARAM", lines=f"@\t0\tIN\tNSEC3PARAM\t1 0 0 -\nx\t3600\tIN\tRRSIG\t{SIGNATURE}\nx\t3600\tIN\tA\t192.0.2.1\n",
        ask=("@", "NSEC3PARAM"), rdata=("1 0 0 -",), ttl=0,
    ),
]  # fmt: skip
