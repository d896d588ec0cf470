"""NSD: zone files plus `addzones`, `delzones` and `reload ZONE`.

NSD answers "ok" before it has read anything, and drops a zone with one bad record to SERVFAIL.
So a text that is not plainly safe goes through nsd-checkzone before it becomes the zone's file, and after the command NSD
is asked for the SOA of each zone: one that answers SERVFAIL gets its last good file back and is reloaded.

Each command makes NSD fork and reload; commands that come meanwhile are merged into the next reload. So a lone change is
given at once, and a storm gathers by itself while the last batch is waited for: no pause is put in between. A batch of many
changed zones is one `reload`, which reads every file that is newer than what NSD has.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from directdnsonly.backends.contract import Capabilities, Outcome, OutcomeKind, ZoneChange
from directdnsonly.backends.control import ControlReply, ControlUnavailable
from directdnsonly.backends.files.backend import FiledBackend, held_by_operator
from directdnsonly.backends.files.checker import NSD_CHECKZONE, ZoneChecker
from directdnsonly.backends.nsd.control import NativeNsdControl, NsdControl, TlsPlace
from directdnsonly.backends.nsd.control_program import NsdControlProgram
from directdnsonly.backends.nsd.follow import Follower, Pace
from directdnsonly.backends.nsd.names import NameLinks, is_odd
from directdnsonly.backends.nsd.safe import is_safe, why_never
from directdnsonly.backends.nsd.settings import NsdLayout, NsdSettings
from directdnsonly.backends.nsd.text import for_nsd
from directdnsonly.errors import BackendUnavailable
from directdnsonly.zone.name import ZoneName

AT_ONCE = 3  # batches: one express, two bulk; a challenge joins the next reload and waits for no bulk batch
# More changed zones are one `reload` of all files that are newer: NSD's work for 500 so is a third of that for 500 commands,
# though it looks at the time of every file (0.1 s at 100,000 zones). Earlier where a command is a TLS handshake or a process.
FEW, FEW_IF_COSTLY = 50, 20

# What NSD says about one zone.
_EXISTS = re.compile(r"^zone (\S+) already exists$", re.MULTILINE)
_PATTERN = re.compile(r"^\s*pattern: (\S+)$", re.MULTILINE)
_NOT_TAKEN = re.compile(r"^(error .*)\nerror for input line '(\S+)", re.MULTILINE)
NOT_CONFIGURED = "not configured"


class NsdBackend(FiledBackend):
    """The backend `nsd`: one NSD, by zone files and its control channel. Raises as `Backend` says."""

    def __init__(
        self, name: str, settings: NsdSettings, layout: NsdLayout, *, checker: ZoneChecker | None = None
    ) -> None:
        super().__init__(
            name,
            capabilities=Capabilities(
                batch_size=settings.batch_size, concurrency=AT_ONCE, allows_transfer=settings.is_managed
            ),
            servers=layout.servers,
            zones_dir=layout.zones_dir,
        )
        self._settings = settings
        self._layout = layout
        self._links = NameLinks(layout.zones_dir)
        self._checker = checker or ZoneChecker(NSD_CHECKZONE, timeout_s=settings.command_timeout_s)
        self._control: NsdControl | None = None
        self._pace = Pace()

    async def ready(self) -> None:
        """Return when changes can be applied now; raises BackendUnavailable with the reason."""
        try:
            reply = await self._ask("status")
        except ControlUnavailable as error:
            raise BackendUnavailable(str(error), backend=self.name) from error
        if not reply.ok:
            raise BackendUnavailable(reply.text, backend=self.name)

    async def aclose(self) -> None:
        """Release connections. No method is called afterwards. No connection is kept."""

    # -- files

    async def _before_writing(self, changes: Sequence[ZoneChange]) -> dict[ZoneName, Outcome]:
        """What NSD's own parser refuses never becomes a file that NSD may read."""
        doubtful = [change for change in changes if change.text is not None and not is_safe(change.text)]
        words = await asyncio.gather(*(self._why_refused(change.name, change.text or "") for change in doubtful))
        return {
            change.name: Outcome(kind=OutcomeKind.REFUSED, reason=told)
            for change, told in zip(doubtful, words, strict=True)
            if told
        }

    async def _why_refused(self, name: ZoneName, text: str) -> str:
        return why_never(text) or await self._checker.why_refused(name, for_nsd(text))

    def _write_one(self, change: ZoneChange) -> None:
        if is_odd(change.name):
            self._links.link(change.name, self._files.path(change.name))
        super()._write_one(replace(change, text=for_nsd(change.text)) if change.text else change)

    def _put_back(self, name: ZoneName, content: bytes | None) -> None:
        super()._put_back(name, content)
        if content is None and is_odd(name):
            self._links.unlink(name)

    # -- commands

    async def _tell(self, changes: Sequence[ZoneChange]) -> dict[ZoneName, Outcome]:
        """Make the daemon read the files of these."""
        held = {
            change.name: held_by_operator(where)
            for change in changes
            if change.is_delete
            and not (change.known and self._is_costly)
            and (where := await self._why_not_ours(change.name))
        }
        deletes = [change for change in changes if change.is_delete and change.name not in held]
        puts = [change for change in changes if not change.is_delete]
        if deletes:
            await self._ask("delzones", [str(change.name) for change in deletes])  # an unknown one only warns
        await self._get_control()
        each = len(puts) <= self._few
        outcomes = held | await self._add([change for change in puts if not (change.known and each)])
        outcomes |= await self._reload([change for change in puts if change.known and each])
        taken = [change for change in puts if change.name not in outcomes]
        if not taken:
            return outcomes
        follower = Follower(self.servers[0], self._checker, self._pace, self._files)
        return outcomes | await follower.follow(taken)

    async def _add(self, changes: Sequence[ZoneChange], *, again: bool = False) -> dict[ZoneName, Outcome]:
        """New zones in one command; those that NSD has already are reloaded."""
        if not changes:
            return {}
        reply = await self._ask("addzones", [f"{change.name} {self._pattern(change.name)}" for change in changes])
        outcomes = {
            ZoneName.trusted(found[2]): Outcome(kind=OutcomeKind.RETRY, reason=_one_line(found[1]))
            for found in _NOT_TAKEN.finditer(reply.text)
        }
        present = set(_EXISTS.findall(reply.text))
        if not again:
            there = [change for change in changes if str(change.name) in present]
            outcomes |= {
                change.name: held_by_operator(where)
                for change in there
                if (where := await self._why_not_ours(change.name))
            }
            outcomes |= await self._reload([change for change in there if change.name not in outcomes], again=True)
        return outcomes

    async def _why_not_ours(self, name: ZoneName) -> str:
        """How NSD holds a zone of this name that is not of our pattern; empty when it is ours, or not there."""
        if self._settings.is_managed:
            return ""
        reply = await self._ask(f"zonestatus {name}")
        found = _PATTERN.search(reply.text)
        if not reply.ok or (found and found[1] == self._pattern(name)):
            return ""
        return f"nsd has the zone by its pattern {found[1]}" if found else "nsd has the zone in its own configuration"

    async def _reload(self, changes: Sequence[ZoneChange], *, again: bool = False) -> dict[ZoneName, Outcome]:
        """Changed zones, one command each; those that NSD does not have are added."""
        outcomes: dict[ZoneName, Outcome] = {}
        absent: list[ZoneChange] = []
        if len(changes) > self._few:
            await self._ask("reload")
            return outcomes
        for change in changes:
            reply = await self._ask(f"reload {change.name}")
            if reply.ok:
                continue
            if NOT_CONFIGURED in reply.text and not again:
                absent.append(change)
            else:
                outcomes[change.name] = Outcome(kind=OutcomeKind.RETRY, reason=_one_line(reply.text))
        return outcomes | await self._add(absent, again=True)

    async def _undo(self, changes: Sequence[ZoneChange], before: dict[ZoneName, bytes | None]) -> None:
        """These were not taken, their last good files are back (or gone, where `before` is None): tell the daemon."""
        fresh = [str(change.name) for change in changes if before[change.name] is None]
        if fresh:
            await self._ask("delzones", fresh)
        for change in changes:
            if before[change.name] is not None:
                await self._ask(f"reload {change.name}")

    def _pattern(self, name: ZoneName) -> str:
        return self._layout.odd_pattern if is_odd(name) else self._layout.pattern

    # -- control

    async def _ask(self, line: str, items: Sequence[str] = ()) -> ControlReply:
        control = await self._get_control()
        return await control.command(line, items)

    async def _get_control(self) -> NsdControl:
        if self._control is None:
            made = await asyncio.to_thread(self._make_control)
            self._control = self._control or made  # a batch beside this one may have been first
        return self._control

    @property
    def _few(self) -> int:
        """So many changed zones at most are reloaded one by one."""
        return FEW_IF_COSTLY if self._is_costly else FEW

    @property
    def _is_costly(self) -> bool:
        """Whether a command is more than a round trip on a unix socket."""
        return self._layout.socket is None or isinstance(self._control, NsdControlProgram)

    def _make_control(self) -> NsdControl:
        layout, settings = self._layout, self._settings
        timeout_s = settings.command_timeout_s
        if settings.control == "nsd-control" or (
            settings.control == "auto" and layout.socket is None and not settings.tls_is_readable
        ):
            options = ["-c", str(layout.nsd_conf)] if layout.nsd_conf else []
            if layout.socket is None:
                options += ["-s", f"{settings.control_host}@{settings.control_port}"]
            return NsdControlProgram(options=options, timeout_s=timeout_s)
        if layout.socket is not None:
            return NativeNsdControl(layout.socket, timeout_s=timeout_s)
        server_cert, control_cert, control_key = settings.tls_files
        place = TlsPlace(
            host=settings.control_host or "",
            port=settings.control_port,
            server_cert=server_cert,
            control_cert=control_cert,
            control_key=control_key,
        )
        return NativeNsdControl(place, timeout_s=timeout_s)


def build(name: str, settings: NsdSettings, data_dir: Path) -> NsdBackend:
    """The backend of these settings."""
    return NsdBackend(name, settings, settings.layout(name, data_dir))


def _one_line(text: str) -> str:
    return "; ".join(part.strip() for part in text.splitlines() if part.strip()) or "NSD refused without a message"
