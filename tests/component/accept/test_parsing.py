"""Parsing beside the loop: what happens to a zone that breaks its parser, and to the zones behind it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from directdnsonly.accept.parsing import SMALL_OCTETS, ParserFailed, ZoneParser, _environment
from directdnsonly.errors import PushRefused, ZonePolicyError, ZoneSyntaxError
from directdnsonly.zone import text
from directdnsonly.zone.model import Zone
from directdnsonly.zone.name import ZoneName
from tests.support.parsers import obedient

NAME = ZoneName("a.example")
BIG = b"\n" + b"x" * 2000
CARELESS = """
import asyncio
from pathlib import Path
from directdnsonly.accept.parsing import ZoneParser
from directdnsonly.zone.name import ZoneName
from tests.support.parsers import obedient

with Path("{log}").open("a") as log:
    log.write("started ")


async def main():
    parser = ZoneParser(obedient, inline_limit_bytes=1000)
    print((await parser.parse(b"5\\n" + b" " * 2000, ZoneName("a.example"))).serial)
    await parser.aclose()


asyncio.run(main())
"""


@pytest.fixture
async def parser() -> AsyncIterator[ZoneParser]:
    """Texts from 1,000 octets on go to the process."""
    parser = ZoneParser(obedient, inline_limit_bytes=1000, time_limit_s=30.0)
    yield parser
    await parser.aclose()


async def pid_of(parser: ZoneParser, path: Path, tail: bytes = BIG) -> int:
    await parser.parse(f"pid {path}".encode() + tail, NAME)
    return int(path.read_text())


async def test_small_zones_are_parsed_here_and_big_ones_elsewhere(parser: ZoneParser, tmp_path: Path) -> None:
    here = await pid_of(parser, tmp_path / "small", b"\n")
    there = await pid_of(parser, tmp_path / "big")
    again = await pid_of(parser, tmp_path / "big")

    assert os.getpid() == here
    assert here != there
    assert there == again


async def test_the_zone_is_the_same_from_both(parser: ZoneParser) -> None:
    big = await parser.parse(b"42" + BIG, NAME)

    assert obedient(b"42" + BIG, NAME) == big
    assert isinstance(big.name, ZoneName)


async def test_the_same_octets_are_not_parsed_again(tmp_path: Path) -> None:
    """By name and every octet; what was refused, and what is larger, is looked at each time."""
    asked: list[tuple[int, str]] = []

    def counting(body: bytes, name: ZoneName) -> Zone:
        asked.append((len(body), name))
        return obedient(body, name)

    parser = ZoneParser(counting)
    large = b"44\n" + b" " * SMALL_OCTETS
    zones = [await parser.parse(body, NAME) for body in (b"42\n", b"42\n", b"43\n", large, large)]
    other = await parser.parse(b"42\n", ZoneName("b.example"))
    for _ in range(2):
        with pytest.raises(ZonePolicyError):
            await parser.parse(b"policy\n", NAME)

    assert zones[0] is zones[1]
    assert [42, 42, 43, 44, 44] == [zone.serial for zone in zones]
    assert "b.example" == other.name
    assert [3, 3, len(large), len(large), 3, 7, 7] == [size for size, _ in asked]


@pytest.mark.parametrize("tail", [b"\n", BIG], ids=["here", "elsewhere"])
async def test_refusals_keep_their_facts(parser: ZoneParser, tail: bytes) -> None:
    with pytest.raises(ZoneSyntaxError) as syntax:
        await parser.parse(b"syntax" + tail, NAME)
    with pytest.raises(ZonePolicyError) as policy:
        await parser.parse(b"policy" + tail, NAME)

    assert ("line 7: as told", "told", 7) == (str(syntax.value), syntax.value.rule, syntax.value.line)
    assert ("line 8: as told", "www", 8) == (policy.value.reason, policy.value.owner, policy.value.line)


@pytest.mark.parametrize("tail", [b"\n", BIG], ids=["here", "elsewhere"])
async def test_a_bug_in_the_parser_is_one_refusal(parser: ZoneParser, tail: bytes) -> None:
    with pytest.raises(
        ParserFailed,
        match=r"^the parser failed \(parsers\.py, line \d+\): this is a bug in DirectDNSOnly, please report it with the zone$",
    ):
        await parser.parse(b"bug" + tail, NAME)


async def test_a_crash_costs_one_push(parser: ZoneParser, tmp_path: Path) -> None:
    before = await pid_of(parser, tmp_path / "before")
    with pytest.raises(PushRefused, match="ended"):
        await parser.parse(b"crash" + BIG, NAME)

    assert before != await pid_of(parser, tmp_path / "after")


def test_the_process_is_no_second_copy_of_what_started_us(tmp_path: Path) -> None:
    """Whatever script that is: here one that calls its main function when it is imported, as a careless one does."""
    script = tmp_path / "dadns"
    script.write_text(CARELESS.format(log=tmp_path / "log"))
    done = subprocess.run(
        [sys.executable, script],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )

    assert (0, "5") == (done.returncode, done.stdout.strip()), done.stderr
    assert ["started"] == (tmp_path / "log").read_text().split()


def test_the_process_knows_no_secret_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DADNS_APP_AUTH_PASSWORD", "of-ours")

    assert "of-ours" not in _environment().values()
    assert os.environ["PATH"] == _environment()["PATH"]


async def test_a_process_killed_between_two_zones_is_replaced(parser: ZoneParser, tmp_path: Path) -> None:
    before = await pid_of(parser, tmp_path / "before")
    os.kill(before, 9)
    worker = parser._worker
    assert worker is not None
    assert worker._process is not None
    worker._process.wait(60)

    assert before != await pid_of(parser, tmp_path / "after")


async def test_a_zone_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    parser = ZoneParser(obedient, inline_limit_bytes=1000, time_limit_s=30.0)
    await pid_of(parser, tmp_path / "started")
    parser._time_limit_s = 0.02  # by the clock: eight times as much

    with pytest.raises(ParserFailed) as caught:
        await parser.parse(b"hang" + BIG, NAME)

    assert "parser-time" == caught.value.rule
    parser._time_limit_s = 30.0
    assert 5 == (await parser.parse(b"5" + BIG, NAME)).serial
    await parser.aclose()


async def test_a_zone_that_computes_too_long_is_given_up_wherever_it_hangs() -> None:
    """By its own processor time, however long a busy machine lets it wait for it."""
    parser = ZoneParser(obedient, inline_limit_bytes=1000, time_limit_s=0.2, patience=1000)

    with pytest.raises(ParserFailed, match="processor time") as caught:
        await parser.parse(b"spin" + BIG, NAME)

    assert "parser-time" == caught.value.rule
    assert 5 == (await parser.parse(b"5" + BIG, NAME)).serial
    await parser.aclose()


async def test_a_zone_that_had_to_wait_for_a_processor_is_good() -> None:
    """DirectAdmin would not push it again: only what the zone itself costs is counted."""
    parser = ZoneParser(obedient, inline_limit_bytes=1000, time_limit_s=0.2, patience=1000)

    assert 1 == (await parser.parse(b"wait" + BIG, NAME)).serial
    await parser.aclose()


async def test_the_callers_clock_stands_while_a_big_zone_is_parsed(parser: ZoneParser, tmp_path: Path) -> None:
    await pid_of(parser, tmp_path / "started")
    async with asyncio.timeout(0.2) as deadline:
        assert 1 == (await parser.parse(b"wait" + BIG, NAME, deadline)).serial  # 0.3 s

    async with asyncio.timeout(60) as deadline:
        before = deadline.when()
        await parser.parse(b"wait" + BIG, NAME, deadline)
        after = deadline.when()

    assert before is not None
    assert after is not None
    assert before + 0.3 <= after  # it goes on where it stood


async def test_giving_up_waiting_frees_the_process(parser: ZoneParser, tmp_path: Path) -> None:
    """A push that is cancelled leaves no half conversation to the next one."""
    await pid_of(parser, tmp_path / "started")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await parser.parse(b"hang" + BIG, NAME)

    assert 6 == (await parser.parse(b"6" + BIG, NAME)).serial


async def test_big_zones_queue_and_each_gets_its_own_answer(parser: ZoneParser) -> None:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(parser.parse(f"{serial}".encode() + BIG, NAME)) for serial in range(10)]

    assert list(range(10)) == [task.result().serial for task in tasks]


async def test_an_idle_process_ends(tmp_path: Path) -> None:
    parser = ZoneParser(obedient, inline_limit_bytes=1000, idle_s=0.0)
    await pid_of(parser, tmp_path / "pid")

    async with asyncio.timeout(60):
        while parser._worker is not None:
            await asyncio.sleep(0)


async def test_warnings_and_all_faults_come_back_from_the_process() -> None:
    """A large zone is told as much as a small one."""
    parser = ZoneParser(text.parse, inline_limit_bytes=1000)
    head = b"@ 60 IN SOA ns.host.example. h 1 1 1 1 1\n@ 60 IN NS ns.host.example.\n" + b";" * 2000 + b"\n"
    rrsig = b"a 60 IN RRSIG A 13 2 60 20260301000000 20260101000000 1 a.example. " + b"A" * 86 + b"==\n"

    zone = await parser.parse(head + b"@ 60 IN MX 1 192.0.2.1\nd 60 IN DNAME x.\n" + rrsig, NAME)
    with pytest.raises(PushRefused) as caught:
        await parser.parse(head + b"a 60 IN A x\nb 60 IN AAAA x\n", NAME)
    await parser.aclose()

    assert ["address-as-name"] == [one.rule for one in zone.warnings]
    assert (("d.a.example.",), "a.a.example.") == (zone.redirects, zone.signatures and zone.signatures.first_end.owner)
    assert [4, 5] == [fault.line for fault in caught.value.faults]
