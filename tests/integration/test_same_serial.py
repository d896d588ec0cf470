"""A serial that does not tell new content from old proves nothing: the records are compared, whatever `verify` says.

A signed zone keeps the serial that its signer gave it, also when its content changes; and what came upon a zone behind our
back has its serial, too. Real name servers, the real store and lane, `verify: count`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import dns.asyncquery
import dns.message
import pytest

from directdnsonly.backends.contract import Outcome, OutcomeKind, ZoneChange
from directdnsonly.outbox.changes import NewVersion, Origin, Priority, Source
from directdnsonly.outbox.lifecycle import State
from directdnsonly.zone.model import Zone
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.text import parse
from tests.contract.kinds import KINDS
from tests.support.fake_backend import FakeBackend
from tests.support.lanes import Rig, running_lanes
from tests.support.made import H1, a_change_id, a_push
from tests.support.named import RIGS as BINDS

NAME = ZoneName.parse("signed.example")
HEAD = "@ 3600 IN SOA ns.host.example. h.host.example. {serial} 60 60 60 60\n@ 60 IN NS ns.host.example.\n"
OLD, NEW = "192.0.2.1", "198.51.100.7"
SERVERS = [kind for kind in KINDS if kind.title and kind.name != "coredns_file"]
(COREDNS_FILE,) = [kind for kind in KINDS if kind.name == "coredns_file"]
PATIENT = {"apply_timeout_s": 30.0, "max_attempts": 2, "verify_patience_s": 2.0}


def zone(address: str, serial: int = 7, *, raw: str = "", extra: str = "x 60 IN TXT same\n") -> Zone:
    """As its signer made it: its serial is nobody's to change. `raw` goes into the text behind the parser's back."""
    made = parse(HEAD.format(serial=serial) + f"www 60 IN A {address}\n{extra}", NAME)
    return made.model_copy(
        update={"signed": True, "text": made.text + raw, "records": made.records + raw.count("\n"), "serial": serial}
    )


async def push(rig: Rig, what: Zone) -> None:
    origin = Origin(change_id=a_change_id(), source=Source.DIRECTADMIN, owner=H1)
    await rig.push(NewVersion(zone=what, origin=origin, priority=Priority.INTERACTIVE))


class Between:
    """Hands on to a real backend. `keeps`: the content that is delivered instead; `lazy`: nothing is, and it says yes."""

    def __init__(self, backend: object) -> None:
        self.backend = backend
        self.name = "one"
        self.keeps: Zone | None = None
        self.lazy = False

    def __getattr__(self, name: str) -> object:
        return getattr(self.backend, name)

    async def apply(self, changes: Sequence[ZoneChange]) -> Sequence[Outcome]:
        """See Backend."""
        if self.lazy:
            return [Outcome(kind=OutcomeKind.APPLIED) for _ in changes]
        return await self.backend.apply([self._kept(change) for change in changes])  # type: ignore[attr-defined]

    def _kept(self, change: ZoneChange) -> ZoneChange:
        if self.keeps is None:
            return change
        return ZoneChange(
            name=change.name, version=change.version, text=self.keeps.text, serial=change.serial,
            records=self.keeps.records, known=change.known,
        )  # fmt: skip


async def address_of(backend: object) -> str:
    (server, *_) = backend.servers  # type: ignore[attr-defined]
    query = dns.message.make_query("www.signed.example", "A", flags=0)
    answer = await dns.asyncquery.udp(query, server.host, port=server.port, timeout=10)
    return answer.answer[0][0].to_text()


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as made:
        yield made


async def start(stack: AsyncExitStack, kind, folder: Path) -> tuple[Rig, Between, object]:
    (folder / "store").mkdir()
    backend, daemon = await stack.enter_async_context(kind.open(folder))
    between = Between(backend)
    rig = await stack.enter_async_context(running_lanes(folder / "store", between, **PATIENT))
    return rig, between, daemon


@pytest.mark.parametrize("kind", SERVERS, ids=lambda kind: kind.name)
async def test_old_content_under_the_same_serial_is_never_proven(stack, tmp_path, kind):
    """It says yes and goes on serving the old content: same serial, same number of records. What is new is then served."""
    rig, backend, _ = await start(stack, kind, tmp_path)
    await push(rig, zone(OLD))
    await rig.until(NAME, State.VERIFIED, limit_s=30)
    backend.keeps = zone(OLD)

    await push(rig, zone(NEW))

    dead = await rig.until(NAME, State.DEAD, limit_s=60)
    assert (2, 1) == (dead.want_version, dead.verified_version)
    assert "lacks www.signed.example. 60 A" in dead.reason
    backend.keeps = None
    await rig.store.operators.revive(name=NAME)
    rig.wake()
    assert 2 == (await rig.until(NAME, State.VERIFIED, limit_s=30)).verified_version
    assert NEW == await address_of(backend)


@pytest.mark.parametrize(
    ("kind", "again"),
    [(kind, "requeue") for kind in SERVERS] + [(SERVERS[0], "redeliver")],
    ids=lambda value: getattr(value, "name", value),
)
async def test_what_came_behind_our_back_under_our_serial_is_not_proven_by_it(stack, tmp_path, kind, again):
    """Drift is repaired, or a person has a zone delivered again, and nothing is: the altered content is not taken for ours."""
    rig, backend, _ = await start(stack, kind, tmp_path)
    await push(rig, zone(OLD))
    await rig.until(NAME, State.VERIFIED, limit_s=30)
    other = zone(NEW)
    change = ZoneChange(name=NAME, version=1, text=other.text, serial=7, records=other.records, known=True, unsure=True)
    await backend.apply([change])
    async with asyncio.timeout(30):
        while NEW != await address_of(backend):  # some say yes before they have read it
            await asyncio.sleep(0.02)
    backend.lazy = True

    if again == "requeue":
        await rig.store.work.requeue("one", [NAME], reason="drift")
    else:
        await rig.store.operators.redeliver(NAME, ["one"], reason="told to")
    rig.wake(Priority.BULK)

    dead = await rig.until(NAME, State.DEAD, limit_s=60)
    assert "lacks www.signed.example. 60 A" in dead.reason
    backend.lazy = False
    await rig.store.operators.revive(name=NAME)
    rig.wake()
    await rig.until(NAME, State.VERIFIED, limit_s=30)
    assert OLD == await address_of(backend)


async def test_coredns_reads_no_file_again_under_the_same_serial_and_that_is_told(stack, tmp_path):
    """Its plug-in auto compares serials. The zone is not proven, with what is missing; the next serial is served."""
    rig, backend, _ = await start(stack, COREDNS_FILE, tmp_path)
    await push(rig, zone(OLD))
    await rig.until(NAME, State.VERIFIED, limit_s=60)

    await push(rig, zone(NEW))

    dead = await rig.until(NAME, State.DEAD, limit_s=90)
    assert (1, True) == (dead.verified_version, "lacks www.signed.example. 60 A" in dead.reason)
    await push(rig, zone(NEW, serial=8))
    await rig.until(NAME, State.VERIFIED, limit_s=60)
    assert NEW == await address_of(backend)


@pytest.mark.parametrize("kind", BINDS, ids=lambda kind: kind.name)
async def test_what_named_refuses_under_the_same_serial_is_dead_with_its_words(stack, tmp_path, kind):
    """The reload is refused, named goes on serving the old content with that serial; so it does after a restart."""
    rig, backend, daemon = await start(stack, kind, tmp_path)
    await push(rig, zone(OLD))
    await rig.until(NAME, State.VERIFIED, limit_s=30)

    await push(
        rig,
        zone(
            NEW,
            raw="x.signed.example. 60 IN CNAME elsewhere.example.\n",
            extra="x 60 IN TXT other\n"[:0] + "x 60 IN A 192.0.2.9\n",
        ),
    )

    dead = await rig.until(NAME, State.DEAD, limit_s=60)
    assert (1, True) == (dead.verified_version, "CNAME and other data" in dead.reason), dead.reason
    assert OLD == await address_of(backend)
    await daemon.stop()
    await daemon.start()
    assert OLD == await address_of(backend)


async def test_an_ordinary_change_costs_one_question_and_one_of_the_same_serial_some_more(tmp_path):
    """New serials: the SOA and nothing else. The same serial: the SOA, then what changed."""
    backend = FakeBackend("one")
    async with running_lanes(tmp_path, backend) as rig:
        for serial in (1, 2, 3):
            await rig.push(a_push("a.example", serial))
            assert serial == (await rig.until("a.example", State.VERIFIED)).served_serial
        assert {("a.example", "SOA")} == {asked for asked in backend.asked if asked[0] != "directdnsonly.invalid"}

        push_again = a_push("a.example", 3, content="other")
        await rig.push(NewVersion(zone=push_again.zone.model_copy(update={"signed": True}), origin=push_again.origin))
        await rig.until("a.example", State.VERIFIED)

    assert ("www.a.example", "TXT") in backend.asked
    assert not [asked for asked in backend.asked if re.match(r"AXFR|ANY", asked[1])]
