"""BIND: zone files plus control commands, one zone at a time, never a full reload.

New zones come by `addzone` (or by the include file and `reconfig`, the original's way), changes by `reload ZONE`,
deletes by `delzone`. named answers a reload before it has loaded, and loses one that comes while it loads
(docs/backends/bind.md): so each reload is followed until the SOA (a managed named's) or `zonestatus` shows the serial,
and given again when it does not. A zone that named refuses leaves the last good file in place, so that it survives
named's next restart.
"""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Sequence
from pathlib import Path

from directdnsonly.backends.bind.include import IncludeFile
from directdnsonly.backends.bind.isccc import ControlKey, NativeControl
from directdnsonly.backends.bind.isccc_wire import ALGORITHMS
from directdnsonly.backends.bind.judging import CHECK_AS_BUNDLED
from directdnsonly.backends.bind.pool import ControlPool
from directdnsonly.backends.bind.rndc import RndcControl
from directdnsonly.backends.bind.settings import BindLayout, BindSettings
from directdnsonly.backends.bind.watch import LOAD_PAUSES_S, SoaWatch
from directdnsonly.backends.contract import Capabilities, Outcome, OutcomeKind, ServerAddress, ZoneChange
from directdnsonly.backends.control import ControlReply, ControlUnavailable, NameServerControl
from directdnsonly.backends.files.backend import APPLIED, FiledBackend, held_by_operator
from directdnsonly.backends.files.checker import NAMED_CHECKZONE, ZoneChecker
from directdnsonly.backends.settings import reachable
from directdnsonly.errors import BackendUnavailable
from directdnsonly.zone.name import ZoneName

RELOAD_AGAIN_S = (0.05, 0.2, 1.0)  # the lost reload is given again after these
AT_ONCE = 3  # batches: one express, two bulk
# Of a batch, so that named need not wait for us between two commands: an addzone took 1.97 ms over one connection, 1.54 over
# two, 1.32 over four (medians of 40 turns of 50 zones each, on a busy machine). A connection answers one at a time.
IN_FLIGHT = 2
CONNECTIONS = 4

# What named says, by command. Anything else that is not "ok" is tried again later.
ABSENT = ("not found", "no matching zone")
PRESENT = ("already exists",)
FORBIDDEN = ("not allowed", "not permitted", "allow-new-zones")
ENVIRONMENT = ("permission denied", "file not found", "out of memory", "too many open files", "no space")
DYNAMIC = ("dynamic zone",)

_KEY = re.compile(r'algorithm\s+"?([\w-]+)"?\s*;.*?secret\s+"([^"]+)"', re.DOTALL)
_PATHS = re.compile(r'^files: (.+)$|\bfile "([^"]+)"', re.MULTILINE)
_SERIAL = re.compile(r"^serial: (\d+)$", re.MULTILINE)


class BindBackend(FiledBackend):
    """The backend `bind`: drives one named by zone files and its control channel. Raises as `Backend` says."""

    def __init__(self, name: str, settings: BindSettings, layout: BindLayout) -> None:
        include = settings.zone_home == "include" or (settings.zone_home == "auto" and layout.named_conf is not None)
        self._include = IncludeFile(layout.named_conf) if include and layout.named_conf else None
        self._edition_read = 0  # by named, of the include file
        super().__init__(
            name,
            # By addzone, commands of several batches take turns at the control channel, so that a challenge waits for
            # one command and not for a whole bulk batch; the include file has one writer.
            capabilities=Capabilities(
                batch_size=settings.batch_size,
                concurrency=AT_ONCE if self._include is None else 1,
                allows_transfer=settings.is_managed,
            ),
            servers=layout.servers,
            zones_dir=layout.zones_dir,
        )
        self._settings = settings
        self._layout = layout
        judge = CHECK_AS_BUNDLED if settings.is_managed else NAMED_CHECKZONE
        self._checker = ZoneChecker(judge, timeout_s=settings.command_timeout_s)
        self._control: NameServerControl | None = None
        # An external named's address may be another name server's (`verify_address`): its SOA would prove nothing here.
        own = ServerAddress(host=reachable(layout.listen[0]), port=layout.port) if settings.is_managed else None
        self._watch = SoaWatch(own) if own else None

    async def ready(self) -> None:
        """Return when changes can be applied now; raises BackendUnavailable with the reason."""
        try:
            reply = await self._ask("status")
        except ControlUnavailable as error:
            raise BackendUnavailable(str(error), backend=self.name) from error
        if not reply.ok:
            raise BackendUnavailable(reply.text or "named does not report its status", backend=self.name)

    async def aclose(self) -> None:
        """Release connections. No method is called afterwards."""
        if self._watch is not None:
            self._watch.close()
        if self._control is not None:
            await self._control.aclose()

    # -- of FiledBackend

    async def _tell(self, changes: Sequence[ZoneChange]) -> dict[ZoneName, Outcome]:
        """Make the daemon read the files of these; outcomes of those that it did not take. Raises ControlUnavailable.

        All commands first, then each reload is followed until it is loaded.
        """
        over = await self._refused_unseen([change for change in changes if change.unsure and not change.is_delete])
        changes = [change for change in changes if change.name not in over]
        if self._include is not None:
            over |= await self._list_ours(changes)
        said = await self._command_all([change for change in changes if change.name not in over])
        asked = [change for change, outcome in said if outcome is None]
        seen = await self._watch.loaded(asked) if self._watch else None
        pauses_s = LOAD_PAUSES_S if seen is None else LOAD_PAUSES_S[:1]  # the watch has waited
        ends = [
            (change, outcome or await self._follow(change, pauses_s))
            for change, outcome in said
            if outcome is not None or change.name not in (seen or ())
        ]
        return over | {change.name: outcome for change, outcome in ends if outcome.kind is not OutcomeKind.APPLIED}

    async def _undo(self, changes: Sequence[ZoneChange], before: dict[ZoneName, bytes | None]) -> None:
        """These were not taken, their last good files are back (or gone, where `before` is None): tell the daemon.

        named keeps the old content of a zone by itself; one that never loaded is unlisted.
        """
        if self._include is not None:
            await self._list({change.name: None for change in changes if before[change.name] is None})

    # -- commands

    async def _list(self, wanted: dict[ZoneName, Path | None]) -> None:
        """Adds and deletes of a batch in one writing of the include file and one reconfig.

        What was interrupted between the two has left named behind the file: a batch that changes nothing in it asks, too.
        """
        assert self._include is not None
        await asyncio.to_thread(self._include.update, wanted)
        edition = self._include.edition
        if edition != self._edition_read:
            reply = await self._ask("reconfig")
            if not reply.ok:
                raise ControlUnavailable(f"rndc reconfig failed: {reply.text or 'see the log of named'}")
            self._edition_read = edition

    async def _list_ours(self, changes: Sequence[ZoneChange]) -> dict[ZoneName, Outcome]:
        """List and unlist these; outcomes of those that named holds otherwise: listed twice, they would stop every reconfig."""
        assert self._include is not None
        held: dict[ZoneName, Outcome] = {}
        for change in changes:
            if change.name not in self._include and (where := await self._why_not_ours(change)):
                held[change.name] = held_by_operator(where)
        await self._list(
            {
                change.name: None if change.is_delete else self._files.path(change.name)
                for change in changes
                if change.name not in held
            }
        )
        return held

    async def _why_not_ours(self, change: ZoneChange) -> str:
        """How named holds a zone of this name that is not in our file of it; empty when it is ours, or not there."""
        if self._settings.is_managed or (self._include is not None and change.name in self._include):
            return ""
        path = str(self._files.path(change.name))
        reply = await self._ask(f'showzone "{change.name}"' if self._include is None else f'zonestatus "{change.name}"')
        if _says(reply.text, ABSENT) or path in {found[1] or found[2] for found in _PATHS.finditer(reply.text)}:
            return ""
        return f"named has the zone from another source ({_one_line(reply.text)[:200]})"

    async def _command_all(self, changes: Sequence[ZoneChange]) -> list[tuple[ZoneChange, Outcome | None]]:
        """Tell named of each, IN_FLIGHT at a time; when one raises, no other is told any more."""
        if not changes:
            return []
        if len(changes) == 1:
            return [(changes[0], await self._command(changes[0]))]
        said: list[tuple[ZoneChange, Outcome | None]] = []
        left = iter(changes)

        async def worker() -> None:
            for change in left:
                said.append((change, await self._command(change)))

        try:
            async with asyncio.TaskGroup() as workers:
                for number in range(min(IN_FLIGHT, len(changes))):
                    workers.create_task(worker(), name=f"{self.name}: commands {number}")
        except BaseExceptionGroup as errors:
            away, others = errors.split(ControlUnavailable)
            if away is None or others is not None:
                raise
            first = away.exceptions[0]
            raise first from first.__cause__  # which tells dispatch whether a connection broke
        return said

    async def _command(self, change: ZoneChange) -> Outcome | None:
        """Tell named; None when the result shows only later (a reload)."""
        if change.is_delete:
            return await self._delete(change)
        if self._include is not None or change.known:
            return await self._reload(change)
        return await self._add(change)

    async def _add(self, change: ZoneChange, *, again: bool = False) -> Outcome | None:
        path = self._files.path(change.name)
        reply = await self._ask(f'addzone "{change.name}" {{ type primary; file "{path}"; }};')
        if reply.ok:
            return APPLIED  # addzone loads before it answers
        text = reply.text
        if _says(text, PRESENT) and not again:
            if where := await self._why_not_ours(change):
                return held_by_operator(where)
            return await self._reload(change, again=True)
        if _says(text, FORBIDDEN):
            raise ControlUnavailable(f"{text}: set `allow-new-zones yes;` in the options of named.conf")
        return await self._not_loaded(change, text, otherwise=OutcomeKind.REFUSED)

    async def _reload(self, change: ZoneChange, *, again: bool = False) -> Outcome | None:
        reply = await self._ask(f'reload "{change.name}"')
        if reply.ok:
            return None
        if _says(reply.text, ABSENT) and not again and self._include is None:
            return await self._add(change, again=True)
        if _says(reply.text, DYNAMIC):
            reason = "named has it as a dynamic zone (allow-update), which cannot be delivered by file"
            return Outcome(kind=OutcomeKind.REFUSED, reason=reason)
        if self._include is not None:
            return None  # listed, but not loaded: following it finds out why
        return await self._not_loaded(change, reply.text, otherwise=OutcomeKind.RETRY)

    async def _not_loaded(self, change: ZoneChange, text: str, *, otherwise: OutcomeKind) -> Outcome:
        """What named's "bad zone" means: its checker knows the line and the reason.

        named says it at once of a zone that is not loaded: of a new one, and of one that it could not load when it started.
        """
        if _says(text, ENVIRONMENT):
            return Outcome(kind=OutcomeKind.RETRY, reason=_one_line(text))
        if refusal := await self._checker.why_refused(change.name, change.text or ""):
            return Outcome(kind=OutcomeKind.REFUSED, reason=refusal)
        return Outcome(kind=otherwise, reason=_one_line(text))

    async def _refused_unseen(self, changes: Sequence[ZoneChange]) -> dict[ZoneName, Outcome]:
        """Those that named would refuse without our seeing it, since the serial that it goes on serving is the same."""
        reasons = [await self._checker.why_refused(change.name, change.text or "") for change in changes]
        return {
            change.name: Outcome(kind=OutcomeKind.REFUSED, reason=reason)
            for change, reason in zip(changes, reasons, strict=True)
            if reason
        }

    async def _delete(self, change: ZoneChange) -> Outcome:
        if self._include is not None:
            return APPLIED  # the reconfig has removed it
        if where := await self._why_not_ours(change):
            return held_by_operator(where)
        reply = await self._ask(f'delzone "{change.name}"')
        if reply.ok or _says(reply.text, ABSENT):
            return APPLIED
        return Outcome(kind=OutcomeKind.RETRY, reason=_one_line(reply.text))

    async def _follow(self, change: ZoneChange, pauses_s: Sequence[float]) -> Outcome:
        """Watch until named has loaded what the reload asked for; give a lost reload again; find out why it refuses."""
        if await self._is_loaded(change, pauses_s):
            return APPLIED
        if where := await self._why_not_ours(change):
            return held_by_operator(where)
        refusal = await self._checker.why_refused(change.name, change.text or "")
        if refusal:
            return Outcome(kind=OutcomeKind.REFUSED, reason=refusal)
        for pause_s in RELOAD_AGAIN_S:
            await self._ask(f'reload "{change.name}"')
            if await self._is_loaded(change, (0.002, pause_s / 2, pause_s / 2)):
                return APPLIED
        return Outcome(
            kind=OutcomeKind.RETRY, reason="named accepted the reload but does not load the zone: see its log"
        )

    async def _is_loaded(self, change: ZoneChange, pauses_s: Sequence[float]) -> bool:
        for pause_s in pauses_s:
            if pause_s:
                await asyncio.sleep(pause_s)
            reply = await self._ask(f'zonestatus "{change.name}"')
            found = _SERIAL.search(reply.text)
            if found and int(found[1]) == change.serial:
                return True
        return False

    async def _ask(self, line: str) -> ControlReply:
        if self._control is None:
            made = await asyncio.to_thread(self._make_control)
            self._control = self._control or made  # a batch beside this one may have been first; ours is not connected
        return await self._control.command(line)

    def _make_control(self) -> NameServerControl:
        layout, settings = self._layout, self._settings
        key = _read_key(layout.key_file) if settings.control != "rndc" else None
        if key is not None:
            host, port, timeout_s = layout.control_host, layout.control_port, settings.command_timeout_s
            return ControlPool(
                [NativeControl(host=host, port=port, key=key, timeout_s=timeout_s) for _ in range(CONNECTIONS)]
            )
        if settings.control == "native":
            raise ControlUnavailable(f"control: native needs a readable key file, but {layout.key_file} is none")
        options = ["-s", layout.control_host, "-p", str(layout.control_port)]
        if layout.key_file is not None:
            options += ["-k", str(layout.key_file)]
        return RndcControl(options=options, timeout_s=settings.command_timeout_s)


def build(name: str, settings: BindSettings, data_dir: Path) -> BindBackend:
    """The backend of these settings."""
    return BindBackend(name, settings, settings.layout(name, data_dir))


def _read_key(path: Path | None) -> ControlKey | None:
    """The key in a rndc.key file; None when it cannot be read or is of an unknown kind."""
    if path is None:
        return None
    try:
        found = _KEY.search(path.read_text(encoding="utf-8"))
    except OSError:
        return None
    if found is None or found[1].lower() not in ALGORITHMS:
        return None
    return ControlKey(algorithm=found[1].lower(), secret=base64.b64decode(found[2]))


def _says(text: str, signs: Sequence[str]) -> bool:
    lowered = text.lower()
    return any(sign in lowered for sign in signs)


def _one_line(text: str) -> str:
    return "; ".join(part.strip() for part in text.splitlines() if part.strip()) or "named refused without a message"
