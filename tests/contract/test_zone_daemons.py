"""What we accept, every name server loads, and serves as many records as we count; what we refuse, one of them refuses.

Against the real checkers and the real daemons of BIND, NSD and Knot. `ZONE_FACTOR=20` tries twenty times as much.
"""

from __future__ import annotations

import os
import random
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import dns.name
import dns.rdata
import dns.rdatatype
import dns.zone
import pytest
from bench.load import zone_text
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from directdnsonly.backends.bind.judging import options_of, version_of
from directdnsonly.errors import PushRefused
from directdnsonly.zone.model import Zone
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.naptr import is_substitution
from directdnsonly.zone.text import parse, records_of
from tests.support.made_zones import HEAD, mutated_records, zones
from tests.support.name_servers import PROGRAMS, name_server
from tests.support.octets import octets_of
from tests.support.programs import require_program

FACTOR = int(os.environ.get("ZONE_FACTOR", "1"))
NAME = ZoneName.parse("example.com")
RECORDS = {
    "addresses": "www IN A 192.0.2.1\nwww IN AAAA 2001:db8::1\nm IN AAAA ::ffff:192.0.2.1\n",
    "mail": "@ IN MX 10 mail\nmail IN A 192.0.2.1\n@ IN MX 20 1.2.3.4.\n",
    "text": '@ IN TXT "a;b" "q\\"q" "b\\\\s" "\\009"\n_dmarc IN TXT v=DMARC1\n' + f'k IN TXT "{"x" * 255}" "{"y" * 255}"\n',
    "underscores": "_sip._tcp IN SRV 1 2 5060 _host\n_host IN A 192.0.2.1\nhost_name IN A 192.0.2.2\n@ IN MX 5 _mail\n_mail IN A 192.0.2.3\n",
    "wildcards": "* IN A 192.0.2.1\n*.sub IN TXT x\n",
    "delegation": "sub IN NS ns.sub\nns.sub IN A 192.0.2.1\nother IN NS ns.elsewhere.example.\n",
    "sibling glue": "a IN NS ns.b\nb IN NS ns.b\nns.b IN A 192.0.2.1\n",
    "delegation without glue": "sub IN NS ns.sub\n",
    "delegation without address": "sub IN NS ns\nn2 IN NS a.b\nx.a.b IN A 192.0.2.1\n",
    "delegation to a CNAME": "sub IN NS ns\nns IN CNAME x.elsewhere.example.\n",
    "in-zone name server": "@ IN NS ns\nns IN A 192.0.2.1\n",
    "name server by wildcard": "@ IN NS ns.w\n*.w IN A 192.0.2.1\n",
    "certificates": '@ IN CAA 0 issue "ca.example"\n_443._tcp IN TLSA 3 1 1 ' + "ab" * 32 + "\n",
    "CAA tags that NSD cannot read": '@ IN CAA 0 ISSUE "ca.example"\n@ IN CAA 0 contactemailaddr "a@b"\n',
    "new types": '@ IN HTTPS 1 . alpn="h2"\n_dns IN SVCB 1 svc.example. port="853"\n',
    "keys that Knot cannot read": '@ IN HTTPS 1 . alpn=h2 key7="/q{?dns}"\na IN HTTPS 1 . key65000=x\n',
    "old types": 'h IN HINFO cpu os\nr IN RP mbox txt\nl IN LOC 51 30 12.748 N 0 7 39.612 W 0.00m\ns IN SPF "v=spf1 -all"\n',
    "rare types": 'n IN NAPTR 1 1 "u" "sip" "!^.*$!sip:x@y!" .\nf IN SSHFP 1 1 ' + "ab" * 20 + "\nd IN DNAME else.example.\n",
    "unknown types": "t IN TYPE65300 \\# 4 0A000001\nu IN TYPE65301 \\# 0\n",
    "delegation signer": "sub IN NS ns.elsewhere.example.\nsub IN DS 1 8 2 " + "ab" * 32 + "\n",
    "keys": 'o IN OPENPGPKEY AQID\ne IN EUI48 00-00-5e-00-53-2a\nw IN URI 10 1 "https://x.example/"\n',
    "certificate algorithms": "c IN CERT PKIX 1 RSASHA256 AAAA\nd IN CERT 1 2 6 AQI=\n",
    "escapes": "a\\.b IN A 192.0.2.1\nx\\032y IN TXT z\n\\$ORIGIN IN A 192.0.2.1\n\\@ IN CNAME a\\.b\n",
    "odd characters": "".join(f"a{c}b IN A 192.0.2.1\nc{c} IN CNAME a{c}b\nm{c} IN MX 1 {c}.x\n" for c in "!#%&'+,:<=>?[]^`{|}~"),
    "odd names of dnspython": 'a IN RP x!y z+z\nb IN NAPTR 1 1 "" "" "" q=q\nc IN HTTPS 1 s&s alpn=h2\nd IN TYPE39 \\# 3 013f00\n',
    "an escaped dot before the zone": "x\\.example.com. IN A 192.0.2.1\ny\\.z IN A 192.0.2.1\n",
    "bitmaps": "@ IN NSEC a A NS SOA HIP TYPE65300 HTTPS URI\n@ IN CSYNC 1 3 A NS HIP\n",
    "type 0": "a IN TYPE62 \\# 9 000000010003000180\nb IN NSEC \\# 6 016100000180\nc IN RRSIG \\# 20 000008020000012c70dbd88034c78700000100ab\n",
    "ttl": "z 0 IN A 192.0.2.1\nb 2147483647 IN A 192.0.2.1\n",
    "cname": "c IN CNAME www.elsewhere.example.\nd IN CNAME c\n",
    "wildcard DNAME": "*.a IN DNAME x.example.\n",
    "apex DNAME": "@ IN DNAME x.example.\n",
    "reverse": "1 IN PTR host.example.\n",
    "many": "".join(f"m IN A 10.0.{n // 200}.{n % 200}\n" for n in range(400)) + "".join(f"t IN TYPE{65290 + n} \\# 1 00\n" for n in range(120)),
}  # fmt: skip
# The same record twice for a name server, because only the letters of names differ.
DUPLICATES = {
    kind: f"{owner} IN {kind} {rdata.format('Host.Elsewhere.example.')}\n{owner.upper()} IN {kind} {rdata.format('host.elsewhere.EXAMPLE.')}\n"
    for kind, owner, rdata in [
        ("A", "t", "192.0.2.1"), ("TXT", "t", '"same"'), ("NS", "t", "{}"), ("CNAME", "t", "{}"), ("MX", "t", "10 {}"),
        ("PTR", "t", "{}"), ("SRV", "t", "1 2 3 {}"), ("DNAME", "t", "{}"), ("RP", "t", "{} a."),
        ("AFSDB", "t", "1 {}"), ("KX", "t", "1 {}"), ("NAPTR", "t", '1 2 "u" "x" "!A!b!" {}'), ("HTTPS", "t", "1 {} alpn=h2"),
        ("SVCB", "t", "1 {} key65000=A"), ("NSEC", "t", "{} A"), ("RT", "t", "1 {}"), ("PX", "t", "1 {} b."), ("MINFO", "t", "{} a."),
        ("LP", "t", "1 {}"), ("IPSECKEY", "t", "1 3 2 {} AAAA"), ("RRSIG", "t", "A 8 2 300 20300101000000 20200101000000 1 {} AAAA"),
        ("AMTRELAY", "t", "1 0 3 {}"), ("HIP", "t", "2 200100107B1A74DF365639CC39F1D578 AAAA x."),
    ]
}  # fmt: skip
DUPLICATES["RRSIG"] = (
    DUPLICATES["RRSIG"].replace("Host.Elsewhere.example.", "Example.").replace("host.elsewhere.EXAMPLE.", "example.")
)
DUPLICATES["SOA"] = "@ IN SOA NS1.host.example. Hostmaster 2026010101 1h 1h 2w 1d\n"
DUPLICATES["no duplicates"] = (
    't IN TXT "a"\nt IN TXT "A"\nt IN CAA 0 issue "a"\nt IN CAA 0 issue "A"\nt IN URI 1 1 "a"\nt IN URI 1 1 "A"\nt IN NAPTR 1 1 "" "" "!a!b!" .\nt IN NAPTR 1 1 "" "" "!A!b!" .\n'
)
REFUSED = {
    "DS at the apex": "@ 300 IN DS 1 8 2 " + "ab" * 32,
    "an unknown NSEC3 hash": "@ 300 IN NSEC3PARAM 2 0 0 -",
    "two NSEC3PARAM": "@ 300 IN NSEC3PARAM 1 0 0 -\n@ 300 IN NSEC3PARAM 1 0 1 -",
    "NSEC without types": "@ 300 IN NSEC a.x.",
    "a name between labels hides the wildcard": "@ 300 IN NS ns\n* 300 IN A 192.0.2.1\na.ns 300 IN TXT x",
    "an apex NS below a DNAME": "@ 300 IN NS ns.d\nd 300 IN DNAME x.",
    "an apex NS to a wildcard CNAME": "@ 300 IN NS a.b\n*.b 300 IN CNAME c.",
    "NS and DNAME": "d 300 IN NS x.\nd 300 IN DNAME y.",
    "a wildcard NS": "*.d 300 IN NS x.",
    "a wildcard NSEC3": "*.d 300 IN NSEC3 1 0 0 - 2vptu5timamqttgl4luu9kg21e0aor3s A",
    "KEY beside a CNAME": "d 300 IN TYPE25 \\# 5 0100030801\nd 300 IN CNAME x.",
    "NAPTR without delimiters": 'n 300 IN NAPTR 1 1 "u" "sip" "abc" .',
    "NAPTR with an open group": 'n 300 IN NAPTR 1 1 "u" "sip" "!(!x!" .',
    "NAPTR with a group too many": 'n 300 IN NAPTR 1 1 "u" "sip" "!a!\\\\1!" .',
    "mandatory without keys": "a 300 IN HTTPS \\# 7 00010000000000",
    "no-default-alpn alone": "a 300 IN HTTPS 1 . no-default-alpn",
    "a bad dohpath": "a 300 IN HTTPS \\# 11 000100000700042f617364",
    "RRSIG with too few labels": "t 300 IN RRSIG A 8 0 300 20300101000000 20200101000000 1 z. AAAA",
    "an empty key": "t 300 IN DNSKEY \\# 4 01000308",
    "IPSECKEY without a key": "t 300 IN TYPE45 \\# 3 010002",
    "an empty DHCID": "t 300 IN TYPE49 \\# 0",
    **{f"TYPE{number}": f"t 300 IN TYPE{number} \\# 1 ff" for number in (7, 8, 9, 11, 14, 19, 24, 25, 30, 34, 38, 57, 58, 259, 32768, 32769)},
    "TYPE40": "t 300 IN TYPE40 \\# 0",
    "MD": "t 300 IN TYPE3 \\# 1 00",
    "NXNAME": "t 300 IN TYPE128 \\# 1 00",
}  # fmt: skip
RAW_HEAD = "$ORIGIN {0}.\n$TTL 300\n@ IN SOA ns1.host.example. h 1 1 1 1 1\n@ IN NS ns1.host.example.\n"


def _as_bundled(program: str, name: str, file: Path) -> list[str]:
    """With the options that a bundled named of this version is given."""
    conf = file.with_name("conf")
    conf.write_text(
        f'options {{ {options_of(version_of(program))} }};\nzone "{name}" {{ type primary; file "{file}"; }};\n'
    )
    return [program, "-z", str(conf)]


CHECKERS: dict[str, Callable[[str, str, Path], list[str]]] = {
    "named-checkconf": _as_bundled,
    "nsd-checkzone": lambda program, name, file: [program, name, str(file)],
    "kzonecheck": lambda program, name, file: [program, "-o", f"{name}.", str(file)],
}


def why_not_loaded(checker: str, name: str, text: str, folder: Path) -> str:
    """The checker's words when its daemon would not load our text; empty when it would."""
    file = folder / "zone"
    file.write_text(text)
    command = CHECKERS[checker](require_program(checker), name, file)
    done = subprocess.run(command, capture_output=True, check=False, timeout=60)
    words = (done.stdout + done.stderr).decode(errors="replace")
    # knotd loads what kzonecheck only advises against (glue that is missing, DNSSEC that is incomplete).
    if checker == "kzonecheck" and "Error summary" in words and "Serious" not in words:
        return ""
    return words if done.returncode else ""


@pytest.fixture
def folder():
    """A folder that name servers may read whoever they become."""
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        yield Path(place)


def accepted(cases: dict[str, str]) -> dict[str, Zone]:
    """Each case as a zone of its own, by zone name."""
    return {
        f"z{number}.example": parse(HEAD + text.replace("example.com.", f"z{number}.example."), ZoneName.parse(f"z{number}.example"))
        for number, text in enumerate(cases.values())
    }  # fmt: skip


def as_wire(zone: Zone) -> set[tuple[dns.name.Name, int, int, bytes]]:
    """The records of our text as an independent reader understands them."""
    return {
        (dns.name.from_text(record.owner), int(dns.rdatatype.from_text(record.type)), record.ttl, octets_of(record))
        for record in records_of(zone.text)
    }


def differences(program: str, zones: dict[str, Zone], folder: Path) -> dict[str, str]:
    """For each zone that the program does not serve exactly as we wrote and counted it: what is wrong."""
    wrong = {}
    with name_server(program, {name: zone.text for name, zone in zones.items()}, folder) as server:
        for name, zone in zones.items():
            served = server.transfer(name)
            if served is None:
                wrong[name] = f"not served: {server.words_about(name)}\n{zone.text}"
            elif len(served) != zone.records:
                wrong[name] = f"{len(served)} records served, we count {zone.records}\n{zone.text}"
            elif {alike(dns.name.from_text(r.owner), r.type, r.ttl, r.rdata) for r in served} != {
                alike(*record) for record in as_wire(zone)
            }:
                wrong[name] = f"other records are served\n{served}\n{zone.text}"
    return wrong


def alike(owner: dns.name.Name, kind: int, ttl: int, rdata: bytes) -> tuple[dns.name.Name, int, int, bytes]:
    """NSD and Knot send names in small letters; Knot gives RRSIG the TTL that its RDATA names."""
    return owner, kind, 0 if kind == dns.rdatatype.RRSIG else ttl, rdata.lower()


@pytest.mark.parametrize("checker", CHECKERS)
@pytest.mark.parametrize("kind", RECORDS)
def test_an_accepted_zone_is_loaded(kind, checker, tmp_path):
    """Each kind of record by each checker."""
    zone = parse(HEAD + RECORDS[kind], NAME)

    assert "" == why_not_loaded(checker, "example.com", zone.text, tmp_path)


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_name_server_serves_exactly_what_we_wrote(program, folder):
    """By AXFR: owner, type, TTL and octets of each record; so an escaped name is the same name for all of them."""
    require_program(program)

    assert {} == differences(program, accepted(RECORDS), folder)


@pytest.mark.parametrize("program", PROGRAMS)
def test_records_that_differ_in_the_letters_of_names_count_once(program, folder):
    """As many as an AXFR has, for each type with names: HTTPS, SVCB, NSEC and LP are merged by NSD alone, so by us."""
    require_program(program)

    zones_of = accepted(DUPLICATES)

    assert {3, 10, 2} == {zone.records for zone in zones_of.values()}
    assert {} == differences(program, zones_of, folder)


def test_whatever_we_refuse_a_name_server_refuses(folder):
    """No rule without a daemon behind it: a false refusal keeps a customer's zone stale."""
    texts = {
        f"z{number}.example": RAW_HEAD.format(f"z{number}.example") + text + "\n"
        for number, text in enumerate(REFUSED.values())
    }
    for name, text in texts.items():
        with pytest.raises(PushRefused):
            parse(text, ZoneName.parse(name))

    loaded = texts
    for program in PROGRAMS:  # knotd comes last, with what the others load: an obsolete type can make it hang
        require_program(program)
        with name_server(program, loaded, folder) as server:
            loaded = {name: text for name, text in loaded.items() if server.transfer(name) is not None}

    assert {} == loaded


@pytest.mark.parametrize(
    "text",
    [
        "@ IN SOA ns h 1 2 3 4 77\n@ IN NS x.\na IN A 192.0.2.1\nb 9 IN A 192.0.2.1\nc IN A 192.0.2.1\n",
        "@ 55 IN SOA ns h 1 2 3 4 77\n@ IN NS x.\na IN A 192.0.2.1\nb 9 IN A 192.0.2.1\nc IN A 192.0.2.1\n",
        "@ IN SOA ns h 1 2 3 4 77\n@ IN NS x.\n$TTL 5\na IN A 192.0.2.1\nb 9 IN A 192.0.2.1\nc IN A 192.0.2.1\n",
        "$TTL 1h\n@ IN SOA ns h 1 2 3 4 77\n@ IN NS x.\na IN 1d A 192.0.2.1\nb 1w2d IN A 192.0.2.1\nc IN A 192.0.2.1\n",
        "b 9 IN A 192.0.2.1\n@ IN SOA ns h 1 2 3 4 77\n@ IN NS x.\nc IN A 192.0.2.1\n",
        "@ 8 IN SOA ns h 1 2 3 4 77\n@ IN NS x.\nx.other. 99 IN A 192.0.2.1\nc IN A 192.0.2.1\n",
    ],
)
def test_a_ttl_that_is_not_written_is_the_one_named_takes(text, tmp_path):
    """Without $TTL: the SOA's minimum where the SOA has no TTL, else the last TTL that was written."""
    file, out = tmp_path / "zone", tmp_path / "out"
    file.write_text(text)
    subprocess.run(
        [require_program("named-checkzone"), "-i", "none", "-D", "-o", str(out), "example.com", str(file)],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip

    ours = {(r.owner, r.type): r.ttl for r in records_of(parse(text, NAME).text)}

    theirs = dns.zone.from_text(out.read_text(), origin="example.com.", relativize=False)
    assert {(str(n), dns.rdatatype.to_text(s.rdtype)): s.ttl for n, s in theirs.iterate_rdatasets()} == ours


@pytest.mark.parametrize("checker", CHECKERS)
def test_directadmins_own_zone_is_loaded(checker, tmp_path):
    """As pushed in 2021."""
    zone = parse(zone_text("example.com", 2026010101), NAME)

    assert "" == why_not_loaded(checker, "example.com", zone.text, tmp_path)


@pytest.mark.parametrize("nsec3", [[], ["-3", "abcd"]], ids=["NSEC", "NSEC3"])
def test_a_signed_zone_passes_untouched(nsec3, folder):
    """Octets, TTLs and serial of every record as dnssec-signzone wrote them, and named serves them so."""
    unsigned = folder / "zone"
    unsigned.write_text(
        HEAD.replace("2026010101", "7")
        + "www 60 IN A 192.0.2.1\nWWW 60 IN A 192.0.2.2\nsub IN NS ns.Elsewhere.example.\n"
        'a!b IN TXT "x"\n_443._tcp 5 IN TLSA 3 1 1 ' + "ab" * 32 + "\n@ IN HTTPS 1 . alpn=h2\n*.w IN MX 1 Mail\n"
    )
    for kind in (["-f", "KSK"], []):
        subprocess.run(
            [require_program("dnssec-keygen"), "-q", "-K", str(folder), "-a", "ECDSAP256SHA256", *kind, "example.com"],
            check=True, capture_output=True, timeout=60,
        )  # fmt: skip
    subprocess.run(
        [require_program("dnssec-signzone"), "-S", "-K", str(folder), "-d", str(folder), *nsec3, "-o", "example.com", str(unsigned)],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    text = (folder / "zone.signed").read_text()

    zone = parse(text, NAME)

    theirs = dns.zone.from_text(text, origin="example.com.", relativize=False)
    assert zone.signed
    assert 7 == zone.serial
    assert as_wire(zone) == {
        (name, int(rdata.rdtype), rdataset.ttl, rdata.to_wire())
        for name, rdataset in theirs.iterate_rdatasets()
        for rdata in rdataset
    }
    assert {} == differences("named", {"example.com": zone}, folder)


lines = st.lists(
    st.builds(
        "{} IN {}".format,
        st.sampled_from(["@", "www", "*", "sub", "a.sub", "_x", "ns", "mail", "*.sub", "ns.sub", "x.ns"]),
        st.sampled_from(["A 192.0.2.1", "NS ns", "NS ns.sub", "CNAME www", "MX 10 mail", "TXT x", "AAAA ::1", "DNAME x.example.", "NS mail", "DS 1 8 2 " + "ab" * 32]),
    ),
    max_size=6,
)  # fmt: skip


@pytest.mark.parametrize("checker", CHECKERS)
@given(lines=lines)
@settings(max_examples=60 * FACTOR, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_combination_we_accept_is_loaded(lines, checker, tmp_path):
    """The rules of validate.py are at least as strict as each daemon's."""
    try:
        zone = parse(HEAD + "\n".join(lines) + "\n", NAME)
    except PushRefused:
        return

    assert "" == why_not_loaded(checker, "example.com", zone.text, tmp_path)


@pytest.mark.parametrize("checker", CHECKERS)
@given(text=zones)
@settings(max_examples=80 * FACTOR, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_type_and_name_we_accept_is_loaded(text, checker, tmp_path):
    """Every type, odd names; and our form is a fixed point."""
    try:
        zone = parse(text, NAME)
    except PushRefused:
        return

    assert zone.text == parse(zone.text, NAME).text
    assert "" == why_not_loaded(checker, "example.com", zone.text, tmp_path)


@pytest.mark.parametrize("program", PROGRAMS)
def test_whatever_octets_we_accept_are_served(program, folder):
    """Hundreds of zones with mutated RDATA of every type, in one start of each daemon; by chance with a known seed."""
    require_program(program)
    rng = random.Random(os.environ.get("DADNS_ZONE_SEED", "1"))
    made: dict[str, Zone] = {}
    while len(made) < 400 * FACTOR:
        name = f"z{len(made)}.example"
        try:
            made[name] = parse(mutated_records(rng), ZoneName.parse(name))
        except PushRefused:
            continue

    assert {} == differences(program, made, folder)


def test_every_substitution_we_accept_named_accepts(tmp_path):
    """NAPTR's regexp field: named refuses the whole zone for a bad one."""
    rng = random.Random(os.environ.get("DADNS_ZONE_SEED", "1"))
    pieces = [
        "!",
        "a",
        "b",
        ".",
        "*",
        "+",
        "?",
        "^",
        "$",
        "(",
        ")",
        "[a-z]",
        "[^a]",
        "[",
        "]",
        "{1}",
        "{1,2}",
        "{3,2}",
        "|",
        "\\1",
        "\\2",
        "\\.",
        "\\\\",
        "i",
        "x",
        "-",
        "0",
        ",",
        "{",
        "}",
        "/",
    ]
    ends = ["!", "!i", "!!", "!!", "!b!", "!\\1!", "!\\\\!", "!x!i", "!!x", ""]
    made = ("!" + "".join(rng.choices(pieces, k=rng.randrange(7))) + rng.choice(ends) for _ in range(3000 * FACTOR))
    taken = [text for text in made if is_substitution(text.encode())]
    texts = [text.replace("\\", "\\\\") for text in taken]

    zone = parse(HEAD + "".join(f'n IN NAPTR 1 1 "u" "x" "{text}" .\n' for text in texts), NAME)

    assert 100 < len(taken)
    with name_server("named", {"example.com": zone.text}, tmp_path) as server:
        assert server.transfer("example.com") is not None, server.words_about("example.com")
