"""Every RR type in as DirectAdmin pushes it, out by DNS, RDATA byte-equal; and the answers that are none.

The results are the table in docs/rr-types.md: what a run finds must be what docs/rr-types.json says. After a change that
is meant (a new backend, a newer name server), `make matrix` writes them anew.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import dns.asyncquery
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype

from directdnsonly.backends.contract import Outcome, OutcomeKind
from tests.contract.kinds import KINDS
from tests.contract.rr_cases import CASES, HEAD, Case, Want
from tests.support.rig import Rig

RESULTS = Path(__file__).parents[2] / "docs" / "rr-types.json"
RECORD = bool(os.environ.get("RECORD_MATRIX"))
SERVED = "served"


async def test_every_type_is_served_as_documented(matrix_rig):
    """What this name server answers for each case is what the table says, no more and no less."""
    changes = [matrix_rig.put_text(case.zone, (HEAD + case.lines).replace("{zone}", case.zone)) for case in CASES]
    outcomes = await matrix_rig.backend.apply(changes)
    await matrix_rig.verdicts([c for c, o in zip(changes, outcomes, strict=True) if o.kind is OutcomeKind.APPLIED])

    found = {case.name: await _result(matrix_rig, case, outcome) for case, outcome in zip(CASES, outcomes, strict=True)}

    if RECORD:
        _record(matrix_rig.kind.title, found)
    documented = json.loads(RESULTS.read_text()).get(matrix_rig.kind.title)
    assert documented == found, f"{matrix_rig.kind.title}: run `make matrix` if the change is meant"


def test_the_table_has_a_column_for_every_name_server():
    """Nothing is left in the table that no run shows."""
    assert {kind.title for kind in KINDS if kind.title} == set(json.loads(RESULTS.read_text()))


async def _result(rig: Rig, case: Case, outcome: Outcome) -> str:
    """`served`, or in few words what came instead."""
    if outcome.kind is not OutcomeKind.APPLIED:
        return f"zone {outcome.kind}"
    owner, kind = case.ask
    name = dns.name.from_text(case.zone if owner == "@" else owner if owner.endswith(".") else f"{owner}.{case.zone}")
    query = dns.message.make_query(name, kind, use_edns=0, payload=1232, flags=0)
    (server, *_) = rig.backend.servers
    answer, _ = await dns.asyncquery.udp_with_fallback(query, server.host, port=server.port, timeout=30)
    return _judge(case, answer)


def _judge(case: Case, answer: dns.message.Message) -> str:
    rcode = dns.rcode.to_text(answer.rcode())
    wanted = {Want.NXDOMAIN: "NXDOMAIN", Want.REFUSED: "REFUSED"}.get(case.want, "NOERROR")
    if rcode != wanted:
        return rcode
    if case.want is Want.REFUSED:
        return SERVED
    authoritative = bool(answer.flags & dns.flags.AA)
    if authoritative == (case.want is Want.REFERRAL):
        return "AA" if authoritative else "no AA"
    if case.want in {Want.NXDOMAIN, Want.NODATA}:
        if answer.answer:
            return "an answer"
        return SERVED if any(rrset.rdtype == dns.rdatatype.SOA for rrset in answer.authority) else "no SOA"
    section = answer.authority if case.want is Want.REFERRAL else answer.answer
    kind = dns.rdatatype.NS if case.want is Want.REFERRAL else dns.rdatatype.from_text(case.ask[1])
    rrset = next((rrset for rrset in section if rrset.rdtype == kind), None)
    if rrset is None:
        return "nothing"
    expected = {
        dns.rdata.from_text(dns.rdataclass.IN, kind, data.replace("{zone}", case.zone)).to_wire() for data in case.rdata
    }
    if {data.to_wire() for data in rrset} != expected:
        return "other RDATA"
    if rrset.ttl != case.ttl:
        return f"TTL {rrset.ttl}"
    if case.want is Want.REFERRAL and not any(glue.rdtype == dns.rdatatype.A for glue in answer.additional):
        return "no glue"
    return SERVED


def _record(title: str, found: dict[str, str]) -> None:
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    results[title] = found
    RESULTS.write_text(json.dumps(dict(sorted(results.items())), indent=1) + "\n")
