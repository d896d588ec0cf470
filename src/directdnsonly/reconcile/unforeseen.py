"""Errors that nobody has thought of: each costs its own turn and is told with its whole story. None ends the service.

Reconciliation stands beside the line. Whatever a DirectAdmin server answers, the door goes on, and the next pass tries again.
"""

from __future__ import annotations

import structlog

from directdnsonly.errors import OutboxUnavailable

log = structlog.get_logger()


def unforeseen(error: Exception, what: str, **where: str) -> str:
    """Tell it in the log; the reason to show."""
    reason = f"{what} ended in an unforeseen error ({type(error).__name__}): see reconcile.failed in the log"
    log.error("reconcile.failed", reason=reason, exc_info=error, **where)
    return reason


def store_is_unavailable(error: BaseException) -> bool:
    """Whether it is nothing but that the store cannot work now, also as a task group tells it."""
    if isinstance(error, BaseExceptionGroup):
        return all(store_is_unavailable(one) for one in error.exceptions)
    return isinstance(error, OutboxUnavailable)


def reason_of(error: BaseException) -> str:
    """The text of the first error in it."""
    return reason_of(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else str(error)
