"""The bundled name servers as they are told: one picture for the API, `dadns nameservers` and the status page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from directdnsonly.nameservers.contract import DaemonStatus
from directdnsonly.operate.running import Running


@dataclass(frozen=True, slots=True, kw_only=True)
class NameServerFigures:
    """One of them. `program`: what people call it; `status`: what its supervisor sees."""

    backend: str
    program: str
    status: DaemonStatus


def nameservers_of(parts: Running) -> list[NameServerFigures]:
    """Every one that we run, by backend."""
    return [
        NameServerFigures(backend=name, program=daemon.kind, status=parts.daemon(name) or daemon.status)
        for name, daemon in sorted(parts.daemons.items())
    ]


def configuration_of(status: DaemonStatus) -> Literal["current", "stale"] | None:
    """Whether it runs with what a start would give it now; None while there is no process."""
    if status.process is None:
        return None
    return "current" if status.process.is_current else "stale"
