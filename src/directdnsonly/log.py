"""Logging: structlog, one event a line, event names in one list. Nothing is configured by importing this.

One canonical line per push and per attempt, with one `change_id` from the door to the name server. No zone content,
no secrets: a key that sounds like one is blotted out.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from datetime import datetime
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

import structlog

EVENTS: Mapping[str, str] = MappingProxyType(
    {
        "push.accepted": "A push was committed; backends have work.",
        "push.unchanged": "A push brought what we hold already; committed, no work.",
        "push.refused": "A push was answered error=1: `rule` and `reason` say why. Kept for the operator.",
        "push.failed": "A push could not be committed (store full, locked, too slow); answered error=1.",
        "delete.accepted": "A delete was committed.",
        "delete.ignored": "A delete changes nothing: unknown zone, or a late one from a former owner.",
        "delete.failed": "A delete could not be committed; answered error=1.",
        "zone.taken_over": "Another DirectAdmin server pushed the zone: it belongs to that one now.",
        "credential.new_hostname": "A credential pushes under a host name that it did not use before.",
        "login.tested": "DirectAdmin tested the connection.",
        "login.failed": "Wrong user name or password; counted, at most a line a minute per address.",
        "event.lost": "A line of the audit could not be kept; the push itself is committed.",
        "door.failed": "A request ended in an unexpected error: our bug.",
        "delivery.verified": "The name server has proven the zone; `proven_ms` counts from the commit of the push.",
        "delivery.retried": "The zone failed on this backend; due again after `again_in_s`.",
        "delivery.buried": "The zone was given up on this backend: a person must look.",
        "delivery.deferred": "Given back unharmed, because the backend as a whole is away.",
        "batch.started": "A lane began to work on more than one zone.",
        "batch.completed": "The lane is empty again: zones, failed, seconds, zones per second.",
        "breaker.opened": "A backend is away: nothing is attempted or burned until it answers again.",
        "breaker.closed": "The backend is back; everything outstanding drains.",
        "backend.drifted": "The name server did not serve what it should; the zones are queued again.",
        "nameserver.started": "A bundled name server runs and has loaded its zones.",
        "nameserver.exited": "A bundled name server ended by itself; it is started again.",
        "nameserver.stopped": "A bundled name server was stopped with us.",
        "nameserver.stale_stopped": "A name server that an earlier, killed process of ours left was stopped.",
        "service.started": "Pushes are accepted.",
        "service.stopping": "A signal asked us to stop.",
        "service.stopped": "Everything is written and closed.",
        "service.failed": "An actor ended that must not: the process exits with a non-zero code.",
        "store.unavailable": "The store cannot work now; the reason says what to do.",
    }
)
_SECRET = re.compile(r"password|secret|authorization|token|api_key", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def configure(*, level: str, fmt: str, timezone: str) -> None:
    """Log to standard error from now on, ours and the libraries'. `fmt`: auto, json or console."""
    zone = ZoneInfo(timezone)
    console = fmt == "console" or (fmt == "auto" and sys.stderr.isatty())

    def stamp(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["timestamp"] = datetime.now(zone).isoformat(timespec="milliseconds")
        return event

    shared: list[Any] = [structlog.processors.add_log_level, stamp, _blot_out, _escape]
    renderer: Any = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()) if console else structlog.processors.JSONRenderer()
    )
    trace = [] if console else [structlog.processors.format_exc_info]
    structlog.configure(
        processors=[*shared, *trace, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level)),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *shared, *trace, renderer]
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(getattr(logging, level), logging.WARNING))  # libraries speak only when something is wrong


def _blot_out(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key in event:
        if _SECRET.search(key):
            event[key] = "***"
    return event


def _escape(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Foreign text cannot forge a line (faults B10). Stack traces keep theirs."""
    for key, value in event.items():
        if isinstance(value, str) and key not in {"exception", "stack"} and _CONTROL.search(value):
            event[key] = _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", value)
    return event
