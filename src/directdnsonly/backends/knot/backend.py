"""Knot DNS: zone files plus `zone-reload` (changed) and configuration transactions (new, deleted).

`zone-reload` with the blocking flag tells the truth: on an error the old zone is still served. A commit does not: it says
OK for a new zone that cannot be loaded, which then answers SERVFAIL; so each new zone is reloaded once, and taken out
again when that fails. A commit costs O(zones): one per batch (docs/sizing.md).
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from pathlib import Path

from directdnsonly.backends.contract import Capabilities, Outcome, OutcomeKind, ZoneChange
from directdnsonly.backends.control import ControlReply, ControlUnavailable
from directdnsonly.backends.files.backend import FiledBackend, held_by_operator
from directdnsonly.backends.files.checker import KZONECHECK, ZoneChecker
from directdnsonly.backends.knot.control import KnotCommand, KnotControl, NativeKnotControl
from directdnsonly.backends.knot.knotc import KnotcControl
from directdnsonly.backends.knot.settings import KnotLayout, KnotSettings
from directdnsonly.errors import BackendUnavailable
from directdnsonly.zone.name import ZoneName

AT_ONCE = 3  # batches: one express, two bulk; they take turns at the control socket
RELOADS = 50  # in one turn, so that a challenge waits for these at most

# What Knot says about one zone. Any other error of a reload is judged by Knot's own checker.
ABSENT = ("no such zone found",)
NOT_LISTED = ("invalid identifier",)  # in the configuration
LISTED = ("duplicate identifier",)
PASSING = ("not exists", "not enough memory", "busy", "operation not permitted", "too many open files")


class KnotBackend(FiledBackend):
    """The backend `knot`: one knotd, by zone files and its control socket. Raises as `Backend` says."""

    def __init__(self, name: str, settings: KnotSettings, layout: KnotLayout) -> None:
        super().__init__(
            name,
            capabilities=Capabilities(
                batch_size=settings.batch_size, concurrency=AT_ONCE, allows_transfer=settings.is_managed
            ),
            servers=layout.servers,
            zones_dir=layout.zones_dir,
        )
        self._settings = settings
        self._checker = ZoneChecker(KZONECHECK, timeout_s=settings.command_timeout_s)
        timeout_s = settings.command_timeout_s
        self._control: KnotControl = (
            KnotcControl(options=["-s", str(layout.socket)], timeout_s=timeout_s)
            if settings.control == "knotc"
            else NativeKnotControl(layout.socket, timeout_s=timeout_s)
        )

    async def ready(self) -> None:
        """Return when changes can be applied now; raises BackendUnavailable with the reason."""
        try:
            (reply,) = await self._control.run([KnotCommand(command="status")])
        except ControlUnavailable as error:
            raise BackendUnavailable(str(error), backend=self.name) from error
        if not reply.ok:
            raise BackendUnavailable(reply.text, backend=self.name)

    async def aclose(self) -> None:
        """Release connections. No method is called afterwards. No connection is kept."""

    async def _tell(self, changes: Sequence[ZoneChange]) -> dict[ZoneName, Outcome]:
        """Make the daemon read the files of these."""
        outcomes = await self._held(changes)
        changes = [change for change in changes if change.name not in outcomes]
        known = [change for change in changes if change.known and not change.is_delete]
        replies = await self._reload(known)
        absent = {change.name for change, reply in zip(known, replies, strict=True) if reply.text in ABSENT}
        outcomes |= await self._judged(known, replies, but=absent)
        listing = [change for change in changes if not change.known or change.is_delete or change.name in absent]
        if listing:
            outcomes |= await self._list(listing)
        return outcomes

    async def _held(self, changes: Sequence[ZoneChange]) -> dict[ZoneName, Outcome]:
        """Outcomes of new and of deleted zones that knotd has otherwise: in its own file, or from a primary."""
        if self._settings.is_managed:
            return {}
        asked = [change for change in changes if change.is_delete or not change.known]
        items = [
            KnotCommand(command="conf-read", section="zone", item="file", identity=change.name.absolute)
            for change in asked
        ]
        outcomes: dict[ZoneName, Outcome] = {}
        for change, reply in zip(asked, await self._control.run(items) if items else (), strict=True):
            if reply.ok and reply.text != self._place(change.name):
                where = (
                    f"knotd has the zone with file {reply.text}"
                    if reply.text
                    else "knotd has the zone without a file of ours"
                )
                outcomes[change.name] = held_by_operator(where)
        return outcomes

    def _place(self, name: ZoneName) -> str:
        return str(self._files.path(name)).replace("%", "%%")  # `%` begins a formatter

    async def _list(self, changes: Sequence[ZoneChange]) -> dict[ZoneName, Outcome]:
        """Add and remove zones in one transaction; then the new ones are loaded again, which tells whether they can be."""
        commands = [command for change in changes for command in self._listing(change)]
        owners = [change for change in changes for _ in self._listing(change)]
        replies = await self._transaction(commands)
        outcomes: dict[ZoneName, Outcome] = {}
        for change, reply in zip(owners, replies, strict=True):
            if not reply.ok and reply.text not in (NOT_LISTED if change.is_delete else LISTED):
                outcomes[change.name] = Outcome(kind=OutcomeKind.RETRY, reason=_told(reply))
        fresh = [change for change in changes if not change.is_delete and change.name not in outcomes]
        return outcomes | await self._judged(fresh, await self._reload(fresh))

    def _listing(self, change: ZoneChange) -> list[KnotCommand]:
        zone = change.name.absolute
        if change.is_delete:
            return [KnotCommand(command="conf-unset", section="zone", identity=zone)]
        path = self._place(change.name)
        commands = [
            KnotCommand(command="conf-set", section="zone", item="domain", value=zone),
            KnotCommand(command="conf-set", section="zone", item="file", identity=zone, value=path),
        ]
        if self._settings.template and not self._settings.is_managed:
            commands.append(
                KnotCommand(
                    command="conf-set", section="zone", item="template", identity=zone, value=self._settings.template
                )
            )
        return commands

    async def _transaction(self, commands: Sequence[KnotCommand]) -> list[ControlReply]:
        """The replies of the commands between begin and commit. What a lost client left open is ended first."""
        abort, begin, commit = (KnotCommand(command=f"conf-{word}") for word in ("abort", "begin", "commit"))
        _, begun, *replies, committed = await self._control.run([abort, begin, *commands, commit])
        if not begun.ok:
            raise ControlUnavailable(f"knotd does not begin a configuration transaction: {_told(begun)}")
        if not committed.ok:
            await self._control.run([abort])
            raise ControlUnavailable(f"knotd does not commit its configuration: {_told(committed)}")
        return replies

    async def _reload(self, changes: Sequence[ZoneChange]) -> list[ControlReply]:
        commands = [KnotCommand(command="zone-reload", flags="B", zone=change.name.absolute) for change in changes]
        replies: list[ControlReply] = []
        for start in range(0, len(commands), RELOADS):
            replies += await self._control.run(commands[start : start + RELOADS])
        return replies

    async def _judged(
        self, changes: Sequence[ZoneChange], replies: Sequence[ControlReply], *, but: Collection[ZoneName] = ()
    ) -> dict[ZoneName, Outcome]:
        """The outcomes of reloads that failed, with the reason in Knot's own words where its checker is installed."""
        failed = [
            (change, reply)
            for change, reply in zip(changes, replies, strict=True)
            if not reply.ok and change.name not in but
        ]
        words = await asyncio.gather(
            *(self._checker.why_refused(change.name, change.text or "") for change, _ in failed)
        )
        return {change.name: self._judge(reply, told) for (change, reply), told in zip(failed, words, strict=True)}

    def _judge(self, reply: ControlReply, told: str) -> Outcome:
        if told and not any(sign in reply.text for sign in PASSING):
            return Outcome(kind=OutcomeKind.REFUSED, reason=told)
        if self._checker.there or any(sign in reply.text for sign in PASSING):
            return Outcome(kind=OutcomeKind.RETRY, reason=f"knotd: {_told(reply)} (see its log for more)")
        return Outcome(kind=OutcomeKind.REFUSED, reason=f"knotd: {_told(reply)} (see its log for the reason)")

    async def _undo(self, changes: Sequence[ZoneChange], before: dict[ZoneName, bytes | None]) -> None:
        """These were not taken, their last good files are back (or gone, where `before` is None): tell the daemon.

        A changed zone is still served as it was; a new one is taken out of the configuration.
        """
        fresh = [change.name for change in changes if before[change.name] is None]
        if fresh:
            await self._transaction(
                [KnotCommand(command="conf-unset", section="zone", identity=name.absolute) for name in fresh]
            )


def build(name: str, settings: KnotSettings, data_dir: Path) -> KnotBackend:
    """The backend of these settings."""
    return KnotBackend(name, settings, settings.layout(name, data_dir))


def _told(reply: ControlReply) -> str:
    return reply.text or "an error without a message"
