"""Create, list and revoke bearer tokens."""

from __future__ import annotations

from collections.abc import Sequence

from directdnsonly.access.tokens import TokenBook
from directdnsonly.errors import NotAllowed, NotHere
from directdnsonly.operate.journal import Journal, Operator
from directdnsonly.outbox.operators import ApiToken


class Tokens:
    """Acts on bearer tokens. Use within one event loop."""

    def __init__(self, book: TokenBook, journal: Journal) -> None:
        self._book = book
        self._journal = journal

    def all(self) -> list[ApiToken]:
        """Every token in order of id, without its secret; expired ones as well."""
        return sorted(self._book.all(), key=lambda token: token.id)

    async def create(
        self, name: str, who: Operator, *, roles: Sequence[str], networks: Sequence[str], days: float | None
    ) -> tuple[ApiToken, str]:
        """Create a token; returns it with its secret, which cannot be shown again.

        Raises NotAllowed for a role that the requester does not have, ValueError for an unknown one, OutboxUnavailable.
        """
        if not set(roles) <= {str(role) for role in who.roles}:
            raise NotAllowed("nobody can give a token roles that they do not have themselves")
        token, secret = await self._book.create(name, roles=roles, networks=networks, days=days, by=who.name)
        await self._journal.did(who, "token.created", detail=f"{token.name} ({token.id}): {', '.join(token.roles)}")
        return token, secret

    async def revoke(self, token_id: str, who: Operator) -> None:
        """Revoke a token at once. Raises NotHere, OutboxUnavailable."""
        if not await self._book.revoke(token_id):
            raise NotHere(f"there is no token {token_id!a}")
        await self._journal.did(who, "token.revoked", detail=token_id)
