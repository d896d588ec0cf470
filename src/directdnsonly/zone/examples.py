"""An example of each record type, with which the refusal of one ends. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import dns.rdatatype

from directdnsonly.wording import with_article

_LIKE_UNKNOWN: Final = "\\# 4 0a000001"
LIKE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "A": "192.0.2.1",
        "AAAA": "2001:db8::1",
        "AFSDB": "1 afs.example.com.",
        "AMTRELAY": "10 0 1 203.0.113.15",
        "APL": "1:192.0.2.0/24 !2:2001:db8::/32",
        "AVC": '"app-name:x"',
        "BRID": "CYJS... (base64)",
        "CAA": '0 issue "ca.example"',
        "CDNSKEY": "257 3 13 mdss... (base64)",
        "CDS": "12345 13 2 9f86... (hexadecimal)",
        "CERT": "PKIX 12345 8 MIIB... (base64)",
        "CNAME": "www.example.com.",
        "CSYNC": "66 3 A NS AAAA",
        "DHCID": "AAIB... (base64)",
        "DNAME": "example.net.",
        "DNSKEY": "257 3 13 mdss... (base64)",
        "DS": "12345 13 2 9f86... (hexadecimal)",
        "DSYNC": "CDS NOTIFY 53 scanner.example.com.",
        "EUI48": "00-00-5e-00-53-2a",
        "EUI64": "00-00-5e-ef-10-00-00-2a",
        "GPOS": "-32.6882 116.8652 10.0",
        "HHIT": "gwpp... (base64)",
        "HINFO": '"PC" "Linux"',
        "HIP": "2 2001... (hexadecimal) AwEA... (base64) rendezvous.example.com.",
        "HTTPS": '1 . alpn="h2" port=8443',
        "IPSECKEY": "10 1 2 192.0.2.38 AQNR... (base64)",
        "ISDN": '"150862028003217" "004"',
        "KEY": "256 3 8 AwEA... (base64)",
        "KX": "10 kx.example.com.",
        "L32": "10 10.1.2.0",
        "L64": "10 2001:0db8:1140:1000",
        "LOC": "52 22 23.000 N 4 53 32.000 E -2.00m 1m 10000m 10m",
        "LP": "10 l64.example.com.",
        "MINFO": "admin.example.com. errors.example.com.",
        "MX": "10 mail.example.com.",
        "NAPTR": '100 10 "u" "E2U+sip" "!^.*$!sip:info@example.com!" .',
        "NID": "10 0014:4fff:ff20:ee64",
        "NINFO": '"text"',
        "NS": "ns1.example.com.",
        "NSAP": "0x47.0005.80.005a00",
        "NSEC": "next.example.com. A RRSIG NSEC",
        "NSEC3": "1 0 0 - 2t7b4g4vsa5smi47k61mv5bv1a22bojr A RRSIG",
        "NSEC3PARAM": "1 0 0 -",
        "OPENPGPKEY": "mQCN... (base64)",
        "PTR": "host.example.com.",
        "PX": "10 net.example.com. x400.example.com.",
        "RESINFO": "qnamemin exterr=15-17",
        "RP": "admin.example.com. text.example.com.",
        "RRSIG": "A 13 2 3600 20300101000000 20260101000000 12345 example.com. mdss... (base64)",
        "RT": "10 relay.example.com.",
        "SMIMEA": "3 1 1 9f86... (hexadecimal)",
        "SOA": "ns1.example.com. hostmaster.example.com. 2026010100 3600 900 1209600 300",
        "SPF": '"v=spf1 -all"',
        "SRV": "10 5 5060 sip.example.com.",
        "SSHFP": "4 2 9f86... (hexadecimal)",
        "SVCB": '1 svc.example.com. alpn="h2" port=8443',
        "TLSA": "3 1 1 9f86... (hexadecimal)",
        "TXT": '"a text" "and more"',
        "URI": '10 1 "https://example.com/"',
        "WALLET": '"BTC" "1A1z..."',
        "ZONEMD": "2026010100 1 1 9f86... (hexadecimal)",
    }
)


def written_like(kind: str) -> str:
    """An example of a record of this type, to end a sentence with."""
    name = name_of(kind)
    return f"{with_article(name)} record is written like: {LIKE.get(name, _LIKE_UNKNOWN)}"


def name_of(kind: str) -> str:
    """The name of a type, if it has one, even where `mnemonic_of` writes TYPEnnn."""
    return dns.rdatatype.to_text(dns.rdatatype.from_text(kind)).replace("_", "-")
