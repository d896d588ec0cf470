"""Logging with structlog: one event per line, every event name in one list. Importing this configures nothing.

One canonical line per push and per attempt, with the same `change_id` from arrival to name server. No zone content and
no secrets: the value of a key that sounds like one is redacted.
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
        "push.accepted": "A push was committed; its deliveries are due.",
        "push.unchanged": "A push was committed that brought what we already hold; there is nothing to deliver.",
        "push.pinned": "A push of a pinned zone was committed; it will be served when the zone is released.",
        "push.refused": "A push was answered error=1: `rule` and `reason` are those of the first of its `faults`. It is kept for the operator with all of them.",
        "push.withheld": "A push was committed but is held: it is served only when an operator approves it. `rule` and `reason` say why.",
        "push.overtaken": "A pulled or approved zone was not recorded, because a newer version came meanwhile.",
        "push.dropped": "A held push was dropped: its zone was deleted, or another push took its place.",
        "push.approved": "An operator approved a held push.",
        "push.rejected": "An operator rejected a held push.",
        "migration.opened": "An operator announced that zones move from one DirectAdmin server to another.",
        "migration.closed": "An announced move was ended by hand.",
        "push.lost": "This many pushes could not be recorded when they came; their zones' names are now kept, and they must be pushed again.",
        "lost.forgotten": "An operator has dealt with lost pushes and dropped them from the list.",
        "push.failed": "A push could not be committed (store full, locked, too slow); answered error=1.",
        "delete.accepted": "A delete was committed.",
        "delete.pinned": "A delete of a pinned zone was committed; the zone will be removed when it is released.",
        "delete.ignored": "A delete changed nothing: the zone is unknown, or belongs to another server.",
        "delete.failed": "A delete could not be committed; answered error=1.",
        "zone.taken_over": "Another DirectAdmin server pushed the zone, which now belongs to it.",
        "zone.overlaps": "A zone was created above or below another DirectAdmin server's zones; `detail` says whose.",
        "zone.rolled_back": "An operator rolled a zone back to the content of an older version.",
        "zone.pinned": "An operator pinned a zone to the version that is served.",
        "zone.released": "A pinned zone was released and follows its pushes again.",
        "credential.new_hostname": "A credential was used for a push under a host name that it had not used before.",
        "login.tested": "DirectAdmin tested the connection.",
        "login.failed": "Wrong user name, password or token; at most one line a minute per address and user, with a count.",
        "backend.paused": "An operator paused deliveries to a backend; the pause survives restarts.",
        "backend.forgotten": "An operator dropped what was kept for a backend that is no longer configured.",
        "backend.resumed": "An operator resumed deliveries to a backend.",
        "zone.redelivered": "An operator had a zone delivered again.",
        "token.created": "A bearer token of the API was created.",
        "token.revoked": "A bearer token was revoked.",
        "tls.reloaded": "A renewed certificate was loaded; new connections use it.",
        "tls.reload_failed": "A changed certificate does not match its key, or cannot be read; the old one stays in use.",
        "event.lost": "An audit event could not be stored; what it reports has been done.",
        "door.failed": "A request ended in an unexpected error, which is a bug of ours.",
        "door.crowded": "Connections were closed to make room for others because there were too many; at most once a minute. `busiest`: the address with the most.",
        "delivery.stored": "The zone was stored and read back but not proven: no address of a name server is known (`verify_address`).",
        "delivery.verified": "Every name server of the backend has proven that it serves the zone; `proven_ms` counts from the commit of the push.",
        "delivery.retried": "A delivery of the zone to this backend failed; it is due again after `again_in_s`.",
        "delivery.buried": "The delivery of the zone to this backend is dead: a person must look.",
        "delivery.deferred": "The delivery was put back without counting an attempt, because the whole backend is down.",
        "delivery.revived": "An operator gave dead deliveries all their attempts again.",
        "batch.started": "A backend began to work off more than one zone.",
        "batch.completed": "A backend has worked off its queue: zones, failed, seconds, zones per second.",
        "breaker.opened": "A backend is down: until it answers again nothing is attempted, and no attempts are counted.",
        "breaker.closed": "The backend is back; everything outstanding is being delivered.",
        "backend.swept": "Every zone of a name server was compared with the store, at its start or in a reconciliation pass.",
        "backend.drifted": "The name server did not serve what it had proven; the zones are queued again.",
        "backend.seeded": "A bundled name server without any zone files was given all the zones that it had proven, before its start.",
        "backend.not_seeded": "A bundled name server could not be given all its zones before its start; the rest are delivered one by one afterwards.",
        "backend.outgrown": "A name server has more zones than it handles well; `reason` says how many, and what to use instead.",
        "backend.limited": "A database accepts only one statement at a time, so that a change takes more round trips: `reason` says why.",
        "reconcile.failed": "A reconciliation pass, or its part for one server or backend, ended in an unexpected error; the next pass tries again.",
        "reconcile.completed": "A pass compared us with DirectAdmin and the name servers: what differed, and what was done about it.",
        "orphan.quarantined": "A zone was absent from several complete lists of its server; it is served until the grace period ends.",
        "orphan.deleted": "An orphaned zone was deleted; `dadns reconcile --undo` restores it.",
        "orphan.approved": "An operator approved a plan of deletions that exceeded the cap.",
        "orphan.undone": "An operator kept or restored a zone that its server no longer lists.",
        "list.accepted": "An operator accepted a server's next list in advance, however short it is.",
        "alarm.raised": "Reconciliation found something that a person must look at; `kind` and `reason` say what.",
        "alarm.cleared": "The cause of an alarm is gone.",
        "peer.zone_taken": "A version of a zone was taken from a peer; its deliveries are due. `deleted`: it is a delete.",
        "peer.decision_taken": "What a peer has decided acts here: `matter` is a pin, a push that waits (hold) or a zone that is kept; `stands`: it is in force, else it was ended.",
        "peer.exchanged": "An exchange with a peer has taken zones: how many, in how long, and what still differs.",
        "peer.progress": "A long exchange with a peer goes on: `percent` of what differed is done, about `ends_in_s` seconds are left.",
        "peer.unreachable": "A peer cannot be asked, or its answer is no peer's: `reason` says why. Nothing is changed by that; it is asked again.",
        "peer.reached": "A peer answers again.",
        "peer.differs": "Zones differ from a peer and nothing tells which version is newer, or they are only there: both stay until a person chooses (`dadns peers`).",
        "peer.deletes_stopped": "More of our zones are deleted on a peer than may go at once: none of them goes; `reason` names some, and the plan that lets exactly these go (`dadns peers approve`).",
        "peer.deletes_approved": "An operator approved a plan of a peer's deletes that exceeded the cap.",
        "peer.agrees": "No zone differs from a peer any more.",
        "peer.zone_chosen": "An operator took a peer's version of a zone.",
        "peer.failed": "An exchange with a peer ended in an unexpected error; it is tried again.",
        "nameserver.started": "A bundled name server is running and has loaded its zones.",
        "nameserver.exited": "A bundled name server exited by itself; it is being restarted.",
        "nameserver.hung": "A bundled name server was running but answered no queries; it was killed and is being restarted.",
        "nameserver.slow": "A bundled name server was started a while ago and does not answer yet; it is being watched.",
        "nameserver.stopped": "A bundled name server was stopped together with the service.",
        "nameserver.adopted": "A bundled name server of an earlier life of the service keeps serving; `up_s`: for how long it has.",
        "nameserver.kept": "A bundled name server keeps serving while the service is stopped; the next start adopts it (`dns.on_stop`).",
        "nameserver.replacing": "A running name server is about to be replaced, and why; `last_start_s`: how long its last start took, which is about how long nothing is answered.",
        "nameserver.refused": "A process that is not ours is in the way of a bundled name server; it is left alone, and looked at again every two seconds.",
        "nameserver.not_noted": "The note of which process is ours could not be written: the name server serves, and is replaced at our next start.",
        "nameserver.unwanted_stopped": "A bundled name server whose backend is no longer configured, or not enabled, was stopped.",
        "config.noted": "A configuration key has another meaning here than in the original directdnsonly, or none: the line says which and why.",
        "config.reloaded": "The configuration was reloaded: `changed` are the keys that were applied, `needs_restart` those that wait for a restart.",
        "config.reload_failed": "The configuration could not be reloaded and nothing was changed: `problems` says everything that is wrong.",
        "service.started": "The service accepts pushes; `dns` says where the bundled name servers answer, `started_by` who started the service.",
        "service.state_changed": "The service is now ready, degraded or unready, and was `before` (empty after a start); `reasons` says why.",
        "service.stopping": "The service was told by a signal to stop.",
        "service.stopped": "The service has stopped: everything is written and closed.",
        "service.close_failed": "A backend could not be closed in time when the service stopped.",
        "service.failed": "A part of the service that must never end has ended: the process exits with a non-zero code.",
        "clock.doubted": "The clock jumped ahead while the service was down: until it has run for a week, nothing is forgotten and no orphan deleted because of it.",
        "clock.believed": "The clock is trusted again: it was corrected, or the service has run with it for a week.",
        "store.available": "The store works again for this backend; the line says how long it did not, and how often it was tried.",
        "housekeeping.failed": "Old history could not be deleted because of an unexpected error; tried again in an hour.",
        "store.unavailable": "The store is unavailable; `reason` says what to do. Logged once a minute while it lasts.",
    }
)
_SECRET = re.compile(r"password|passwd|secret|authorization|token|api_?key", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_STACK_KEYS = frozenset({"exception", "stack"})


class _Output:
    """Writes to the present standard error. A log that cannot be written (disk full, pipe closed) must never stop the service."""

    def msg(self, line: str) -> None:
        """Write a whole line at once, or nothing."""
        try:
            _write(line + "\n")
        except (OSError, ValueError):
            pass  # nowhere left to say it; the status and the audit in the store still tell

    log = debug = info = warning = error = critical = exception = fatal = msg


def _write(text: str) -> None:
    """Bypass Python's buffer if there is a file: what stayed in it would be retried at exit, and end the process with code 120."""
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
    """Passes the log records of libraries to our log."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record of the standard library's logging; never raises. Its default error handling would print arguments unredacted."""
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
        """Add the present time to the event."""
        now = self._now_s()
        second, before, behind = self._made
        if second != int(now):
            second = int(now)
            text = datetime.fromtimestamp(second, self._zone).isoformat(timespec="seconds")
            before, behind = text[:19], text[19:]
            self._made = second, before, behind  # in one go: other threads log, too
        return f"{before}.{int((now - second) * 1000):03d}{behind}"


def steps(stamp: Callable[[], str], renderer: Callable[..., Any]) -> list[Callable[..., Any]]:
    """The structlog processors that turn an event into its line."""

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
    """Renders an event as a line of JSON in one step: the result of the processors at half their cost.

    Events with a traceback, and values that are neither text nor numbers, go through the processors.
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
        """Render a rare kind of event by the usual processors."""
        field: MutableMapping[str, Any] = {key: value.decode(errors="replace") if isinstance(value, bytes) else value}
        return str(self._render(None, "", _clean(None, "", field)))[1:-1]


class _Logger(structlog.BoundLoggerBase):
    """The class of all loggers. Each keeps what it was made with, so a level is set by giving this one class its methods."""


def set_level(level: str) -> None:
    """Log from this level on, whoever has a logger already: ours, and from warnings on the libraries'."""
    number = getattr(logging, level)
    for name, method in vars(structlog.make_filtering_bound_logger(number)).items():
        if not name.startswith("__"):
            setattr(_Logger, name, method)
    logging.getLogger().setLevel(max(number, logging.WARNING))  # libraries speak only when something is wrong


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
        wrapper_class=_Logger,
        logger_factory=lambda *_names: _Output(),
        cache_logger_on_first_use=True,
    )
    handler = _Handler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *steps(stamp, renderer)]
        )
    )
    logging.getLogger().handlers[:] = [handler]
    set_level(level)


def _clean(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Redact what sounds like a secret, and escape foreign text so that it cannot forge a line.

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
    """The start of a JSON field, cached by key; empty if the value must be inspected."""
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
