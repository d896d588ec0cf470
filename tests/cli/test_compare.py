"""`dadns compare` between real name servers: whatever differs is found and told, and what cannot be judged is never a difference."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import pytest
from bench.load import zone_text
from bench.service import free_port

from directdnsonly.clock import SystemClock
from directdnsonly.outbox.changes import NewVersion, Origin, Priority, Source
from directdnsonly.outbox.settings import OutboxSettings
from directdnsonly.outbox.sqlite.store import open_store
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.text import parse
from tests.support.made import H1, a_change_id
from tests.support.name_servers import PATIENCE_S, name_server
from tests.support.programs import end, require_program

CONFIG = "app: {{auth_password: x, listen_port: {port}}}\ndata_dir: data\ndns: {{backends: {{bind: {{type: bind}}}}}}\n"
LONG = "".join(f'long\t60\tIN\tTXT\t"{number:03d} {"x" * 200}"\n' for number in range(8))  # no datagram holds it


def zone(name: str, serial: int = 5, *, more: str = "", less: str = "") -> str:
    text = zone_text(name, serial).decode().lstrip()
    return (
        f"$ORIGIN {name}.\n"
        + "\n".join(line for line in text.splitlines() if not less or less not in line)
        + f"\n{more}"
    )


NAMES = ("same", "long", "ahead", "behind", "address", "ttl", "only", "gone", "new")
OLD = {name: zone(f"{name}.example", more=LONG if name == "long" else "") for name in NAMES if name != "new"}
NEW = {
    **OLD,
    "ahead": zone("ahead.example", 6),
    "behind": zone("behind.example", 4),
    "address": OLD["address"].replace("www\t3600\tIN\tA\t192.0.2.10", "www\t3600\tIN\tA\t192.0.2.11"),
    "ttl": OLD["ttl"].replace("\nmail\t3600", "\nmail\t60"),
    "only": zone("only.example", less="ftp"),
    "new": zone("new.example"),
}
del NEW["gone"]
FOUND = {
    "none.example": "missing at both",
    "gone.example": "missing at NEW",
    "address.example": "different",
    "only.example": "different",
    "ttl.example": "different",
    "behind.example": "older serial",
    "new.example": "missing at OLD",
    "ahead.example": "newer serial",
}
TOLD = """\
none.example: missing at both (OLD: answers REFUSED; NEW: answers REFUSED)
gone.example: missing at NEW (NEW: answers REFUSED)
address.example: different (serial 5 | 5)
  www.address.example. A: 3600 192.0.2.10 | 3600 192.0.2.11
only.example: different (serial 5 | 5, records 15 | 14)
  ftp.only.example. A: 3600 192.0.2.10 | -
ttl.example: different (serial 5 | 5)
  mail.ttl.example. A: 3600 192.0.2.10 | 60 192.0.2.10
behind.example: older serial (serial 5 | 4)
new.example: missing at OLD (OLD: answers REFUSED)
"""


def _zones(some: dict[str, str]) -> dict[str, str]:
    return {f"{name}.example": text for name, text in some.items()}


@pytest.fixture(scope="module")
def servers(tmp_path_factory) -> Iterator[tuple[str, str]]:
    """The addresses of a named with the old zones and an NSD with the new ones."""
    folder = tmp_path_factory.mktemp("servers")
    folder.chmod(0o755)
    with name_server("named", _zones(OLD), folder) as old, name_server("nsd", _zones(NEW), folder) as new:
        yield f"127.0.0.1:{old.port}", f"127.0.0.1#{new.port}"


@pytest.fixture
def names(tmp_path) -> Path:
    file = tmp_path / "names"
    file.write_text("".join(f"{name}.example\n" for name in (*NAMES, "none")))
    return file


def test_every_difference_is_told_with_both_values(dadns, servers, names):
    """The RRset, both TTLs and values; the zones that lack; the serials. What is only ahead is counted."""
    done = dadns("compare", *servers, "--zones", str(names))

    head, *lines = done.stdout.splitlines(keepends=True)
    assert (1, "") == (done.returncode, done.stderr)
    assert head.startswith("OLD is 127.0.0.1#")
    assert TOLD == "".join(lines[:-2])
    assert (
        ": 2 equal, 1 newer serial, 1 missing at OLD, 1 older serial, 3 different, 1 missing at NEW, 1 missing at both"
        in lines[-2]
    )


@pytest.mark.parametrize("transfer", ["auto", "never", "always"])
def test_questions_find_what_transfers_find(dadns, servers, names, transfer):
    """In JSON; an answer that no datagram holds is asked for by TCP."""
    done = dadns("compare", *servers, "--zones", str(names), "--transfer", transfer, "--json")

    told = json.loads(done.stdout)
    assert 1 == done.returncode
    assert FOUND == {one["zone"]: one["finding"] for one in told["zones"]}
    assert 2 == told["counts"]["equal"]
    assert ((0, 7) if transfer == "never" else (7, 0)) == (told["by_transfer"], told["by_sample"])
    (address,) = (one for one in told["zones"] if one["zone"] == "address.example")
    assert [("www.address.example.", "changed", ["192.0.2.10"], ["192.0.2.11"])] == [
        (each["owner"], each["kind"], each["old"], each["new"]) for each in address["differences"]
    ]


def test_serials_can_be_left_out(dadns, servers):
    """Ours may be ahead, and a server that is made anew behind."""
    both = ("compare", *servers, "--zone", "ahead.example", "--zone", "behind.example")

    assert (1, 0) == (dadns(*both).returncode, dadns(*both, "--ignore-serial").returncode)
    assert 0 == dadns(*both[:3], "--zone", "ahead.example").returncode


def test_zones_of_the_store_are_asked_for_with_their_names(dadns, tmp_path, servers):
    """Of a service that is stopped: what differs at a name that nobody would guess is found without a transfer."""
    (tmp_path / "config.yml").write_text(CONFIG.format(port=free_port()))
    _store(tmp_path, "same", "address", more="unguessed 60 IN A 192.0.2.1\n")

    done = dadns("compare", *servers, "--all", "--transfer", "never", "--json")

    told = json.loads(done.stdout)
    assert (1, {"address.example": "different"}) == (
        done.returncode,
        {one["zone"]: one["finding"] for one in told["zones"]},
    )
    assert (1, 2) == (told["counts"]["equal"], told["by_sample"])


def test_without_a_service_and_without_a_store_nothing_is_compared(dadns, tmp_path, servers):
    """Which is no success."""
    (tmp_path / "config.yml").write_text(CONFIG.format(port=free_port()))

    done = dadns("compare", *servers, "--all")

    assert (2, "") == (done.returncode, done.stdout)
    assert "no service answers, and its store cannot be read" in done.stderr


def _store(folder: Path, *names: str, more: str) -> None:
    import asyncio

    async def fill() -> None:
        async with open_store(
            folder / "data/queues", backends=["bind"], clock=SystemClock(), settings=OutboxSettings()
        ) as made:
            for name in names:
                origin = Origin(change_id=a_change_id(), source=Source.DIRECTADMIN, owner=H1)
                text = parse(OLD[name] + more, ZoneName.parse(f"{name}.example"))
                await made.recording.record_push(NewVersion(zone=text, origin=origin, priority=Priority.INTERACTIVE))

    asyncio.run(fill())


def test_a_silent_server_is_unknown_and_not_different(dadns, servers):
    """Exit code 2, and the reason."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as mute:
        mute.bind(("127.0.0.1", 0))
        done = dadns(
            "compare", servers[0], f"127.0.0.1:{mute.getsockname()[1]}", "--zone", "same.example", "--timeout", "0.2"
        )

    assert 2 == done.returncode
    assert "same.example: unknown (NEW: no answer in 0.2 s)" in done.stdout


def test_a_server_that_refuses_everything_is_unknown_too(dadns, servers, tmp_path):
    """It may know the zone and not us."""
    with _closed_named(tmp_path) as closed:
        done = dadns("compare", servers[0], closed, "--zone", "same.example", "--zone", "gone.example")

    assert 2 == done.returncode
    assert "same.example: unknown (NEW: answers REFUSED)" in done.stdout


@contextmanager
def _closed_named(folder: Path) -> Iterator[str]:
    """A named that serves nobody: of all its zones nothing is known."""
    with name_server("named", {}, folder) as server:
        yield f"127.0.0.1:{server.port}"


def test_ipv6(dadns, servers, tmp_path):
    """Over both transports."""
    with _on_ipv6(tmp_path, OLD["long"]) as port:
        told = dadns("compare", servers[0], f"[::1]:{port}", "--zone", "long.example", "--transfer", "never")
        whole = dadns("compare", servers[0], f"[::1]:{port}", "--zone", "long.example", "--transfer", "always")

    assert (0, 0) == (told.returncode, whole.returncode), told.stdout + whole.stdout
    assert f"NEW is ::1#{port};" in told.stdout


def test_where_one_allows_no_transfer_its_records_are_asked_for_by_the_names_of_the_other(dadns, servers, tmp_path):
    """So also a record is found that nobody would guess; and with `always` nothing is judged, with the reason."""
    with _on_ipv6(tmp_path, OLD["long"].replace('"003 x', '"333 x'), allowed="192.0.2.1") as port:
        told = dadns("compare", servers[0], f"[::1]:{port}", "--zone", "long.example")
        whole = dadns("compare", servers[0], f"[::1]:{port}", "--zone", "long.example", "--transfer", "always")

    assert (1, 2) == (told.returncode, whole.returncode)
    assert '  long.long.example. TXT: 60 "000 x' in told.stdout
    assert "0 zones by transfer, 1 by some of their records" in told.stdout
    assert "long.example: unknown (NEW: its transfer is answered REFUSED)" in whole.stdout


@contextmanager
def _on_ipv6(folder: Path, text: str, *, allowed: str = "::1") -> Iterator[int]:
    """The port of an NSD on ::1 that serves long.example."""
    port = free_port()
    (folder / "long.zone").write_text(text)
    (folder / "nsd.conf").write_text(
        f'server:\n ip-address: ::1\n port: {port}\n server-count: 1\n username: ""\n zonesdir: "{folder}"\n database: ""\n'
        f' xfrdfile: ""\n zonelistfile: "{folder}/zone.list"\n xfrdir: "{folder}"\n pidfile: ""\n logfile: "{folder}/log"\n'
        f"remote-control:\n control-enable: no\nzone:\n name: long.example\n zonefile: long.zone\n provide-xfr: {allowed} NOKEY\n"
    )
    process = subprocess.Popen([require_program("nsd"), "-d", "-c", str(folder / "nsd.conf")])
    try:
        question = dns.message.make_query("long.example.", "SOA")
        until = time.monotonic() + PATIENCE_S
        while not _answers(question, port):
            assert process.poll() is None
            assert time.monotonic() < until, (folder / "log").read_text()
            time.sleep(0.05)
        yield port
    finally:
        end(process, limit_s=30)


def _answers(question: dns.message.Message, port: int) -> bool:
    try:
        return bool(dns.query.udp(question, "::1", port=port, timeout=0.2).answer)
    except (OSError, dns.exception.Timeout):
        return False


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("127.0.0.1", "127.0.0.2"), "say which zones"),
        (("127.0.0.1", "127.0.0.2", "--all", "--zone", "a.example"), "say which zones"),
        (("127.0.0.1:0", "127.0.0.2", "--zone", "a.example"), "is no name server"),
        (("[::1", "127.0.0.2", "--zone", "a.example"), "is no name server"),
        (("127.0.0.1", "ns.invalid", "--zone", "a.example"), "leads to no address"),
        (("127.0.0.1", "127.0.0.1#53", "--zone", "a.example"), "are the same name server"),
        (("127.0.0.1:5300", "localhost:5300", "--zone", "a.example"), "are the same name server"),
        (("127.0.0.1", "127.0.0.2", "--zone", "a b.example"), "a b.example"),
        (("127.0.0.1", "127.0.0.2", "--zones", "nowhere"), "cannot be read"),
    ],
)
def test_slips_are_told(dadns, arguments, told):
    """With exit code 2, before anything is asked."""
    done = dadns("compare", *arguments)

    assert (2, True) == (done.returncode, told in done.stderr), done.stderr
