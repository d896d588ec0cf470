"""What one zone may cost: seconds and memory for the worst bodies that fit the limits, each in a process of its own."""

from __future__ import annotations

import base64
import contextlib
import os
import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from dns import rdatatype

from directdnsonly.errors import PushRefused
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.text import parse, records_of

BODY = 16 * 2**20
HEAD = b"$TTL 300\n@ IN SOA ns1.host.example. h 1 1 1 1 1\n@ IN NS ns1.host.example.\n"
PLAIN_HEAD = b"$TTL 300\n@ 300 IN SOA ns1.host.example. h ( 1 1 1 1 1 )\n@ 300 IN NS ns1.host.example.\n"  # the short way reads it
MOST_MIB = 200
# Processor time of the process alone, so a loaded machine does not count. Measured: 8 s at most (odd names), 3 s for
# 500,000 addresses; a defect (a quadratic step) would be minutes.
MOST_CPU_S = 30.0


def short_records(count: int) -> bytes:
    return HEAD + b"".join(b"h%d A 192.0.2.%d\n" % (number, number % 256) for number in range(count))


def filled(unit: bytes) -> bytes:
    return HEAD + unit * ((BODY - len(HEAD)) // len(unit))


BODIES = {
    "as many records as may be": lambda: short_records(499_000),
    "shortest records": lambda: HEAD + b"".join(b"%x A 1.1.1.1\n" % number for number in range(900_000))[: BODY - 200],
    "one owner": lambda: HEAD + b"w A 192.0.2.1\n" + b"".join(b" A 10.%d.%d.%d\n" % (a, b, c) for a in range(8) for b in range(256) for c in range(240)),
    "a line of 3 MB": lambda: HEAD + b"x TXT " + b"a " * 1_500_000,
    "one line": lambda: filled(b"a "),
    "one line of strings": lambda: HEAD + b"x TXT " + b'"a"' * 5_000_000,
    "line ends": lambda: filled(b"\n"),
    "blanks": lambda: PLAIN_HEAD + b" " * (BODY - 200) + b"x\n",
    "blanks after a name": lambda: PLAIN_HEAD + b"x" + b"\t" * (BODY - 200) + b"x\n",
    "comments": lambda: filled(b";\n"),
    "an open parenthesis": lambda: HEAD + b"x TXT (" + b"\n" * (BODY - 100),
    "parentheses": lambda: HEAD + b"x TXT " + b"()" * (BODY // 2 - 100),
    "strings of a letter": lambda: filled(b'x TXT "a" "b" "c" "d" "e" "f" "g" "h"\n'),
    "largest texts": lambda: HEAD + b"".join(b"t%d TXT %s\n" % (n, b" ".join([b"x" * 255] * 250)) for n in range(255)),
    "escapes": lambda: filled(b"x TXT " + rb"\001" * 255 + b"\n"),
    "odd names": lambda: HEAD + b"".join(rb"a\001%d CNAME b!c" % number + b"\n" for number in range(450_000)),
    "outside": lambda: filled(b"a.b. A 1.1.1.1\n"),
    "backslashes": lambda: filled(b"x TXT " + b"\\\\" * 200 + b"\n"),
    "numbers": lambda: HEAD + b"x " + b"9" * 400_000 + b" A 1.1.1.1\n",
    "times": lambda: HEAD + b"x " + b"1h" * 200_000 + b" A 1.1.1.1\n",
    "a deep name": lambda: HEAD + b"".join(b"a." * 100 + b"%d NS %s%d\n" % (n, b"b." * 50, n) for n in range(30_000)),
}  # fmt: skip


def memory_kib(field: str) -> int:
    return int(re.search(rf"{field}:\s+(\d+)", Path("/proc/self/status").read_text())[1])


def cost(body: str) -> None:
    """In the process of its own: what happened, and the memory that came on top of the interpreter and the body."""
    from directdnsonly.errors import PushRefused
    from directdnsonly.zone.name import ZoneName
    from directdnsonly.zone.text import parse

    octets = BODIES[body]()
    assert len(octets) <= BODY, len(octets)
    before_kib = memory_kib("VmRSS")
    with contextlib.suppress(
        OSError
    ):  # where it is not allowed the peak holds the body twice, and the bound is stricter
        Path("/proc/self/clear_refs").write_text("5")  # the peak so far is forgotten
    used = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    try:
        what = f"{parse(octets, ZoneName.parse('example.com')).records} records"
    except PushRefused as refusal:
        what = refusal.rule
    used = resource.getrusage(resource.RUSAGE_SELF).ru_utime - used
    peak_kib = memory_kib("VmHWM")
    print(f"{used} {(peak_kib - before_kib) / 1024} {what}")


ALWAYS = (
    "as many records as may be",
    "odd names",
    "a line of 3 MB",
    "one line",
    "one line of strings",
    "parentheses",
    "blanks",
    "blanks after a name",
    "a deep name",
)
TRIED = BODIES if float(os.environ.get("ZONE_FACTOR", "1")) > 1 else ALWAYS


@pytest.mark.parametrize("body", TRIED)
def test_the_worst_bodies_cost_seconds_and_less_than_200_mib(body):
    """16 MiB of whatever an owner of a credential can think of; all of it with ZONE_FACTOR=2."""
    done = subprocess.run(
        [sys.executable, __file__, body], capture_output=True, text=True, timeout=300, check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    used, mib, what = done.stdout.split(" ", 2)

    assert float(mib) < MOST_MIB, what
    assert float(used) < MOST_CPU_S, what


SMALL = 64_000  # octets: so much is read at once, while every other answer waits
MOST_SMALL_CPU_S = 3.0  # measured: 0.3 s at most; a quadratic step took 7 s
BEGUN = ("", "a", "a 1 IN TXT ", "a 1 IN TXT (", "a 1 IN AAAA 1", "a 1 IN SRV 1 1 1 ", "@ IN SOA a b ( 1")
REPEATED = (
    " ",
    "\r",
    "\t ",
    "a",
    "a ",
    "a.",
    '"',
    '""',
    '" ',
    "( \n",
    ";",
    "\\",
    "\xff",
    "\n ",
    "a 1 IN TXT (",
    '"a" ',
    "9 ",
)


@pytest.mark.parametrize("begun", BEGUN)
def test_a_small_zone_is_read_or_refused_in_time_whatever_repeats_in_it(begun: str) -> None:
    """A zone of blanks held up every answer of the service for seconds."""
    for repeated in REPEATED:
        for end in ("x\n", '"\n'):
            octets = PLAIN_HEAD + (begun + repeated * (SMALL // len(repeated)) + end).encode("latin-1")
            used = time.process_time()
            with contextlib.suppress(PushRefused):
                parse(octets, ZoneName.parse("example.com"))
            used = time.process_time() - used
            assert used < MOST_SMALL_CPU_S, (begun, repeated, end)


RARE = {
    "HTTPS": lambda n: f'1 . alpn="h2,h3" ipv4hint=10.{n >> 16}.{n >> 8 & 255}.{n & 255}',
    "SVCB": lambda n: f"1 svc{n} alpn=h2 port={n % 65536}",
    "TLSA": lambda n: f"3 1 1 {n:064x}",
    "SMIMEA": lambda n: f"3 1 1 {n:064x}",
    "SSHFP": lambda n: f"4 2 {n:064x}",
    "DS": lambda n: f"1 13 2 {n:064x}",
    "CAA": lambda n: f'0 issue "ca{n}.example"',
    "URI": lambda n: f'10 1 "https://x.example/{n}"',
    "RRSIG": lambda n: f"A 13 2 300 20300101000000 20200101000000 {n % 65536} example.com. {n:086d}==",
    "NSEC": lambda n: f"h{n} A RRSIG NSEC",
    "NSEC3": lambda n: f"1 0 0 - {n:032d} A RRSIG",
    "TYPE65300": lambda n: f"\\# 4 {n:08x}",
    "NAPTR": lambda n: f'100 10 "u" "E2U+sip" "!^.*$!sip:{n}@example.com!" .',
    "NAPTR with a group": lambda n: f'100 10 "u" "E2U+sip" "!^\\\\+44(.*)$!sip:\\\\1@pbx{n}.example.com!" .',
    "DNSKEY": lambda n: f"257 3 13 {base64_of(n, 64)}",
    "CDNSKEY": lambda n: f"257 3 ECDSAP256SHA256 {base64_of(n, 64)}",
    "KEY": lambda n: f"256 3 13 {base64_of(n, 64)}",
    "CERT": lambda n: f"PGP {n % 65536} 8 {base64_of(n, 400)}",
    "OPENPGPKEY": lambda n: base64_of(n, 400),
    "CSYNC": lambda n: f"{n} 3 A NS AAAA",
    "LOC": lambda n: f"52 22 {n % 60}.{n % 1000:03d} N 4 53 32.000 E {n % 100}.00m 1m 10000m 10m",
    "HINFO": lambda n: f'"PC{n}" "Linux"',
    "EUI48": lambda n: f"00-00-5e-00-{n >> 8:02x}-{n & 255:02x}",
    "HIP": lambda n: f"2 {n:032x} {base64_of(n, 132)} rvs{n}",
    "IPSECKEY": lambda n: f"10 1 2 192.0.2.{n % 256} {base64_of(n, 64)}",
    "AMTRELAY": lambda n: f"10 0 3 relay{n}",
    "APL": lambda n: f"1:10.{n >> 8}.{n & 255}.0/24 !2:2001:db8:{n:x}::/48",
    "DHCID": lambda n: base64_of(n + 2**260, 35),
    "L32": lambda n: f"10 10.1.{n >> 8}.{n & 255}",
    "L64": lambda n: f"10 2001:0DB8:1140:{n:04x}",
    "LP": lambda n: f"10 l{n}",
    "RT": lambda n: f"10 rt{n}",
    "PX": lambda n: f"10 a{n} b{n}",
    "DSYNC": lambda n: f"CDS NOTIFY 5359 x{n}",
    "RESINFO": lambda n: f"qnamemin exterr=15-17 infourl=https://x/{n}",
    "WALLET": lambda n: f'BTC "{n}"',
    "GPOS": lambda n: f"-32.{n} 116.8652 10.0",
}


def base64_of(number: int, octets: int) -> str:
    return base64.b64encode(number.to_bytes(octets, "big")).decode("ascii")


USUAL = {
    "A": lambda n: f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}",
    "AAAA": lambda n: f"2001:db8::{n:x}",
    "TXT": lambda n: f'"v=spf1 include:{n}.example -all"',
    "SRV": lambda n: f"1 2 {n % 65536} h{n}",
}
COUNTED = 4_000
# Of processor time, of 4,000 records each, the least of three tries. Measured: 3.0 at most (RRSIG, a NAPTR with a group), 2.5
# for a CERT of 400 octets; by dnspython 4 to 25.
MOST_TIMES = 3.0
MOST_TIMES_GENERIC = 4.5  # measured: 4.4 for a HIP of 300 octets in hexadecimal, 2.5 for the others
MARGIN = 1.5  # a machine under load


def seconds(kind: str, rdata: Callable[[int], str]) -> float:
    """What so many records of a type cost, without TTL: then everything is read the long way."""
    text = HEAD + "".join(
        f"h{number} IN {kind.split(maxsplit=1)[0]} {rdata(number)}\n" for number in range(COUNTED)
    ).encode("ascii")
    tries = []
    for _ in range(3):
        used = time.process_time()
        assert COUNTED + 2 == parse(text, ZoneName.parse("example.com")).records
        tries.append(time.process_time() - used)
    return min(tries)


def test_a_record_of_a_rarer_type_costs_no_more_than_thrice_a_usual_one() -> None:
    """A zone of 200,000 HTTPS or NAPTR records took longer than a zone may take, where addresses took a second."""
    usual = sum(seconds(kind, rdata) for kind, rdata in USUAL.items()) / len(USUAL)

    times = {kind: seconds(kind, rdata) / usual for kind, rdata in RARE.items()}

    assert {} == {kind: found for kind, found in times.items() if found > MOST_TIMES * MARGIN}


WRITTEN_GENERIC = (
    "HIP",
    "IPSECKEY",
    "AMTRELAY",
    "APL",
    "DHCID",
    "L32",
    "L64",
    "LP",
    "RT",
    "PX",
    "DSYNC",
    "RESINFO",
    "WALLET",
)


def test_a_record_that_we_wrote_in_the_generic_form_costs_little_more() -> None:
    """It is read again from the store; by dnspython a HIP cost thirty times a usual record then."""
    usual = sum(seconds(kind, rdata) for kind, rdata in USUAL.items()) / len(USUAL)

    times = {kind: seconds(f"TYPE{rdatatype.from_text(kind)}", as_written(kind)) / usual for kind in WRITTEN_GENERIC}

    assert {} == {kind: found for kind, found in times.items() if found > MOST_TIMES_GENERIC * MARGIN}


def as_written(kind: str) -> Callable[[int], str]:
    """RDATA of the numbered record as it stands in our text of a zone."""
    text = HEAD + "".join(f"h{number} IN {kind} {RARE[kind](number)}\n" for number in range(COUNTED)).encode("ascii")
    ours = {record.owner: record.rdata for record in records_of(parse(text, ZoneName.parse("example.com")).text)}
    return lambda number: ours[f"h{number}.example.com."]


if __name__ == "__main__":
    cost(sys.argv[1])
