"""Logging: structlog, one event a line, event names in one list. Nothing is configured by importing this.

One canonical line per push and per attempt, with one `change_id` from the door to the name server. No zone content,
no secrets: a key that sounds like one is blotted out.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import time
from collections.abc import Callable, Mapping, MutableMapping
from datetime import datetime
from functools import lru_cache
from json.encoder import encode_basestring_ascii
from math import isfinite
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

import structlog

EVENTS: Mapping[str, str] = MappingProxyType(
    {
        "push.accepted": "A push was committed; backends have work.",
        "push.unchanged": "A push brought what we hold already; committed, no work.",
        "push.pinned": "A push of a pinned zone was committed; it is served when the zone is released.",
        "push.refused": "A push was answered error=1: `rule` and `reason` tell the first of its `faults`. Kept for the operator with all of them.",
        "push.withheld": "A push was committed, but is served only when somebody approves it: `rule` and `reason` say why.",
        "push.overtaken": "A pulled or approved zone was not recorded: a newer version came meanwhile.",
        "push.dropped": "A push that waited for approval is over: its zone was deleted, or another push took its place.",
        "push.approved": "An operator approved a held push.",
        "push.rejected": "An operator rejected a held push.",
        "migration.opened": "An operator announced that zones move from one DirectAdmin server to another.",
        "migration.closed": "An announced move was ended by hand.",
        "push.lost": "So many pushes could not be recorded when they came; their names are kept now, and they must come again.",
        "lost.forgotten": "An operator has looked at pushes that were lost.",
        "push.failed": "A push could not be committed (store full, locked, too slow); answered error=1.",
        "delete.accepted": "A delete was committed.",
        "delete.pinned": "A delete of a pinned zone was committed; the zone is gone when it is released.",
        "delete.ignored": "A delete changes nothing: unknown zone, or one that belongs to another server.",
        "delete.failed": "A delete could not be committed; answered error=1.",
        "zone.taken_over": "Another DirectAdmin server pushed the zone: it belongs to that one now.",
        "zone.overlaps": "A zone was made above or below another DirectAdmin server's zones; `detail` says whose.",
        "zone.rolled_back": "A person made the content of an old version the wanted one.",
        "zone.pinned": "A person holds the zone at the version that it serves.",
        "zone.released": "A pinned zone follows its pushes again.",
        "credential.new_hostname": "A credential pushes under a host name that it did not use before.",
        "login.tested": "DirectAdmin tested the connection.",
        "login.failed": "Wrong user name, password or token; counted, at most a line a minute per address and user.",
        "backend.paused": "An operator has stopped the work for a backend; it stays so over a restart.",
        "backend.forgotten": "An operator has dropped what was kept for a backend that is no longer configured.",
        "backend.resumed": "An operator lets a backend work again.",
        "zone.redelivered": "An operator asked for a zone to be delivered once more.",
        "token.created": "Somebody made a bearer token of the API.",
        "token.revoked": "Somebody ended a bearer token.",
        "tls.reloaded": "A renewed certificate is used for new connections.",
        "tls.reload_failed": "A changed certificate does not fit its key, or cannot be read; the old one is used on.",
        "event.lost": "A line of the audit could not be kept; the push itself is committed.",
        "door.failed": "A request ended in an unexpected error: our bug.",
        "door.crowded": "Connections gave way to others because there were too many; once a minute. `busiest`: whose they are.",
        "delivery.stored": "Stored and read again, not proven: no address of a name server is known (`verify_address`).",
        "delivery.verified": "The name server has proven the zone; `proven_ms` counts from the commit of the push.",
        "delivery.retried": "The zone failed on this backend; due again after `again_in_s`.",
        "delivery.buried": "The zone was given up on this backend: a person must look.",
        "delivery.deferred": "Given back unharmed, because the backend as a whole is away.",
        "delivery.revived": "A person gave dead deliveries all their attempts again.",
        "batch.started": "A lane began to work on more than one zone.",
        "batch.completed": "The lane is empty again: zones, failed, seconds, zones per second.",
        "breaker.opened": "A backend is away: nothing is attempted or burned until it answers again.",
        "breaker.closed": "The backend is back; everything outstanding drains.",
        "backend.swept": "Every zone of a name server was compared with the store: at its start, or in a pass.",
        "backend.drifted": "The name server did not serve what it should; the zones are queued again.",
        "backend.seeded": "A bundled name server without any zone file was given all that it had proven, before its start.",
        "backend.not_seeded": "That could not be done, or not to the end; its zones come one by one after the start.",
        "backend.outgrown": "A name server has more zones than it serves well; `reason` says how many, and what to take instead.",
        "backend.limited": "A database takes one statement at a time only: `reason`. A change costs it more round trips.",
        "reconcile.failed": "A pass, or its turn of one server or backend, ended in an unforeseen error; the next pass tries again.",
        "reconcile.completed": "A pass compared us with DirectAdmin and with the name servers: what differed, what was done.",
        "orphan.quarantined": "A zone was absent in several whole lists of its server; it is served until the grace ends.",
        "orphan.deleted": "An orphan was deleted; `dadns reconcile --undo` brings it back.",
        "orphan.approved": "An operator approved a plan of deletions that was over the cap.",
        "orphan.undone": "An operator keeps a zone that its server lists no more.",
        "list.accepted": "An operator vouches for a server's next list, however short.",
        "alarm.raised": "Reconciliation found what a person must look at; `kind` and `reason` say what.",
        "alarm.cleared": "What an alarm told is over.",
        "nameserver.started": "A bundled name server runs and has loaded its zones.",
        "nameserver.exited": "A bundled name server ended by itself; it is started again.",
        "nameserver.hung": "A bundled name server lived and answered nobody; it was killed and is started again.",
        "nameserver.slow": "A bundled name server was started long ago and does not answer yet; it is watched.",
        "nameserver.stopped": "A bundled name server was stopped with us.",
        "nameserver.stale_stopped": "A name server that an earlier, killed process of ours left was stopped.",
        "config.noted": "A key of the configuration means something else here than in the original, or nothing: what and why.",
        "service.started": "Pushes are accepted; `dns` tells where bundled name servers answer, `started_by` who started us.",
        "service.state_changed": "It is ready, degraded or unready now, and was `before` (empty after a start); `reasons` say why.",
        "service.stopping": "A signal asked us to stop.",
        "service.stopped": "Everything is written and closed.",
        "service.close_failed": "A backend could not be closed in time when the service stopped.",
        "service.failed": "An actor ended that must not: the process exits with a non-zero code.",
        "clock.doubted": "The clock leapt ahead while we were down: for a week of running nothing is forgotten, and no orphan deleted, by it.",
        "clock.believed": "The clock is believed again: it was put right, or has run on for a week.",
        "store.available": "The store works again for this lane; how long it did not, and how often it was tried.",
        "housekeeping.failed": "Old history could not be forgotten for an unforeseen reason; tried again in an hour.",
        "store.unavailable": "The store cannot work now; the reason says what to do. Told once a minute while it lasts.",
    }
)
_SECRET = re.compile(r"password|passwd|secret|authorization|token|api_?key", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_STACK_KEYS = frozenset({"exception", "stack"})


class _Output:
    """Standard error as it is now. A log that cannot be written (disk full, pipe closed) must never stop the service."""

    def msg(self, line: str) -> None:
        """Write a line whole, at once, or not at all."""
        try:
            _write(line + "\n")
        except (OSError, ValueError):
            pass  # nowhere left to say it; the status and the audit in the store still tell

    log = debug = info = warning = error = critical = exception = fatal = msg


def _write(text: str) -> None:
    """Past Python's buffer where there is a file: what stays in it would be tried again at exit, and end us with code 120."""
    try:
        place = sys.stderr.fileno()
    except (OSError, ValueError):  # a test's capture in memory
        sys.stderr.write(text)
        sys.stderr.flush()
        return
    left = text.encode(errors="backslashreplace")
    while left:
        left = left[os.write(place, left) :]


class _Handler(logging.Handler):
    """What libraries say, through the same door."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record of the standard library's logging; never raises. Its own way out would print the arguments, which nobody has blotted."""
        try:
            line = self.format(record)
        except Exception:  # noqa: BLE001 - a library's broken format string is no reason to stop
            record.msg, record.args = f"a log record of {record.name} could not be formatted", None
            line = self.format(record)
        _Output().msg(line)


class Stamp:
    """The time as ISO 8601 with milliseconds, in one zone; all but the milliseconds is made once a second."""

    def __init__(self, timezone: str, now_s: Callable[[], float] = time.time) -> None:
        self._zone = ZoneInfo(timezone)
        self._now_s = now_s
        self._made = (-1, "", "")  # the second, what stands before and behind the milliseconds

    def __call__(self) -> str:
        """Of now."""
        now = self._now_s()
        second, before, behind = self._made
        if second != int(now):
            second = int(now)
            text = datetime.fromtimestamp(second, self._zone).isoformat(timespec="seconds")
            before, behind = text[:19], text[19:]
            self._made = second, before, behind  # in one go: other threads log, too
        return f"{before}.{int((now - second) * 1000):03d}{behind}"


def steps(stamp: Callable[[], str], renderer: Callable[..., Any]) -> list[Callable[..., Any]]:
    """The steps of structlog from an event to its line."""

    def stamped(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["timestamp"] = stamp()
        return event

    # Tracebacks as plain text: the pretty ones show local variables, passwords among them.
    return [
        structlog.processors.add_log_level,
        stamped,
        structlog.processors.format_exc_info,
        structlog.processors.UnicodeDecoder(),
        _clean,
        renderer,
    ]


class JsonLine:
    """An event as a line of JSON, in one go: what the steps make of it, at half the price.

    Events with a traceback, and values that are neither text nor numbers, take the steps.
    """

    def __init__(self, stamp: Callable[[], str]) -> None:
        self._stamp = stamp
        self._render = structlog.processors.JSONRenderer()
        self.steps = steps(stamp, self._render)

    def __call__(self, logger: Any, method: str, event: MutableMapping[str, Any]) -> str:
        """The line of an event, as the last of structlog's processors."""
        if "exc_info" in event:
            line: Any = event
            for step in self.steps:
                line = step(logger, method, line)
            return str(line)
        event["level"] = method
        event["timestamp"] = self._stamp()
        fields = []
        for key, value in event.items():
            head, kind = _head(key), type(value)
            if not head:
                fields.append(self._by_steps(key, value))
            elif kind is str:
                plain = value if value.isascii() and value.isprintable() else _escaped(value)
                fields.append(head + encode_basestring_ascii(plain))
            elif kind is int or (kind is float and isfinite(value)):
                fields.append(head + repr(value))
            else:
                fields.append(self._by_steps(key, value))
        return "{" + ", ".join(fields) + "}"

    def _by_steps(self, key: str, value: Any) -> str:
        """What is rare."""
        field: MutableMapping[str, Any] = {key: value.decode(errors="replace") if isinstance(value, bytes) else value}
        return str(self._render(None, "", _clean(None, "", field)))[1:-1]


def configure(*, level: str, fmt: str, timezone: str) -> None:
    """Log to standard error from now on, ours and the libraries'. `fmt`: auto, json or console."""
    stamp = Stamp(timezone)
    console = fmt == "console" or (fmt == "auto" and sys.stderr.isatty())
    renderer: Any = (
        structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback, pad_event_to=24
        )
        if console
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=steps(stamp, renderer) if console else [JsonLine(stamp)],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level)),
        logger_factory=lambda *_names: _Output(),
        cache_logger_on_first_use=True,
    )
    handler = _Handler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *steps(stamp, renderer)]
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(getattr(logging, level), logging.WARNING))  # libraries speak only when something is wrong


def _clean(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Blot out what sounds like a secret; foreign text cannot forge a line.

    A traceback keeps its lines, indented: none of them can pass for an event.
    """
    for key, value in event.items():
        if key in _STACK_KEYS and isinstance(value, str):
            event[key] = "\n".join(f"    {_escaped(line)}" for line in value.split("\n"))
        else:
            event[key] = _clean_value(key, value)
    return event


def _clean_value(key: str, value: Any) -> Any:
    if _is_secret(key):
        return "***"
    if isinstance(value, str):
        return _escaped(value)
    if isinstance(value, Mapping):
        return {str(inner): _clean_value(str(inner), below) for inner, below in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_clean_value("", below) for below in value]
    return value


@lru_cache(512)  # the keys of our events are few
def _head(key: str) -> str:
    """Of a field of JSON; empty where the value must be looked at."""
    return "" if key in _STACK_KEYS or _is_secret(key) else f"{encode_basestring_ascii(key)}: "


@lru_cache(512)
def _is_secret(key: str) -> bool:
    return _SECRET.search(key) is not None


def _escaped(text: str) -> str:
    if text.isascii() and text.isprintable():  # nearly always
        return text
    return _CONTROL.sub(_escape, text) if _CONTROL.search(text) else text


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"  # noqa: PLR2004 - two digits or four
