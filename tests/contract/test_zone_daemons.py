"""What we accept, every name server loads: our normal form against the real checkers of BIND, NSD and Knot."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from bench.load import zone_text
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from directdnsonly.errors import PushRefused
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.text import parse
from tests.support.programs import require_program

HEAD = "$TTL 300\n@ IN SOA ns1.host.example. hostmaster 2026010101 1h 1h 2w 1d\n@ IN NS ns1.host.example.\n"
RECORDS = {
    "addresses": "www IN A 192.0.2.1\nwww IN AAAA 2001:db8::1\nm IN AAAA ::ffff:192.0.2.1\n",
    "mail": "@ IN MX 10 mail\nmail IN A 192.0.2.1\n@ IN MX 20 1.2.3.4.\n",
    "text": '@ IN TXT "a;b" "q\\"q" "b\\\\s" "\\009"\n_dmarc IN TXT v=DMARC1\n' + f'k IN TXT "{"x" * 255}" "{"y" * 255}"\n',
    "underscores": "_sip._tcp IN SRV 1 2 5060 _host\n_host IN A 192.0.2.1\nhost_name IN A 192.0.2.2\n@ IN MX 5 _mail\n_mail IN A 192.0.2.3\n",
    "wildcards": "* IN A 192.0.2.1\n*.sub IN TXT x\n",
    "delegation": "sub IN NS ns.sub\nns.sub IN A 192.0.2.1\nother IN NS ns.elsewhere.example.\n",
    "sibling glue": "a IN NS ns.b\nb IN NS ns.b\nns.b IN A 192.0.2.1\n",
    "in-zone name server": "@ IN NS ns\nns IN A 192.0.2.1\n",
    "name server by wildcard": "@ IN NS ns.w\n*.w IN A 192.0.2.1\n",
    "certificates": '@ IN CAA 0 issue "ca.example"\n_443._tcp IN TLSA 3 1 1 ' + "ab" * 32 + "\n",
    "new types": '@ IN HTTPS 1 . alpn="h2"\n_dns IN SVCB 1 svc.example. port="853"\n',
    "old types": 'h IN HINFO cpu os\nr IN RP mbox txt\nl IN LOC 51 30 12.748 N 0 7 39.612 W 0.00m\ns IN SPF "v=spf1 -all"\n',
    "rare types": 'n IN NAPTR 1 1 "u" "sip" "!^.*$!sip:x@y!" .\nf IN SSHFP 1 1 ' + "ab" * 20 + "\nd IN DNAME else.example.\n",
    "unknown types": "t IN TYPE65300 \\# 4 0A000001\nu IN TYPE65301 \\# 0\n",
    "delegation signer": "sub IN NS ns.elsewhere.example.\nsub IN DS 1 8 2 " + "ab" * 32 + "\n",
    "keys": 'o IN OPENPGPKEY AQID\ne IN EUI48 00-00-5e-00-53-2a\nw IN URI 10 1 "https://x.example/"\n',
    "escapes": "a\\.b IN A 192.0.2.1\nx\\032y IN TXT z\n",
    "ttl": "z 0 IN A 192.0.2.1\nb 2147483647 IN A 192.0.2.1\n",
    "cname": "c IN CNAME www.elsewhere.example.\nd IN CNAME c\n",
    "reverse": "1 IN PTR host.example.\n",
}  # fmt: skip
CHECKERS: dict[str, Callable[[str, str, Path], list[str]]] = {
    "named-checkzone": lambda program, name, file: [program, "-k", "ignore", "-i", "local", name, str(file)],
    "nsd-checkzone": lambda program, name, file: [program, name, str(file)],
    "kzonecheck": lambda program, name, file: [program, "-o", f"{name}.", str(file)],
}


def why_not_loaded(checker: str, name: str, text: str, folder: Path) -> str:
    """The checker's words when it refuses our text; empty when it loads it."""
    file = folder / "zone"
    file.write_text(text)
    command = CHECKERS[checker](require_program(checker), name, file)
    done = subprocess.run(command, capture_output=True, check=False, timeout=20)
    return (done.stdout + done.stderr).decode(errors="replace") if done.returncode else ""


@pytest.mark.parametrize("checker", CHECKERS)
@pytest.mark.parametrize("kind", RECORDS)
def test_an_accepted_zone_is_loaded(kind, checker, tmp_path):
    """Each kind of record by each daemon."""
    zone = parse(HEAD + RECORDS[kind], ZoneName.parse("example.com"))

    assert "" == why_not_loaded(checker, "example.com", zone.text, tmp_path)


@pytest.mark.parametrize("checker", CHECKERS)
def test_directadmins_own_zone_is_loaded(checker, tmp_path):
    """As pushed in 2021."""
    zone = parse(zone_text("example.com", 2026010101), ZoneName.parse("example.com"))

    assert "" == why_not_loaded(checker, "example.com", zone.text, tmp_path)


lines = st.lists(
    st.builds(
        "{} IN {}".format,
        st.sampled_from(["@", "www", "*", "sub", "a.sub", "_x", "ns", "mail"]),
        st.sampled_from(["A 192.0.2.1", "NS ns", "NS ns.sub", "CNAME www", "MX 10 mail", "TXT x", "AAAA ::1", "DNAME x.example.", "NS mail"]),
    ),
    max_size=6,
)  # fmt: skip


@pytest.mark.parametrize("checker", CHECKERS)
@given(lines=lines)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_combination_we_accept_is_loaded(lines, checker, tmp_path):
    """The rules of validate.py are at least as strict as each daemon's."""
    try:
        zone = parse(HEAD + "\n".join(lines) + "\n", ZoneName.parse("example.com"))
    except PushRefused:
        return

    assert "" == why_not_loaded(checker, "example.com", zone.text, tmp_path)
