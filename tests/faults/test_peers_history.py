"""Two instances under cuts, restarts, restored backups and clocks that differ: random schedules, judged by what clients were told."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from tests.component.peers.test_exchange import Wire, real_push, record
from tests.support.history import History
from tests.support.made import H1, H2, a_change_id, a_delete

from directdnsonly.clock import ManualClock
from directdnsonly.outbox.settings import OutboxSettings
from directdnsonly.outbox.sqlite.connection import FILE_NAME
from directdnsonly.outbox.sqlite.store import SqliteStore, open_store
from directdnsonly.peers.exchange import Exchange, Exchanged
from directdnsonly.peers.wire import NotAPeer
from directdnsonly.zone.model import Zone
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.text import parse

STEPS = 25
SETTINGS = OutboxSettings(disk_reserve_mb=0, history_versions=3)


class Side:
    """One instance, with a clock of its own."""

    def __init__(self, name: str, folder: Path, clock: ManualClock) -> None:
        self.name, self._folder, self.clock = name, folder, clock
        self._opened = AsyncExitStack()
        self._lives = 0
        self._backup = b""

    async def open(self, content: bytes = b"") -> None:
        """Also again, from the same disk; or from that of a backup."""
        await self._opened.aclose()
        self._opened = AsyncExitStack()
        if content or not self._lives:
            self._lives += 1
            folder = self._folder / f"{self.name}{self._lives}"
            folder.mkdir()
            if content:
                (folder / FILE_NAME).write_bytes(content)
            self._at = folder
        opening = open_store(self._at, settings=SETTINGS, clock=self.clock, backends=["one"])
        self.store: SqliteStore = await self._opened.enter_async_context(opening)
        await self.store.upkeep.adopt_backends(["one"])
        if hasattr(self.store.upkeep, "compare"):  # kept where a peer is configured
            await self.store.upkeep.compare(wanted=True)
        while await self.store.upkeep.prune(peers=["peer"]):
            pass

    async def save(self) -> None:
        self._backup = await self.store.engine.viewer.call(lambda raw: raw.serialize())

    async def restore(self) -> None:
        await self.open(self._backup)

    async def close(self) -> None:
        await self._opened.aclose()

    async def served(self, name: str) -> tuple[str | None, int]:
        """Content and serial that its name servers are to serve."""
        zone = ZoneName.parse(name)
        text = await self.store.looking.published_text(zone)
        return (None, 0) if text is None else (text.split('"')[1], parse(text, zone).serial)


class Cut(Wire):
    """The line breaks at the question of this number."""

    def __init__(self, store: SqliteStore, at: int) -> None:
        super().__init__(store)
        self._left = at

    def _told(self, question: str, body: bytes) -> bytes:
        self._left -= 1
        if self._left < 0:
            raise NotAPeer("the line is cut")
        return super()._told(question, body)


@dataclass
class Pushing:
    """The DirectAdmin servers: what lives there, under which serial, whose it is."""

    living: dict[str, tuple[str, int]] = field(default_factory=dict)
    serials: dict[str, int] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    count: int = 0


class Schedule:
    """One random schedule over a few zones of its own."""

    def __init__(self, number: int, sides: Sequence[Side], history: History) -> None:
        self.chance, self.sides, self.history = random.Random(number), sides, history
        self.zones = [f"s{number}-{letter}.example" for letter in "abc"]
        self.panel = Pushing()

    async def run(self) -> None:
        for side in self.sides:
            await side.save()
            self.history.saved(side.name)
        for _ in range(STEPS):
            await self.step()
        await self.heal()

    async def step(self) -> None:
        """One of what may happen."""
        what, side = self.chance.random(), self.chance.choice(self.sides)
        if what < 0.45:
            await self.push(self.chance.choice(self.zones))
        elif what < 0.6:
            await self.delete(self.chance.choice(self.zones))
        elif what < 0.85:
            await self.exchange(side, cut_at=self.chance.choice([0, 1, 2, 3, 99, 99]))
        elif what < 0.9:
            await side.open()
        elif what < 0.93:
            await side.restore()
            self.history.restored(side.name)
        elif what < 0.97:
            await side.save()
            self.history.saved(side.name)
        else:
            side.clock.advance(self.chance.choice([1.0, 60.0, 3600.0]))
        await self.look()

    def up(self) -> list[Side]:
        """Who hears of a push: both, or one."""
        return self.chance.choice([list(self.sides), list(self.sides), [self.sides[0]], [self.sides[1]]])

    async def push(self, name: str) -> None:
        panel = self.panel
        panel.count += 1
        content, serial = f"c{panel.count}", panel.serials.get(name, 0) + self.chance.choice([1, 1, 7])
        panel.living[name], panel.serials[name] = (content, serial), serial
        if self.chance.random() < 0.1:
            panel.owners[name] = H2.hostname if panel.owners.get(name, H1.hostname) == H1.hostname else H1.hostname
        owner = replace(H1, hostname=panel.owners.get(name, H1.hostname))
        by = []
        for side in self.up():
            await record(side.store, real_push(name, serial, content, owner=owner))
            by.append(side.name)
        self.history.told(name, content, by)

    async def delete(self, name: str) -> None:
        owner = replace(H1, hostname=self.panel.owners.get(name, H1.hostname))
        self.panel.living.pop(name, None)
        if self.chance.random() < 0.3:
            self.panel.serials[name] = 0
        by = []
        for side in self.up():
            receipt = await record(side.store, replace(a_delete(name, owner=owner), remembers=True))
            if not receipt.ignored:
                by.append(side.name)
        self.history.told(name, None, by)

    async def exchange(self, side: Side, *, cut_at: int = 99) -> Exchanged | None:
        async def parsed(text: str, name: ZoneName) -> Zone:
            return parse(text, name)

        (other,) = (one for one in self.sides if one is not side)
        exchange = Exchange(
            "peer", peering=side.store.peering, peer=Cut(other.store, cut_at), parse=parsed, change_id=a_change_id
        )  # fmt: skip
        try:
            done = await exchange.run()
        except NotAPeer:
            return None
        if done.whole and not done.differs:
            self.history.took(side.name, other.name)
        return done

    async def look(self) -> None:
        """Secondaries do, all the time."""
        for side in self.sides:
            for name in self.zones:
                self.history.served(side.name, name, *await side.served(name))

    async def heal(self) -> None:
        """The line is whole again. What is named as a conflict is then settled by a person, and all is equal."""
        named: set[ZoneName] = set()
        for _ in range(6):
            done = [await self.exchange(side) for side in self.sides]
            named = {one.name for each in done if each for one in each.differs}
            if not any(each.taken for each in done if each):
                break
        else:
            raise AssertionError("they take from each other without an end")
        await self.look()
        for name in self.zones:
            final = {side.name: (await side.served(name))[0] for side in self.sides}
            self.history.judge(name, final, named=name in named)
        await self.settle(named)

    async def settle(self, named: set[ZoneName]) -> None:
        """Whoever chooses, chooses the one side; then both are equal, buckets and serials."""
        here, there = self.sides
        exchange = Exchange(
            "peer", peering=here.store.peering, peer=Wire(there.store), parse=_parsed, change_id=a_change_id
        )  # fmt: skip
        for state in await there.store.peering.states(sorted(named), texts=2**20):
            await here.store.peering.take(await exchange.version_of(state, chosen=True))
        for _ in range(3):
            for side in self.sides:
                await self.exchange(side)
        for name in self.zones:
            assert await here.served(name) == await there.served(name), (name, named, self.panel)
        assert (await here.store.peering.summary()).digests == (await there.store.peering.summary()).digests


async def _parsed(text: str, name: ZoneName) -> Zone:
    return parse(text, name)


@pytest.fixture
async def sides(tmp_path: Path) -> AsyncIterator[list[Side]]:
    both = [Side("a", tmp_path, ManualClock()), Side("b", tmp_path, ManualClock(1_800_000_000.0 - 200_000.0))]
    for side in both:
        await side.open()
    yield both
    for side in both:
        await side.close()


@pytest.mark.timeout(1800)
async def test_random_schedules_lose_reorder_resurrect_and_delete_nothing(sides, runs, row):
    line, history = row("two instances: cuts, restarts, restores, clocks"), History()
    for number in range(runs):
        await Schedule(number, sides, history).run()
        line.runs += 1
        assert history.report.clean, f"schedule {number}: {history.report}"
    print(history.report)
    line.acknowledged, line.lost = history.report.told, history.report.lost
    assert history.report.told > 5 * runs
    assert history.report.named < history.report.zones / 2
    line.check()
