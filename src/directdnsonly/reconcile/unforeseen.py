"""Unexpected errors in a pass: each costs only its own part, is logged with its traceback, and never ends the service.

Reconciliation stands beside the line. Whatever a DirectAdmin server answers, the door goes on, and the next pass tries again.
"""

from __future__ import annotations

import structlog

from directdnsonly.errors import OutboxUnavailable

log = structlog.get_logger()


def unforeseen(error: Exception, what: str, **where: str) -> str:
    """Log an unexpected error; returns the reason to show."""
    reason = f"{what} ended in an unforeseen error ({type(error).__name__}): see reconcile.failed in the log"
    log.error("reconcile.failed", reason=reason, exc_info=error, **where)
    return reason


def store_is_unavailable(error: BaseException) -> bool:
    """Whether the error is only that the store is unavailable, possibly inside an exception group."""
    if isinstance(error, BaseExceptionGroup):
        return all(store_is_unavailable(one) for one in error.exceptions)
    return isinstance(error, OutboxUnavailable)


def reason_of(error: BaseException) -> str:
    """The text of the first error in an exception group."""
    return reason_of(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else str(error)
