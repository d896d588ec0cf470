r"""What PowerDNS is told is what it answers, by its API and by its tables: odd RDATA, odd names, types of its own.

Each line is a zone of its own. It is served octet for octet, or refused with the reason; "proven" is never said of what is
answered otherwise. The same through a proxy that takes a level of backslashes away, as the API of PowerDNS 5.1 does.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import replace

import dns.asyncquery
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import pytest

from directdnsonly.backends.contract import Backend, OutcomeKind, ZoneChange
from directdnsonly.verify.compare import Finding
from directdnsonly.zone.records import difference
from directdnsonly.zone.text import records_of
from tests.support.powerdns import RIGS
from tests.support.programs import powerdns_version
from tests.support.rig import Rig, RigKind
from tests.support.stripping_powerdns import STRIPS_ITSELF, Stripping, api_port, stripped, stripping, through

HTTP, MYSQL = RIGS
HEX = "d2abde240d7cd3ee6b4b28c54df034b97983a1d16e8a410e4561cb106618e971"
HIP = (
    "200100107B1A74DF365639CC39F1D578 AwEAAbdxyhNuSutc5EMzxTs9LBPCIkOFH8cIvM4p9+LrV4e19WzK00+CI6zBCQTdtWsuxKbWIy87UOoJ"
)

SERVED = [
    # IPv6 addresses whose text has dots
    "x AAAA 0:0:0:0:0:FFFF:C000:0201", "x AAAA ::192.0.2.1", "x AAAA ::1:2", "x AAAA ::1", "x AAAA ::ffff:0.0.1.2",
    # keys above 6
    "x SVCB 1 dns alpn=h2 dohpath=/dns-query{?dns}", "x SVCB 1 dns alpn=h2 ohttp", "x HTTPS 1 . key65333=abc",
    r'x HTTPS 1 . key65333="a\"b\\c d"', r'x HTTPS 1 . key667="hello\210qoo"', 'x HTTPS 1 . key9 key10=""',
    'x SVCB 1 dns alpn=h2 key32768="x" mandatory=key32768', "x HTTPS 1 . mandatory=alpn alpn=h2 no-default-alpn port=443",
    # escapes in strings
    r'x TXT "say \"hello\""', r'x TXT "C:\\dir \195\188"', r'x TXT "a\001b\000c\200\255"', r'x TXT "\\\\" "\\"', r'x TXT "\\034" "\\092"',
    r'x TXT "\"" "a" "b\"c"', r'x TXT "ends\\"', r'x SPF "a\"b\\c"', r'x HINFO "a\"b" "c\\d"', r'x URI 10 1 "ftp://x.example/\"x"',
    r'x CAA 0 issue "ca.example; a=\"b\""', r'x CAA 0 issue "a\\b"', r'x SVCB 1 svc alpn="f\\\\oo\\,bar,h2"',
    r'x NAPTR 100 10 "u" "E2U+sip" "!^(\\+441632960083)$!sip:\\1@example.com!" .',
    # escapes in names within RDATA
    r"x CNAME a\.c", r"x CNAME a\@d.example.org.", r"x CNAME a\195\188b.example.org.", r"x CNAME a\\b.example.org.",
    r"x CNAME a\032b.example.org.", r"x PTR a\"b\;c.example.", r"x RP first\.last.example. .", r"x SVCB 1 a\.b alpn=h2",
    r"x DNAME a\.c", r"x KX 10 a\.c", r"x AFSDB 1 a\.c",
    # long RDATA, generic RDATA, types that are written by mnemonic
    f"x TLSA 3 0 0 {HEX * 3}", f"x SMIMEA 3 0 0 {HEX * 3}", f"x TYPE65300 \\# 96 {HEX * 3}", "x TYPE65534 \\# 0", f"x HIP 2 {HIP}",
    "x IPSECKEY 10 0 2 . AQNRU3mG", "x IPSECKEY 10 3 2 g.example. AQNRU3mG", "x IPSECKEY 10 2 2 2001:db8::1 AQNRU3mG",
    "x NID 10 0014:4fff:ff20:ee64", "x L32 10 10.1.2.0", "x LP 10 l64.example.", "x APL 1:192.168.32.0/21", "x RT 10 host.example.",
    "x TYPE261 \\# 5 0461626364", "x EUI48 00-00-5e-00-53-2a", "x LOC 52 22 23.000 N 4 53 32.000 E -2.00m 1m 10000m 10m",
]  # fmt: skip
# Owner names that PowerDNS answers for; its API takes none of them.
ODD_OWNERS = [
    r"a\.c A 192.0.2.2", r"a\@d A 192.0.2.2", r"a\032b A 192.0.2.2", r"a\\b A 192.0.2.2", r"a\:b A 192.0.2.2",
    r"x.y.a\.c A 192.0.2.2", r"*.a\@c TXT any",
]  # fmt: skip
UNANSWERED = [
    r"a\195\188b A 192.0.2.2", r"a\"b A 192.0.2.2", r"a\;b A 192.0.2.2", "a+b A 192.0.2.2", "a!b A 192.0.2.2", r"a\000b A 192.0.2.2",
    "a$b A 192.0.2.2", "a=b A 192.0.2.2", r"x.a\255b A 192.0.2.2",
]  # fmt: skip
INTERNAL = ["x TYPE65401 \\# 4 0a000001", "x TYPE65402 \\# 4 0a000001", "x IPSECKEY 10 1 0 192.0.2.1 AQNRU3mG"]
# A version that takes backslashes away reads a quote in a name as the begin of a string.
UNSPEAKABLE = {r"x PTR a\"b\;c.example.", r'x HTTPS 1 . key65333="a\"b\\c d"'}
# What 5.1 does not serve as it is: by its API refused, from its tables SERVFAIL, or another record.
VALUELESS = 'x HTTPS 1 . key9 key10=""'
NOT_IN_5_1 = {
    HTTP.name: UNSPEAKABLE | {VALUELESS},
    MYSQL.name: {"x SVCB 1 dns alpn=h2 ohttp", VALUELESS, "x TYPE261 \\# 5 0461626364"},
}


def not_served(kind: RigKind) -> set[str]:
    """Of SERVED, by this machine's version."""
    return NOT_IN_5_1[kind.name] if powerdns_version() >= STRIPS_ITSELF else set()


@pytest.fixture(params=RIGS, ids=[kind.name for kind in RIGS])
async def rig(request, tmp_path) -> AsyncIterator[Rig]:
    async with request.param.open(tmp_path) as (backend, daemon):
        made = Rig(request.param, backend, daemon)
        yield made
        made.close()


def zones(rig: Rig, lines: list[str], serial: int = 1) -> list[ZoneChange]:
    made = []
    for number, line in enumerate(lines):
        owner, rest = line.split(" ", 1)
        made.append(rig.put(f"z{number}.example", serial, f"{owner} 60 IN {rest}\n"))
    return made


async def answered(backend: Backend, change: ZoneChange) -> str:
    """What differs in the answers, RRset by RRset, read by nobody's code but dnspython; empty when nothing does."""
    (server, *_) = backend.servers
    wanted: dict[tuple[str, str], set[bytes]] = {}
    for record in records_of(change.text or ""):
        data = dns.rdata.from_text(dns.rdataclass.IN, record.type, record.rdata).to_wire()
        wanted.setdefault((record.owner, record.type), set()).add(data or b"")
    told = []
    for (owner, kind), octets in wanted.items():
        query = dns.message.make_query(dns.name.from_text(owner), kind, use_edns=0, payload=1232, flags=0)
        answer, _ = await dns.asyncquery.udp_with_fallback(query, server.host, port=server.port, timeout=10)
        found = {
            data.to_wire() for rrset in answer.answer if rrset.rdtype == dns.rdatatype.from_text(kind) for data in rrset
        }
        if found != octets:
            told.append(f"{owner} {kind}: {dns.rcode.to_text(answer.rcode())} {found}")
    return "; ".join(told)


async def wrong(rig: Rig, backend: Backend, lines: list[str]) -> list[str]:
    """Lines that are not taken, not answered as they are, not stored so, or not proven; each with what came instead."""
    changes = zones(rig, lines)
    outcomes = await backend.apply(changes)
    verdicts = await rig.verdicts(changes, patience_s=2, content=True)
    told = []
    for line, change, outcome, verdict in zip(lines, changes, outcomes, verdicts, strict=True):
        if outcome.kind is not OutcomeKind.APPLIED:
            told.append(f"{line}: {outcome.reason}")
        elif differs := await answered(backend, change):
            told.append(f"{line}: {differs}")
        elif verdict.finding is not Finding.PROVEN or difference(
            records_of(change.text or ""), await backend.stored(change.name) or ()
        ):
            told.append(f"{line}: {verdict.reason or 'stored otherwise'}")
    return told


async def test_odd_rdata_is_served_as_it_is(rig):
    """By the API in PowerDNS's own spelling, by the tables in the form that it reads; all but what its version cannot."""
    told = await wrong(rig, rig.backend, SERVED)

    assert not_served(rig.kind) == {line for line in SERVED if any(one.startswith(f"{line}: ") for one in told)}, told


async def test_proven_is_said_of_exactly_what_is_answered_as_it_is(rig):
    """By the usual proof, of serial and number: what may be read otherwise is asked. The rest is refused, or not proven."""
    changes = zones(rig, SERVED)

    outcomes = await rig.backend.apply(changes)

    verdicts = await rig.verdicts(changes, patience_s=2)
    proven = {
        line
        for line, outcome, verdict in zip(SERVED, outcomes, verdicts, strict=True)
        if outcome.kind is OutcomeKind.APPLIED and verdict.finding is Finding.PROVEN
    }
    assert set(SERVED) - not_served(rig.kind) == proven


async def test_odd_owners_are_served_or_refused_by_the_api_itself(rig):
    told = await wrong(rig, rig.backend, ODD_OWNERS)

    if rig.kind is MYSQL:
        assert [] == told
    else:
        assert len(ODD_OWNERS) == len([line for line in told if "contains unsupported characters" in line])


async def test_what_powerdns_never_answers_is_refused_before_the_good_version_is_replaced(rig):
    """Names with an octet that it takes for a malformed question, and numbers that it takes for types of its own."""
    lines = UNANSWERED + INTERNAL
    good = zones(rig, ["x A 192.0.2.1"] * len(lines))
    assert {OutcomeKind.APPLIED} == {outcome.kind for outcome in await rig.backend.apply(good)}

    outcomes = await rig.backend.apply(zones(rig, lines, serial=2))

    assert {OutcomeKind.REFUSED} == {outcome.kind for outcome in outcomes}
    assert all("SERVFAIL" in outcome.reason for outcome in outcomes[: len(UNANSWERED)])
    assert ["its own type ALIAS", "its own type LUA", "no key of algorithm 0"] == [
        next(
            word
            for word in ("its own type ALIAS", "its own type LUA", "no key of algorithm 0")
            if word in outcome.reason
        )
        for outcome in outcomes[len(UNANSWERED) :]
    ]
    assert {Finding.PROVEN} == {verdict.finding for verdict in await rig.verdicts(good, patience_s=60, content=True)}


async def test_a_batch_of_which_all_is_refused_is_no_outage(rig):
    """Each zone has its reason, and nothing is asked of the database."""
    outcomes = await rig.backend.apply(zones(rig, INTERNAL))

    assert [OutcomeKind.REFUSED] * len(INTERNAL) == [outcome.kind for outcome in outcomes]


async def test_an_answer_that_powerdns_makes_otherwise_is_not_proven(rig):
    """Serial and number are right, the TXT record is another: those RRsets are asked, whatever `verify` says."""
    change = rig.put("a.example", 1, r'x 60 IN TXT "C:\\dir"' + "\n")
    other = rig.put("a.example", 1, r'x 60 IN TXT "C:dir"' + "\n")
    await rig.apply(other)

    (verdict,) = await rig.verdicts([change], patience_s=0.1)

    assert Finding.ALTERED is verdict.finding
    assert "lacks x.a.example. 60 TXT" in verdict.reason


@pytest.fixture
async def through_proxy(tmp_path) -> AsyncIterator[Callable]:
    """A rig, and the same backend through a proxy that changes what is written."""
    async with AsyncExitStack() as stack:

        async def it(change: Callable[[str], str] = stripped) -> tuple[Rig, Backend, Stripping]:
            backend, daemon = await stack.enter_async_context(HTTP.open(tmp_path))
            made = Rig(HTTP, backend, daemon)
            stack.callback(made.close)
            proxy = await stack.enter_async_context(stripping(api_port(backend), change))
            behind = through(backend, proxy)
            stack.push_async_callback(behind.aclose)
            return made, behind, proxy

        yield it


async def test_a_powerdns_that_takes_backslashes_away_stores_what_was_meant(through_proxy):
    """New zones, then changed ones: all as with every other version, though it says yes to what it alters."""
    rig, behind, _ = await through_proxy()
    lines = [line for line in SERVED if line not in UNSPEAKABLE | not_served(HTTP)]

    assert [] == await wrong(rig, behind, lines)
    assert [] == await wrong(rig, behind, lines[::-1])  # each zone gets another content


async def test_a_powerdns_that_becomes_another_version_is_noticed(through_proxy):
    """It takes backslashes away, then no more, then again: each time the first zone that holds one is looked at."""
    rig, behind, proxy = await through_proxy()
    for serial, strips in enumerate([True, False, True], start=1):
        proxy.strips = strips
        change = rig.put("a.example", serial, f'x 60 IN TXT "{serial} C:\\\\dir" "say \\"hello\\""\n')

        assert [OutcomeKind.APPLIED] == [outcome.kind for outcome in await behind.apply([change])]

        assert "" == await answered(rig.backend, change)


async def test_a_powerdns_that_keeps_nothing_of_it_refuses_the_zone_with_the_difference(through_proxy):
    """Whatever is sent, it stores something else: told once, and not tried for ever."""
    rig, behind, proxy = await through_proxy(lambda content: content.replace("\\", ""))

    (outcome,) = await behind.apply([rig.put("a.example", 1, r'x 60 IN TXT "C:\\dir"' + "\n")])

    assert OutcomeKind.REFUSED is outcome.kind
    assert "PowerDNS reported success but stored something else: lacks x.a.example. 60 TXT" in outcome.reason
    assert len(proxy.writes) < 8


async def test_what_holds_no_backslash_is_not_read_back(through_proxy):
    """A plain change costs what it did: the zone is read once, and written once."""
    rig, behind, proxy = await through_proxy()
    first, second = (
        rig.put("a.example", serial, f'x 60 IN TXT "plain {serial}"\ny 60 IN TXT "C:\\\\dir"\n') for serial in (1, 2)
    )
    await behind.apply([first])
    proxy.read, proxy.writes = 0, []

    await behind.apply([replace(second, known=True)])

    assert (1, 1) == (proxy.read, len(proxy.writes))
