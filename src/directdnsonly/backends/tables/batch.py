"""Writes a batch of zones in one transaction; if that fails, each gets its own, so that only the zone at fault fails."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from directdnsonly.backends.contract import Outcome, OutcomeKind, ZoneChange
from directdnsonly.mysql.errors import HeldByOperator
from directdnsonly.mysql.server import DataRefused, MysqlServer, Session, TransactionLost

Write = Callable[[Session, Sequence[ZoneChange]], Awaitable[None]]
APPLIED = Outcome(kind=OutcomeKind.APPLIED)


async def deliver(
    server: MysqlServer,
    changes: Sequence[ZoneChange],
    write: Write,
    *,
    explain: Callable[[DataRefused], str] = lambda error: error.reason,
) -> list[Outcome]:
    """Write the changes; returns one outcome each. `write` writes them; `explain` names a record that does not fit.

    Raises BackendUnavailable.
    """
    if len(changes) != 1:
        try:
            await server.transaction(lambda session: write(session, changes))
        except (DataRefused, TransactionLost):
            return [await _alone(server, change, write, explain) for change in changes]
        return [APPLIED] * len(changes)
    return [await _alone(server, changes[0], write, explain)]


async def _alone(
    server: MysqlServer, change: ZoneChange, write: Write, explain: Callable[[DataRefused], str]
) -> Outcome:
    try:
        await server.transaction(lambda session: write(session, [change]))
    except DataRefused as error:
        kind = OutcomeKind.HELD if isinstance(error, HeldByOperator) else OutcomeKind.REFUSED
        return Outcome(kind=kind, reason=explain(error))
    except TransactionLost as error:
        return Outcome(kind=OutcomeKind.RETRY, reason=f"other transactions interfered: {error.reason}")
    return APPLIED
