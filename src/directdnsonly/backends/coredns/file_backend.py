"""CoreDNS on zone files: its own plug-in `auto` reads a folder that we write, every few seconds.

There is no control channel: a file that is there is served after the next look, one that is gone is forgotten then. So
proof comes by DNS only, and what CoreDNS would refuse is refused here, before the last good file is replaced. The name
of a file is the name of its zone and nothing else, since `auto` takes the origin from it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Literal

import structlog
from pydantic import Field

from directdnsonly.backends.contract import Capabilities, Outcome, OutcomeKind, ServerAddress, ZoneChange, ZoneObserved
from directdnsonly.backends.coredns.rows import NO_NSEC3
from directdnsonly.backends.files.backend import held_by_operator
from directdnsonly.backends.files.faults import cannot_be, concerns_one_path
from directdnsonly.backends.files.folder import NamedFolder
from directdnsonly.backends.settings import BackendSettings
from directdnsonly.effect import AtReload
from directdnsonly.errors import BackendUnavailable, PushRefused
from directdnsonly.verify.query import SoaProber
from directdnsonly.verify.verifier import ANY_NAME
from directdnsonly.wording import counted
from directdnsonly.zone.model import Record
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.text import parse

PAGE = 1000
PROBES = 5  # questions until it is away: two seconds
_APPLIED = Outcome(kind=OutcomeKind.APPLIED)


class CorednsFileSettings(BackendSettings):
    """A CoreDNS whose plug-in `auto` reads our folder."""

    type: AtReload[Literal["coredns_file"]] = Field(
        "coredns_file", description="The type of backend; may be omitted if the backend's name begins with it."
    )
    zones_dir: AtReload[Path | None] = Field(
        None,
        description="Folder of the zone files, `directory` in the Corefile. Default: `<data_dir>/backends/<name>/zones`.",
    )
    transfers: AtReload[bool] = Field(
        False, description="The name server lets us transfer zones, so that records are counted and compared by AXFR."
    )
    batch_size: AtReload[int] = Field(500, ge=1, le=5000, description="Zones per batch.")
    warn_zones: AtReload[int] = Field(
        1000,
        ge=0,
        description="Zones in the folder above which `backend.outgrown` is logged and `dadns check` tells it: the plug-in "
        "auto looks for a zone in a list. 0: never.",
    )

    def folder(self, name: str, data_dir: Path) -> Path:
        """The folder of the zone files."""
        return (self.zones_dir or data_dir / "backends" / name / "zones").resolve()

    def told(self, name: str, data_dir: Path) -> str:
        """One line for `dadns check`: what this backend will talk to."""
        folder = self.folder(name, data_dir)
        return f"{name}: CoreDNS, zone files in {folder}" + (f"; {why}" if (why := self.why_outgrown(folder)) else "")

    def why_outgrown(self, folder: Path) -> str:
        """What to do about too many zones in the folder; empty if there are not, or it cannot be read. Blocking."""
        try:
            with os.scandir(folder) as entries:
                zones = sum(not entry.name.startswith(".") for entry in entries)
        except OSError:
            return ""
        if not self.warn_zones or zones <= self.warn_zones:
            return ""
        return (
            f"{counted(zones, 'zone')}, more than warn_zones {self.warn_zones}: the plug-in auto looks for the zone of each question"
            " in a list; take coredns_mysql with mysqlzones, NSD, Knot or BIND"
        )


class CorednsFileBackend:
    """The backend `coredns_file`: a folder that CoreDNS's plug-in `auto` reads. Raises as `Backend` says."""

    def __init__(self, name: str, settings: CorednsFileSettings, folder: Path) -> None:
        self.name = name
        self.servers = settings.servers(ServerAddress(host="127.0.0.1", port=53))
        self.capabilities = Capabilities(
            batch_size=settings.batch_size,
            concurrency=3,  # a batch is mostly waiting for CoreDNS to look: a challenge must not wait behind it
            allows_transfer=settings.transfers,
            unsupported_types=NO_NSEC3,
        )
        self._folder = folder
        self._files = NamedFolder(folder)
        self._settings = settings
        self._is_outgrown = False

    async def apply(self, changes: Sequence[ZoneChange]) -> Sequence[Outcome]:
        """Make the name server take the changes, in order; one outcome each."""
        await self._probe()
        try:
            return await asyncio.to_thread(self._apply, changes)
        except OSError as error:
            raise self._unavailable(error) from error

    async def inventory(self) -> AsyncIterator[ZoneObserved]:
        """Every zone of ours that is stored there, cheaply, in any order. Raises BackendUnavailable.

        Reads the last line of each file, a page in a thread at a time.
        """
        try:
            names = await asyncio.to_thread(self._files.all_names)
        except OSError as error:
            raise self._unavailable(error) from error
        for start in range(0, len(names), PAGE):
            for observed in await self.observe(names[start : start + PAGE]):
                if observed is not None and (observed.whole or not self._files.is_foreign(observed.name)):
                    yield observed

    async def observe(self, names: Sequence[ZoneName]) -> Sequence[ZoneObserved | None]:
        """These zones as stored there, in order, None where absent. Raises BackendUnavailable.

        The last line of each file tells; what is no readable file of ours is not whole.
        """
        try:
            return await asyncio.to_thread(self._files.observe_all, names)
        except OSError as error:
            raise self._unavailable(error) from error

    async def stored(self, name: ZoneName) -> Sequence[Record] | None:
        """Every record of a zone as stored there, in our normal form; None when absent. Raises BackendUnavailable."""
        try:
            return await asyncio.to_thread(self._files.records, name)
        except OSError as error:
            raise self._unavailable(error) from error
        except ValueError:
            return None

    def _unavailable(self, error: OSError) -> BackendUnavailable:
        return BackendUnavailable(f"{error.strerror or error}: {error.filename or self._folder}", backend=self.name)

    async def ready(self) -> None:
        """Return when changes can be applied now; raises BackendUnavailable with the reason.

        CoreDNS answers, and the folder can be written.
        """
        await self._probe()
        try:
            await asyncio.to_thread(self._folder.mkdir, parents=True, exist_ok=True)
        except OSError as error:
            raise BackendUnavailable(f"{error.strerror}: {self._folder}", backend=self.name) from error
        await self._warn()

    async def _warn(self) -> None:
        """Once whenever the folder outgrows what CoreDNS serves well; an idle lane asks every few seconds."""
        reason = await asyncio.to_thread(self._settings.why_outgrown, self._folder)
        if reason and not self._is_outgrown:
            structlog.get_logger().warning("backend.outgrown", backend=self.name, reason=reason)
        self._is_outgrown = bool(reason)

    async def aclose(self) -> None:
        """Release connections. No method is called afterwards."""

    async def _probe(self) -> None:
        """Raises BackendUnavailable when one of the name servers does not answer: files alone prove nothing."""
        for server in self.servers:
            if not await _answers(server):
                raise BackendUnavailable(f"{server} does not answer", backend=self.name)

    def _apply(self, changes: Sequence[ZoneChange]) -> list[Outcome]:
        self._folder.mkdir(parents=True, exist_ok=True)
        return [self._apply_or_tell(change) for change in changes]

    def _apply_or_tell(self, change: ZoneChange) -> Outcome:
        """What is in the way of one zone's file is that zone's failure. Raises the OSErrors that would meet all."""
        try:
            return self._apply_one(change)
        except OSError as error:
            if not concerns_one_path(error, self._folder):
                raise
            path = self._files.path(change.name)
            return Outcome(kind=OutcomeKind.RETRY, reason=cannot_be(error, path, removed=change.is_delete))

    def _apply_one(self, change: ZoneChange) -> Outcome:
        if "/" in change.name:
            if change.is_delete:
                return _APPLIED
            return _refused("the plug-in auto takes a zone's name from its file's name, which cannot contain a slash")
        if not change.known and self._files.is_foreign(change.name):
            return held_by_operator(f"{self._files.path(change.name)} was not written by us")
        if change.text is None:
            self._files.remove(change.name)
            return _APPLIED
        try:
            kinds = {line.split(" ", 4)[3] for line in change.text.splitlines()[2:] if line}
            if lacking := sorted(kinds & NO_NSEC3):
                return _refused(f"CoreDNS cannot serve zones with {', '.join(lacking)}")
            parse(change.text, change.name)
        except PushRefused as error:
            return _refused(f"CoreDNS would not load the zone: {error}")
        self._files.write(
            change.name, change.text, version=change.version, serial=change.serial, records=change.records
        )
        return _APPLIED


async def _answers(server: ServerAddress) -> bool:
    """Whether it answers, whatever it says."""
    try:
        prober = await SoaProber.open(server.host, server.port)
    except OSError:  # there is no way to the address
        return False
    try:
        return await prober.ask(ANY_NAME, tries=PROBES) is not None
    finally:
        prober.close()


def build(name: str, settings: CorednsFileSettings, data_dir: Path) -> CorednsFileBackend:
    """The backend of these settings."""
    return CorednsFileBackend(name, settings, settings.folder(name, data_dir))


def _refused(reason: str) -> Outcome:
    return Outcome(kind=OutcomeKind.REFUSED, reason=reason)
