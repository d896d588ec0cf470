"""What one zone may cost: seconds and memory for the worst bodies that fit the limits, each in a process of its own."""

from __future__ import annotations

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

from directdnsonly.errors import PushRefused
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.text import parse

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
TRIED = BODIES if int(os.environ.get("ZONE_FACTOR", "1")) > 1 else ALWAYS


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
}
USUAL = {
    "A": lambda n: f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}",
    "AAAA": lambda n: f"2001:db8::{n:x}",
    "TXT": lambda n: f'"v=spf1 include:{n}.example -all"',
    "SRV": lambda n: f"1 2 {n % 65536} h{n}",
}
COUNTED = 8_000
# Of processor time, of 8,000 records each, the least of three tries. Measured: 2.5 at most (HTTPS); by dnspython 10 to 25.
MOST_TIMES = 3.0
MARGIN = 1.5  # a machine under load


def seconds(kind: str, rdata: Callable[[int], str]) -> float:
    """What so many records of a type cost, without TTL: then everything is read the long way."""
    text = HEAD + "".join(f"h{number} IN {kind} {rdata(number)}\n" for number in range(COUNTED)).encode("ascii")
    tries = []
    for _ in range(3):
        used = time.process_time()
        assert COUNTED + 2 == parse(text, ZoneName.parse("example.com")).records
        tries.append(time.process_time() - used)
    return min(tries)


def test_a_record_of_a_rarer_type_costs_no_more_than_thrice_a_usual_one() -> None:
    """A zone of 200,000 HTTPS or TLSA records took longer than a zone may take, where addresses took a second."""
    usual = sum(seconds(kind, rdata) for kind, rdata in USUAL.items()) / len(USUAL)

    times = {kind: seconds(kind, rdata) / usual for kind, rdata in RARE.items()}

    assert {} == {kind: found for kind, found in times.items() if found > MOST_TIMES * MARGIN}


if __name__ == "__main__":
    cost(sys.argv[1])
