"""The operator's command that runs after deletions, such as one that restarts a CoreDNS which answers from memory."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Sequence

from directdnsonly.backends.contract import Outcome, OutcomeKind, ZoneChange


class OnDelete:
    """Runs once after each batch that deleted something, never twice at the same time. Empty `argv`: nothing is run."""

    def __init__(self, argv: Sequence[str], limit_s: float) -> None:
        self._argv = argv
        self._limit_s = limit_s
        self._one = asyncio.Lock()

    async def after(self, changes: Sequence[ZoneChange], outcomes: Sequence[Outcome]) -> Sequence[Outcome]:
        """The outcomes; deletes are retried if the command failed, because only then are they complete."""
        deleted = {
            number
            for number, (change, outcome) in enumerate(zip(changes, outcomes, strict=True))
            if change.is_delete and outcome.kind is OutcomeKind.APPLIED
        }
        if not deleted or not self._argv:
            return outcomes
        async with self._one:
            failure = await asyncio.to_thread(_run, self._argv, self._limit_s)
        if not failure:
            return outcomes
        again = Outcome(kind=OutcomeKind.RETRY, reason=f"deleted, but on_delete failed: {failure}")
        return [again if number in deleted else outcome for number, outcome in enumerate(outcomes)]


def _run(argv: Sequence[str], limit_s: float) -> str:
    """Run it; why it failed, empty when it did not. Blocking."""
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=limit_s, check=False)  # noqa: S603 - the operator's own
    except subprocess.TimeoutExpired:
        return f"{argv[0]} did not end in {limit_s:g} s"
    except OSError as error:
        return f"{argv[0]}: {error.strerror}"
    if not done.returncode:
        return ""
    words = (done.stderr or done.stdout).decode("utf-8", "replace").strip().splitlines()
    return f"{argv[0]} ended with {done.returncode}" + (f": {words[-1][:200]}" if words else "")
