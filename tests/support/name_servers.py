"""named, NSD and Knot, started on zone files in a temporary folder: what each really serves, by AXFR."""

from __future__ import annotations

import contextlib
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import dns.exception
import dns.message
import dns.rdata
import dns.rdatatype
import dns.wire
from bench.service import free_port

from directdnsonly.zone.name import ZoneName
from tests.support.programs import end, no_lock_file, require_program

PATIENCE_S = 120.0
PROGRAMS = ("named", "nsd", "knotd")


_READ_AS = {14: 17}  # MINFO, whose names are compressed, as RP: dnspython does not know it


class Served(NamedTuple):
    """One record as it came over the wire, names uncompressed, letters as they were sent."""

    owner: str
    type: int
    ttl: int
    rdata: bytes


def _served(answer: dns.wire.Parser) -> Served:
    owner = dns.name.from_wire_parser(answer, decompress=True).to_text()
    kind, _class, ttl, size = answer.get_struct("!HHIH")
    start = answer.current
    try:
        with answer.restrict_to(size):
            found = dns.rdata.from_wire_parser("IN", _READ_AS.get(kind, kind), answer)
        return Served(owner, kind, ttl, found.to_wire() or b"")
    except dns.exception.DNSException:  # dnspython is stricter than the name server: such types hold no compressed name
        answer.seek(start)
        return Served(owner, kind, ttl, answer.get_bytes(size))


@dataclass(frozen=True, slots=True, kw_only=True)
class NameServer:
    """One running name server."""

    program: str
    port: int
    log: Path

    def transfer(self, zone: str) -> list[Served] | None:
        """The records of a zone by AXFR, without the closing SOA; None when it is not served, or not to its end."""
        found: list[Served] = []
        query = dns.message.make_query(f"{zone}.", "AXFR").to_wire()
        with (
            socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S) as tcp,
            tcp.makefile("rb") as stream,
        ):
            tcp.sendall(struct.pack("!H", len(query)) + query)
            while True:
                if len(head := stream.read(2)) < 2:
                    return None
                (size,) = struct.unpack("!H", head)
                answer = dns.wire.Parser(stream.read(size))
                _, flags, questions, answers, _, _ = answer.get_struct("!6H")
                if flags & 15 or not answers:
                    return None
                for _ in range(questions):
                    dns.name.from_wire_parser(answer, decompress=True)
                    answer.get_bytes(4)
                found.extend(_served(answer) for _ in range(answers))
                if len(found) > 1 and found[-1].type == dns.rdatatype.SOA:
                    return found[:-1]

    def words_about(self, zone: str) -> str:
        """What its log says of a zone: for the message of a failing test."""
        return "\n".join(line for line in self.log.read_text(errors="replace").splitlines() if zone in line)


@contextlib.contextmanager
def name_server(program: str, zones: Mapping[str, str], folder: Path) -> Iterator[NameServer]:
    """A running named, nsd or knotd that has tried to load these zone texts, by zone name."""
    place = folder / program
    place.mkdir(parents=True, exist_ok=True)
    files: dict[str, Path] = {}
    for name, text in zones.items():
        files[name] = place / f"{ZoneName.parse(name).file_stem}.zone"
        files[name].write_text(text)
    server = NameServer(program=program, port=free_port(), log=place / "log")
    process = subprocess.Popen(
        COMMANDS[program](place, server.port, files), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait_until_loaded(process, server)
        yield server
    finally:
        with contextlib.suppress(subprocess.TimeoutExpired):  # then it was killed, which is as good here
            end(process, limit_s=30)


PROBE = "last.loaded.invalid"  # a zone that is always there, the last one of the configuration
_PROBE_TEXT = f"{PROBE}. 1 IN SOA a. b. 1 1 1 1 1\n{PROBE}. 1 IN NS a.\n"


def _wait_until_loaded(process: subprocess.Popen[bytes], server: NameServer) -> None:
    """Until the probe zone is served and the log says that the rest was tried."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        if process.poll() is not None:
            raise AssertionError(f"{server.program} ended: {server.log.read_text(errors='replace')[-2000:]}")
        with contextlib.suppress(OSError, struct.error):
            if server.transfer(PROBE) is not None and _has_tried_all(server):
                return
        time.sleep(0.05)
    raise AssertionError(f"{server.program} did not start: {server.log.read_text(errors='replace')[-2000:]}")


def _has_tried_all(server: NameServer) -> bool:
    """named logs it; nsd answers only then; knotd loads with one worker, in order of names, the probe among them."""
    words = {"named": "all zones loaded", "nsd": "", "knotd": "server started"}  # Knot 3.5 goes on with another word
    return words[server.program] in server.log.read_text(errors="replace")


def _probe(place: Path) -> Path:
    file = place / "probe.zone"
    file.write_text(_PROBE_TEXT)
    return file


def _named(place: Path, port: int, files: Mapping[str, Path]) -> list[str]:
    conf = place / "named.conf"
    all_files = {**files, PROBE: _probe(place)}
    lines = [
        f'zone "{name}" {{ type primary; file "{file}"; check-names ignore; }};' for name, file in all_files.items()
    ]
    head = (
        f'options {{ directory "{place}"; pid-file none; session-keyfile none; {no_lock_file()} recursion no; '
        f"listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; dnssec-validation no; empty-zones-enable no; "
        f"allow-transfer {{ any; }}; notify no; minimal-responses yes; OPTIONS }}; controls {{ }};\n"
        f'logging {{ channel f {{ file "{place}/log"; }}; category default {{ f; }}; }};\n'
    )
    limits = "max-records-per-type 0; max-types-per-name 0;"
    # 9.20 looks for more mistakes than 9.18, and refuses the zone: what an operator is told to switch off is off here.
    for options in (f"{limits} check-integrity no; check-svcb no;", limits, ""):  # a version takes what it knows
        conf.write_text(head.replace("OPTIONS", options) + "\n".join(lines) + "\n")
        if not subprocess.run(
            [require_program("named-checkconf"), str(conf)], capture_output=True, check=False, timeout=PATIENCE_S
        ).returncode:
            break
    return [require_program("named"), "-f", "-n", "1", "-c", str(conf)]


def _nsd(place: Path, port: int, files: Mapping[str, Path]) -> list[str]:
    zones = "\n".join(
        f'zone:\n name: "{name}"\n zonefile: "{file}"\n provide-xfr: 127.0.0.1 NOKEY'
        for name, file in {**files, PROBE: _probe(place)}.items()
    )
    conf = place / "nsd.conf"
    conf.write_text(
        f'server:\n ip-address: 127.0.0.1@{port}\n port: {port}\n do-ip6: no\n server-count: 1\n username: ""\n'
        f' zonesdir: "{place}"\n database: ""\n xfrdfile: ""\n zonelistfile: "{place}/zone.list"\n xfrdir: "{place}"\n'
        f' pidfile: ""\n logfile: "{place}/log"\nremote-control:\n control-enable: no\n{zones}\n'
    )
    return [require_program("nsd"), "-d", "-c", str(conf)]


def _knotd(place: Path, port: int, files: Mapping[str, Path]) -> list[str]:
    zones = "\n".join(
        f' - domain: "{name}"\n   file: "{file}"' for name, file in {**files, PROBE: _probe(place)}.items()
    )
    conf = place / "knot.conf"
    conf.write_text(
        f"server:\n rundir: {place}\n listen: 127.0.0.1@{port}\n udp-workers: 1\n tcp-workers: 1\n background-workers: 1\n"
        f"control:\n listen: {place}/knot.sock\nlog:\n - target: {place}/log\n   any: info\n"
        f"database:\n storage: {place}/db\nacl:\n - id: xfr\n   address: 127.0.0.1\n   action: transfer\n"
        f"template:\n - id: default\n   storage: {place}\n   zonefile-load: whole\n   zonefile-sync: -1\n"
        f"   journal-content: none\n   acl: xfr\nzone:\n{zones}\n"
    )
    return [require_program("knotd"), "-c", str(conf)]


COMMANDS: Mapping[str, Callable[[Path, int, Mapping[str, Path]], list[str]]] = {
    "named": _named,
    "nsd": _nsd,
    "knotd": _knotd,
}
