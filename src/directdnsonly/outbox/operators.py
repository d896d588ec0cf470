"""Values of operators' data in the store: tokens, pauses, idempotency keys. No I/O."""

from __future__ import annotations

from dataclasses import dataclass

from directdnsonly.zone.warn import ZoneWarning


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiToken:
    """A bearer token of the API without its secret. `roles` and `networks` as text; `expires_at` None: never."""

    id: str
    name: str
    roles: tuple[str, ...]
    networks: tuple[str, ...] = ()
    created_by: str = ""
    created_at: float = 0.0
    expires_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """The pause of a backend: by whom, when and why."""

    actor: str
    reason: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeated:
    """The outcome of a request with an idempotency key. `fingerprint`: of the request."""

    fingerprint: bytes
    change_id: str
    warnings: tuple[ZoneWarning, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneFilter:
    """A filter for zones; empty fields match all. `owner`: a host name, a credential or a DirectAdmin user."""

    search: str = ""
    owner: str = ""
    state: str = ""
    backend: str = ""
