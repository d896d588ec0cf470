"""Every backend against its real name server: recorded -> proven, through the store, the lane, the adapter and DNS.

No HTTP: `ack` measures the door. Beside it the same change through the adapter alone (`apply`, then a SOA question until
it is served): what is left is the outbox, the lane and the count of records. And the name server's own floor, its
control channel or SQL by hand (bench/daemon_floors.py), on a second instance with as many zones.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog
from tests.contract.kinds import KINDS
from tests.support.rig import Rig, RigKind

from bench.daemon_floors import floors_of
from bench.load import zone_text
from directdnsonly.backends.contract import ZoneChange
from directdnsonly.clock import SystemClock
from directdnsonly.dispatch.dispatcher import Dispatcher
from directdnsonly.dispatch.lane import Lane
from directdnsonly.dispatch.settings import DispatchSettings
from directdnsonly.outbox.changes import NewDeletion, NewVersion, Origin, Owner, Priority, Source
from directdnsonly.outbox.settings import OutboxSettings
from directdnsonly.outbox.sqlite.store import SqliteStore, open_store
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.text import parse

Row = dict[str, object]
LONGEST_FILL_S = 120
LARGE = 100_000
LARGE_ONES = ("NSD", "Knot DNS", "CoreDNS (mysqlzones)", "PowerDNS on MySQL")  # BIND: bench/scale.py
OWNER = Owner(credential="bench", hostname="da.example", username="alice")


@dataclass
class Line:
    """A store and a lane in front of one backend."""

    rig: Rig
    store: SqliteStore
    dispatcher: Dispatcher
    number: int = 0
    serial: int = 2026010100

    def _origin(self) -> Origin:
        self.number += 1
        return Origin(change_id=f"{self.number:026d}", source=Source.DIRECTADMIN, owner=OWNER)

    async def put(self, name: str, priority: Priority = Priority.INTERACTIVE) -> None:
        self.serial += 1
        zone = parse(zone_text(name, self.serial, address=f"198.51.100.{self.serial % 250}"), ZoneName.parse(name))
        receipt = await self.store.recording.record_push(
            NewVersion(zone=zone, origin=self._origin(), priority=priority)
        )
        self.dispatcher.wake(receipt.priority, begun=receipt.begun)

    async def put_all(self, numbers: Sequence[int]) -> None:
        """Bulk pushes, 32 at a time as from as many clients, until all are proven."""
        for start in range(0, len(numbers), 32):
            await asyncio.gather(
                *(self.put(f"zone{number}.example", Priority.BULK) for number in numbers[start : start + 32])
            )
        await self.until_idle()

    async def delete(self, name: str) -> None:
        receipt = await self.store.recording.record_delete(
            NewDeletion(name=ZoneName.parse(name), origin=self._origin())
        )
        self.dispatcher.wake(receipt.priority, begun=receipt.begun)

    async def until_proven(self, name: str) -> None:
        """As the API waits for `?wait=proven`: woken by what is written about the zone, without polling."""
        with self.store.looking.settled.watching(name) as news:
            while True:
                news.clear()
                (place,) = await self.store.looking.placements(ZoneName.parse(name))
                if place.state == "verified" and place.want_version == place.verified_version:
                    return
                if place.state == "dead":
                    raise RuntimeError(f"{name}: {place.reason}")
                await news.wait()

    async def until_idle(self) -> None:
        while True:
            (backlog,) = await self.store.looking.backlog()
            if not backlog.pending + backlog.leased:
                if backlog.dead:
                    raise RuntimeError(f"{backlog.dead} zones were given up")
                return
            await asyncio.sleep(0.02)


@asynccontextmanager
async def line_of(kind: RigKind) -> AsyncIterator[Line]:
    """The backend's daemon, a store and a running lane in a temporary folder."""
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dadns-bench-")))
        backend, daemon = await stack.enter_async_context(kind.open(folder))
        rig = Rig(kind, backend, daemon)
        stack.callback(rig.close)
        store = await stack.enter_async_context(
            open_store(folder / "store", settings=OutboxSettings(), clock=clock, backends=[backend.name])
        )
        await store.upkeep.adopt_backends([backend.name])
        lane = Lane(backend=backend, verifier=rig.verifier, work=store.work, settings=DispatchSettings(), clock=clock)
        dispatcher = Dispatcher([lane])
        store.recording.serve(dispatcher)
        running = asyncio.create_task(dispatcher.run(), name="dispatch")
        try:
            yield Line(rig=rig, store=store, dispatcher=dispatcher)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def _adapter_alone(line: Line, names: Sequence[str]) -> float:
    """Median seconds of a change by the adapter and one SOA proof, nothing of ours around it."""
    times = []
    for name in names:
        line.serial += 1
        change = line.rig.put_text(name, zone_text(name, line.serial).decode())
        line.rig.known.add(change.name)
        start = time.perf_counter()
        await line.rig.backend.apply([change])
        await line.rig.verdicts([change])
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def _daemons_mb() -> float:
    """Resident memory of all processes below ours: the name server, and the database where there is one."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue  # it ended meanwhile

    def is_ours(pid: int) -> bool:
        while pid > 1:
            pid = parents.get(pid, 0)
            if pid == os.getpid():
                return True
        return False

    total = 0.0
    for pid in filter(is_ours, parents):
        status = Path(f"/proc/{pid}/status").read_text()
        total += sum(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS"))
    return total


async def _measure(kind: RigKind, sizes: Sequence[int], samples: int, *, all_changed: bool = True) -> list[Row]:
    rows: list[Row] = []
    have = 0
    async with line_of(kind) as line:
        for size in sizes:
            if rows and have >= 500 and size / rows[-1]["bulk add zones/s"] > LONGEST_FILL_S:  # type: ignore[operator]
                rows.append(
                    {"backend": kind.title, "zones": size, "not run": f"would take over {LONGEST_FILL_S} s to fill"}
                )
                continue
            began = time.perf_counter()
            await line.put_all(range(have, size))
            bulk_s = time.perf_counter() - began
            added, have = size - have, size
            row: Row = {"backend": kind.title or kind.name, "zones": size}
            for work in ("change", "add", "delete"):
                times = []
                for sample in range(samples):
                    name = f"zone{sample % size}.example" if work == "change" else f"new{size}-{sample}.example"
                    start = time.perf_counter()
                    await (line.delete(name) if work == "delete" else line.put(name))
                    await line.until_proven(name)
                    times.append(time.perf_counter() - start)
                    if size < samples:
                        await asyncio.sleep(0.16)  # not the storm of one zone
                row[f"{work} p50 ms"] = round(statistics.median(times) * 1e3, 2)
            alone = await _adapter_alone(line, [f"zone{sample % size}.example" for sample in range(samples)])
            row["adapter alone ms"] = round(alone * 1e3, 2)
            row["daemon RSS MiB"] = round(_daemons_mb())
            if added >= 500:
                row["bulk add zones/s"] = round(added / bulk_s)
            if added >= 500 and all_changed:
                began = time.perf_counter()
                await line.put_all(range(size))
                row["bulk change zones/s"] = round(size / (time.perf_counter() - began))
            rows.append(row)
    return rows


def backends(quick: bool) -> list[Row]:
    """One row per backend and size."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    sizes, samples = ((10, 1000), 20) if quick else ((10, 1000, 10_000), 50)
    rows: list[Row] = []
    for kind in KINDS:
        if kind.title:
            rows += asyncio.run(_beside_floors(kind, [size for size in sizes if size <= kind.most], samples))
    return rows


def large(quick: bool) -> list[Row]:
    """With 100,000 zones, filled by bulk pushes until all are proven."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    size, samples = (2000, 10) if quick else (LARGE, 50)
    rows: list[Row] = []
    for kind in KINDS:
        if kind.title in LARGE_ONES:
            rows += asyncio.run(_beside_floors(kind, [size], samples, all_changed=False))
    return rows


async def _beside_floors(kind: RigKind, sizes: Sequence[int], samples: int, *, all_changed: bool = True) -> list[Row]:
    """Our figures, then those of the name server alone, in the same rows. `ours / floor` is of the change."""
    rows = await _measure(kind, sizes, samples, all_changed=all_changed)
    measured = [size for size, row in zip(sizes, rows, strict=True) if "not run" not in row]
    floors = await floors_of(kind, measured, samples)
    for size, row in zip(sizes, rows, strict=True):
        if size in floors:
            row.update(floors[size])
            ratio = row["change p50 ms"] / row["floor change ms"]  # type: ignore[operator]
            row["ours / floor"] = round(ratio, 2)
    return rows


async def _sweep(kind: RigKind, zones: int) -> list[Row]:
    async with line_of(kind) as line:
        await line.put_all(range(zones))
        (lane,) = line.dispatcher.lanes.values()
        rows: list[Row] = []
        for what in ("all as it should be", "1 % destroyed behind its back"):
            if what.startswith("1"):
                names = [ZoneName.parse(f"zone{number}.example") for number in range(0, zones, 100)]
                gone = [ZoneChange(name=name, version=1, text=None) for name in names]
                await line.rig.backend.apply(gone)
            cpu, began = time.process_time(), time.perf_counter()
            found = await lane.sweep()
            seconds = time.perf_counter() - began
            row: Row = {
                "backend": kind.title,
                "zones": zones,
                "state": what,
                "seconds": round(seconds, 2),
                "zones/s": round(zones / seconds),
                "our CPU us/zone": round((time.process_time() - cpu) / zones * 1e6),
                "found": found.drifted,
            }
            if found.drifted:
                await line.until_idle()
                row["all proven again after s"] = round(time.perf_counter() - began, 2)
            rows.append(row)
        return rows


def sweep(quick: bool) -> list[Row]:
    """A name server compared with the store, and healed."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    (kind,) = (kind for kind in KINDS if kind.title == "BIND")
    return asyncio.run(_sweep(kind, 1000 if quick else 10_000))
