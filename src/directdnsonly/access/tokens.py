"""The API's bearer tokens: shown once, stored as digests, and looked up in memory so that a request needs no disk access."""

from __future__ import annotations

import hashlib
import ipaddress
import secrets
from collections.abc import Sequence
from typing import Final

from directdnsonly.access.credentials import Principal, Role
from directdnsonly.clock import Clock
from directdnsonly.outbox.operators import ApiToken
from directdnsonly.outbox.store.operators import Operators

PREFIX: Final = "dadns_"  # so that scanners for lost secrets find it
SECRET_BYTES: Final = 32


class TokenBook:
    """All tokens of the store, authoritative in memory after `load` because one process owns a store."""

    def __init__(self, operators: Operators, clock: Clock) -> None:
        self._operators = operators
        self._clock = clock
        self._known: dict[bytes, tuple[ApiToken, Principal]] = {}

    async def load(self) -> None:
        """Load all tokens; to call once at start."""
        self._known = {digest: (token, _principal(token)) for digest, token in await self._operators.tokens()}

    def find(self, token: str) -> Principal | None:
        """The principal of a token; None if it is unknown, revoked or expired."""
        # The look-up compares SHA-256 digests: whoever can steer those does not need to guess a token.
        found = self._known.get(_digest(token))
        if found is None:
            return None
        kept, principal = found
        return None if kept.expires_at is not None and kept.expires_at <= self._clock.now_s() else principal

    def all(self) -> list[ApiToken]:
        """Every token, including expired ones."""
        return [token for token, _ in self._known.values()]

    async def create(
        self, name: str, *, roles: Sequence[str], networks: Sequence[str], days: float | None, by: str
    ) -> tuple[ApiToken, str]:
        """Create a token; returns it with its secret, which cannot be shown again. Raises ValueError for invalid roles or networks."""
        now = self._clock.now_s()
        token = ApiToken(
            id=secrets.token_hex(6),
            name=name,
            roles=tuple(Role(role).value for role in roles),
            networks=tuple(str(ipaddress.ip_network(network)) for network in networks),
            created_by=by,
            created_at=now,
            expires_at=None if days is None else now + days * 86_400,
        )
        secret = f"{PREFIX}{token.id}_{secrets.token_urlsafe(SECRET_BYTES)}"
        await self._operators.add_token(token, _digest(secret))
        self._known[_digest(secret)] = token, _principal(token)
        return token, secret

    async def revoke(self, token_id: str) -> bool:
        """Revoke a token at once; returns whether it existed."""
        removed = await self._operators.remove_token(token_id)
        self._known = {digest: pair for digest, pair in self._known.items() if pair[0].id != token_id}
        return removed


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _principal(token: ApiToken) -> Principal:
    return Principal(
        name=token.name,
        roles=frozenset(Role(role) for role in token.roles),
        networks=tuple(ipaddress.ip_network(network) for network in token.networks),
    )
