"""The values of what operators keep in the store: tokens, pauses, repeated requests. No I/O."""

from __future__ import annotations

from dataclasses import dataclass

from directdnsonly.zone.warn import ZoneWarning


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiToken:
    """A bearer token of the API, without the token. `roles` and `networks` as text; `expires_at` None: never."""

    id: str
    name: str
    roles: tuple[str, ...]
    networks: tuple[str, ...] = ()
    created_by: str = ""
    created_at: float = 0.0
    expires_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Who has stopped the work for a backend, when and why."""

    actor: str
    reason: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeated:
    """What a request with an idempotency key became. `fingerprint`: of what was asked."""

    fingerprint: bytes
    change_id: str
    warnings: tuple[ZoneWarning, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneFilter:
    """Which zones are looked for; empty: all. `owner`: a host name, a credential or a DirectAdmin user."""

    search: str = ""
    owner: str = ""
    state: str = ""
    backend: str = ""
