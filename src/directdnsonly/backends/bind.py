"""BIND: zone files plus control commands, one zone at a time, never a full reload.

New zones come by `addzone` (or by the include file and `reconfig`, the original's way), changes by `reload ZONE`,
deletes by `delzone`. named answers a reload before it has loaded, and loses one that comes while it loads
(daemons.md, gotchas 1 and 2): so each reload is followed until `zonestatus` shows the serial, and given again when it
does not. A zone that named refuses leaves the last good file in place, so that it survives named's next restart.
"""

from __future__ import annotations

import asyncio
import base64
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from directdnsonly.backends._control.contract import ControlReply, ControlUnavailable, NameServerControl
from directdnsonly.backends._control.isccc import ControlKey, NativeControl
from directdnsonly.backends._control.isccc_wire import ALGORITHMS
from directdnsonly.backends._control.rndc import RndcControl
from directdnsonly.backends._include import IncludeFile
from directdnsonly.backends._zonefile import ZoneFolder
from directdnsonly.backends.bind_settings import BindLayout, BindSettings
from directdnsonly.backends.contract import Capabilities, Outcome, OutcomeKind, ZoneChange, ZoneObserved
from directdnsonly.errors import BackendUnavailable
from directdnsonly.zone.model import Record
from directdnsonly.zone.name import ZoneName

LOAD_PAUSES_S = (0.0, 0.001, 0.002, 0.004, 0.008, 0.015, 0.02)  # 50 ms in all, then doubt
RELOAD_AGAIN_S = (0.05, 0.2, 1.0)  # the lost reload is given again after these
AT_ONCE = 3  # batches: one express, two bulk
PAGE = 1000

# What named says, by command. Anything else that is not "ok" is tried again later.
ABSENT = ("not found", "no matching zone")
PRESENT = ("already exists",)
FORBIDDEN = ("not allowed", "not permitted", "allow-new-zones")
ENVIRONMENT = ("permission denied", "file not found", "out of memory", "too many open files", "no space")
DYNAMIC = ("dynamic zone",)

_KEY = re.compile(r'algorithm\s+"?([\w-]+)"?\s*;.*?secret\s+"([^"]+)"', re.DOTALL)
_SERIAL = re.compile(r"^serial: (\d+)$", re.MULTILINE)
_APPLIED = Outcome(kind=OutcomeKind.APPLIED)


class BindBackend:
    """See `Backend`."""

    def __init__(self, name: str, settings: BindSettings, layout: BindLayout) -> None:
        self.name = name
        self.servers = layout.servers
        self._settings = settings
        self._layout = layout
        self._files = ZoneFolder(layout.zones_dir)
        include = settings.zone_home == "include" or (settings.zone_home == "auto" and layout.named_conf is not None)
        self._include = IncludeFile(layout.named_conf) if include and layout.named_conf else None
        # By addzone, commands of several batches take turns at the control channel, so that a challenge waits for one
        # command and not for a whole bulk batch; the include file has one writer.
        self.capabilities = Capabilities(
            batch_size=settings.batch_size,
            concurrency=AT_ONCE if self._include is None else 1,
            allows_transfer=settings.is_managed,
        )
        self._control: NameServerControl | None = None

    # -- Backend

    async def apply(self, changes: Sequence[ZoneChange]) -> Sequence[Outcome]:
        """See Backend."""
        try:
            before = await asyncio.to_thread(self._write, changes)
            if self._include is not None:
                await self._list_in_include(changes)
            outcomes = [await self._command(change) for change in changes]
            for number, change in enumerate(changes):
                if outcomes[number] is None:
                    outcomes[number] = await self._follow(change)
        except ControlUnavailable as error:
            raise BackendUnavailable(str(error), backend=self.name) from error
        except OSError as error:
            reason = f"{error.strerror}: {error.filename or self._layout.zones_dir}"
            raise BackendUnavailable(reason, backend=self.name) from error
        settled = [outcome or _APPLIED for outcome in outcomes]
        await self._clean_up(changes, settled, before)
        return settled

    async def inventory(self) -> AsyncIterator[ZoneObserved]:
        """See Backend. Reads the last line of each file, a page in a thread at a time."""
        names = await asyncio.to_thread(self._files.all_names)
        for start in range(0, len(names), PAGE):
            for observed in await self.observe(names[start : start + PAGE]):
                if observed is not None:
                    yield observed

    async def observe(self, names: Sequence[ZoneName]) -> Sequence[ZoneObserved | None]:
        """See Backend. The last line of each file tells."""
        return await asyncio.to_thread(self._files.observe_all, names)

    async def stored(self, name: ZoneName) -> Sequence[Record] | None:
        """See Backend."""
        return await asyncio.to_thread(self._files.records, name)

    async def ready(self) -> None:
        """See Backend."""
        try:
            reply = await self._ask("status")
        except ControlUnavailable as error:
            raise BackendUnavailable(str(error), backend=self.name) from error
        if not reply.ok:
            raise BackendUnavailable(reply.text or "named does not say its status", backend=self.name)

    async def aclose(self) -> None:
        """See Backend."""
        if self._control is not None:
            await self._control.aclose()

    # -- files

    def _write(self, changes: Sequence[ZoneChange]) -> list[bytes | None]:
        """Write the files of the puts; what each file held before."""
        self._layout.zones_dir.mkdir(parents=True, exist_ok=True)
        before: list[bytes | None] = []
        for change in changes:
            before.append(None if change.is_delete else self._files.read(change.name))
            if change.text is not None:
                self._files.write(
                    change.name, change.text, version=change.version, serial=change.serial, records=change.records
                )
        return before

    async def _clean_up(
        self, changes: Sequence[ZoneChange], outcomes: Sequence[Outcome], before: Sequence[bytes | None]
    ) -> None:
        """Remove files of deleted zones; put the last good content back where named refused the new one."""
        todo = [
            (change, content)
            for change, outcome, content in zip(changes, outcomes, before, strict=True)
            if (change.is_delete and outcome.kind is OutcomeKind.APPLIED)
            or (not change.is_delete and outcome.kind is OutcomeKind.REFUSED)
        ]
        if not todo:
            return

        def clean() -> None:
            for change, content in todo:
                self._files.put_back(change.name, None if change.is_delete else content)

        await asyncio.to_thread(clean)
        if self._include is not None:
            never_served: dict[ZoneName, Path | None] = {
                change.name: None for change, content in todo if not change.is_delete and content is None
            }
            changed = await asyncio.to_thread(self._unlist, never_served)
            if changed:
                await self._ask("reconfig")

    def _unlist(self, names: dict[ZoneName, Path | None]) -> bool:
        assert self._include is not None
        return self._include.update(names)

    # -- commands

    async def _list_in_include(self, changes: Sequence[ZoneChange]) -> None:
        """Adds and deletes of a batch in one file and one reconfig."""
        assert self._include is not None
        wanted: dict[ZoneName, Path | None] = {}
        for change in changes:  # in order: the last change of a name counts
            wanted[change.name] = None if change.is_delete else self._files.path(change.name)
        if await asyncio.to_thread(self._include.update, wanted):
            reply = await self._ask("reconfig")
            if not reply.ok:
                raise ControlUnavailable(f"rndc reconfig failed: {reply.text or 'see the log of named'}")

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
            return _APPLIED  # addzone loads before it answers
        text = reply.text
        if _says(text, PRESENT) and not again:
            return await self._reload(change, again=True)
        if _says(text, FORBIDDEN):
            raise ControlUnavailable(f"{text}: set `allow-new-zones yes;` in the options of named.conf")
        if _says(text, ENVIRONMENT):
            return Outcome(kind=OutcomeKind.RETRY, reason=_one_line(text))
        return Outcome(kind=OutcomeKind.REFUSED, reason=_one_line(text))

    async def _reload(self, change: ZoneChange, *, again: bool = False) -> Outcome | None:
        reply = await self._ask(f'reload "{change.name}"')
        if reply.ok:
            return None
        if _says(reply.text, ABSENT) and not again and self._include is None:
            return await self._add(change, again=True)
        if _says(reply.text, DYNAMIC):
            reason = "named holds it as a dynamic zone (allow-update): such a zone cannot be delivered by file"
            return Outcome(kind=OutcomeKind.REFUSED, reason=reason)
        if self._include is not None:
            return None  # listed, but not loaded: following it finds out why
        return Outcome(kind=OutcomeKind.RETRY, reason=_one_line(reply.text))

    async def _delete(self, change: ZoneChange) -> Outcome:
        if self._include is not None:
            return _APPLIED  # the reconfig has removed it
        reply = await self._ask(f'delzone "{change.name}"')
        if reply.ok or _says(reply.text, ABSENT):
            return _APPLIED
        return Outcome(kind=OutcomeKind.RETRY, reason=_one_line(reply.text))

    async def _follow(self, change: ZoneChange) -> Outcome:
        """Watch until named has loaded what the reload asked for; give a lost reload again; find out why it refuses."""
        if await self._is_loaded(change, LOAD_PAUSES_S):
            return _APPLIED
        refusal = await asyncio.to_thread(self._why_refused, change)
        if refusal:
            return Outcome(kind=OutcomeKind.REFUSED, reason=refusal)
        for pause_s in RELOAD_AGAIN_S:
            await self._ask(f'reload "{change.name}"')
            if await self._is_loaded(change, (0.002, pause_s / 2, pause_s / 2)):
                return _APPLIED
        return Outcome(kind=OutcomeKind.RETRY, reason="named took the reload but does not load the zone: see its log")

    async def _is_loaded(self, change: ZoneChange, pauses_s: Sequence[float]) -> bool:
        for pause_s in pauses_s:
            if pause_s:
                await asyncio.sleep(pause_s)
            reply = await self._ask(f'zonestatus "{change.name}"')
            found = _SERIAL.search(reply.text)
            if found and int(found[1]) == change.serial:
                return True
        return False

    def _why_refused(self, change: ZoneChange) -> str:
        """The reason in named's own words, by its own checker with the strictness that named has by default."""
        program = shutil.which("named-checkzone") or shutil.which("named-checkzone", path="/usr/sbin:/sbin:/usr/bin")
        if program is None:
            return ""
        names = "ignore" if self._settings.is_managed else "fail"
        done = subprocess.run(  # noqa: S603 - a fixed program; the name is a ZoneName, the path ours
            [program, "-k", names, "-i", "local", str(change.name), str(self._files.path(change.name))],
            capture_output=True,
            timeout=self._settings.command_timeout_s,
            check=False,
        )
        if not done.returncode:
            return ""
        lines = (done.stdout + done.stderr).decode("utf-8", "replace").splitlines()
        return _one_line("; ".join(line for line in lines if "not loaded" not in line)[:400])

    async def _ask(self, line: str) -> ControlReply:
        if self._control is None:
            made = await asyncio.to_thread(self._make_control)
            self._control = self._control or made  # a batch beside this one may have been first; ours is not connected
        return await self._control.command(line)

    def _make_control(self) -> NameServerControl:
        layout, settings = self._layout, self._settings
        key = _read_key(layout.key_file) if settings.control != "rndc" else None
        if key is not None:
            return NativeControl(
                host=layout.control_host, port=layout.control_port, key=key, timeout_s=settings.command_timeout_s
            )
        if settings.control == "native":
            raise ControlUnavailable(f"control: native needs a readable key file, {layout.key_file} is none")
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
    return "; ".join(part.strip() for part in text.splitlines() if part.strip()) or "named refused without a word"
