"""What CoreDNS answers, question by question: the table in docs/backends/coredns_mysql.md is made of this run.

A run must find what docs/coredns-answers.json says; after a meant change `make matrix` writes it anew.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import dns.asyncquery
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdatatype
import pytest

from directdnsonly.backends.contract import OutcomeKind
from directdnsonly.verify.compare import Finding
from tests.support import coredns
from tests.support.rig import Rig

RESULTS = Path(__file__).parents[2] / "docs" / "coredns-answers.json"
KINDS = [kind for kind in coredns.RIGS if kind.title]
HEAD = "@ 3600 IN SOA ns1.host.example. h.host.example. 1 3600 600 86400 60\n@ 3600 IN NS ns1.host.example.\n"
MAIN = (
    HEAD
    + """@ A 192.0.2.1
@ MX 10 mail
mail A 192.0.2.2
www A 192.0.2.3
www TXT "text"
one CNAME www
two CNAME one
far CNAME target.elsewhere.example.
across CNAME www.other.example.
* A 192.0.2.50
*.tail CNAME www
a.b A 192.0.2.4
sub NS ns.sub
ns.sub A 192.0.2.5
child NS ns1.host.example.
"""
    + "".join(f'long TXT "{n:03}{"x" * 200}"\n' for n in range(10))
)
ZONES = {
    "main.example": MAIN,
    "plain.example": HEAD + "www A 192.0.2.3\na.b A 192.0.2.4\n",
    "other.example": HEAD + "www A 192.0.2.6\n",
    "child.main.example": HEAD + "www A 192.0.2.7\n",
}
QUESTIONS = {
    "apex, SOA": ("main.example", "SOA"),
    "apex, NS": ("main.example", "NS"),
    "a host": ("www.main.example", "A"),
    "a host, in mixed case": ("wWw.MAIN.example", "A"),
    "MX, with the address in the additional section": ("main.example", "MX"),
    "name missing": ("no.plain.example", "A"),
    "name exists, other type": ("www.main.example", "AAAA"),
    "CAA of a host without one": ("www.plain.example", "CAA"),
    "empty non-terminal": ("b.plain.example", "A"),
    "empty non-terminal beside a wildcard": ("b.main.example", "A"),
    "zone that is not served": ("www.elsewhere.example", "A"),
    "CNAME, one step": ("one.main.example", "A"),
    "CNAME, two steps": ("two.main.example", "A"),
    "CNAME to another of our zones": ("across.main.example", "A"),
    "CNAME to outside": ("far.main.example", "A"),
    "CNAME itself": ("one.main.example", "CNAME"),
    "wildcard, one label": ("x.main.example", "A"),
    "wildcard, two labels": ("x.y.main.example", "A"),
    "wildcard further down, CNAME": ("x.tail.main.example", "A"),
    "wildcard, other type": ("x.main.example", "TXT"),
    "host below a delegation": ("host.sub.main.example", "A"),
    "NS of a delegation": ("sub.main.example", "NS"),
    "host in a child zone that is served too": ("www.child.main.example", "A"),
    "DS of that child zone": ("child.main.example", "DS"),
    "ANY": ("www.main.example", "ANY"),
    "answer too long for UDP": ("long.main.example", "TXT"),
}


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
async def rig(request, tmp_path):
    async with request.param.open(tmp_path) as (backend, daemon):
        rig = Rig(request.param, backend, daemon)
        yield rig
        rig.close()


async def test_coredns_answers_as_documented(rig):
    """Rcode, flags and sections of each; then transfer, NOTIFY, and a change, an addition and a deletion."""
    changes = [rig.put_text(name, text) for name, text in ZONES.items()]
    assert {OutcomeKind.APPLIED} == set(await rig.apply(*changes))
    assert {Finding.PROVEN} == {verdict.finding for verdict in await rig.verdicts(changes, content=True)}

    found = {case: await asked(rig, *question) for case, question in QUESTIONS.items()}
    found["the same by TCP"] = await asked(rig, *QUESTIONS["answer too long for UDP"], tcp=True)
    found["NOTIFY"] = await notified(rig)

    if os.environ.get("RECORD_MATRIX"):
        results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
        RESULTS.write_text(json.dumps(results | {rig.kind.title: found}, indent=1, sort_keys=False) + "\n")
    documented = json.loads(RESULTS.read_text())[rig.kind.title]
    assert documented == found, "run `make matrix` if the change is meant"


async def asked(rig, name: str, kind: str, *, tcp: bool = False) -> str:
    """The answer in a few words."""
    (server, *_) = rig.backend.servers
    query = dns.message.make_query(name, kind, flags=0, use_edns=0, payload=1232)
    ask = dns.asyncquery.tcp if tcp else dns.asyncquery.udp
    return told(await ask(query, server.host, port=server.port, timeout=30))


async def notified(rig) -> str:
    (server, *_) = rig.backend.servers
    query = dns.message.make_query("main.example", "SOA", flags=0)
    query.set_opcode(dns.opcode.NOTIFY)
    try:
        return told(await dns.asyncquery.udp(query, server.host, port=server.port, timeout=3))
    except (TimeoutError, dns.exception.Timeout):
        return "no answer"


def told(answer: dns.message.Message) -> str:
    flags = [flag.name for flag in (dns.flags.AA, dns.flags.TC) if answer.flags & flag]
    parts = [" ".join([dns.rcode.to_text(answer.rcode()), *flags])]
    for title, section in (
        ("answer", answer.answer),
        ("authority", answer.authority),
        ("additional", answer.additional),
    ):
        kinds = [f"{len(rrset)} {dns.rdatatype.to_text(rrset.rdtype)}" for rrset in section]
        if kinds and not (answer.flags & dns.flags.TC):
            parts.append(f"{title}: {', '.join(kinds)}")
    return "; ".join(parts)
