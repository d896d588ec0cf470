"""The one tree of errors, ordered by what the caller does about them, not by where they broke.

An error carries its facts as attributes and its text reads well alone: what happened, where, what to do.
"""

from __future__ import annotations

from dataclasses import dataclass


class DirectDNSOnlyError(Exception):
    """Base of every error that we raise on purpose. `change_id`: of the push or delete that it ended, where there is one."""

    change_id: str = ""


@dataclass(frozen=True, slots=True)
class ConfigProblem:
    """One thing wrong in the configuration: dotted key path, what is wrong, and what was probably meant."""

    path: str
    problem: str
    hint: str = ""

    def __str__(self) -> str:
        """One line for the operator."""
        return f"{self.path}: {self.problem}" + (f" ({self.hint})" if self.hint else "")


class ConfigError(DirectDNSOnlyError):
    """At start only. Lists every problem at once; the process exits with code 2."""

    def __init__(self, problems: list[ConfigProblem], *, file: str | None = None) -> None:
        self.problems = problems
        self.file = file
        super().__init__("\n".join(str(problem) for problem in problems))


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a push. `line` counts from 1 in the pushed text, 0: of no line, or unknown."""

    rule: str
    reason: str  # without the line
    line: int = 0
    owner: str = ""

    def __str__(self) -> str:
        """One line for people."""
        return f"line {self.line}: {self.reason}" if self.line else self.reason


class PushRefused(DirectDNSOnlyError):
    """The push is at fault: answer error=1 with the reason and change nothing.

    Reason, rule, line and owner are those of the first fault; `faults` are all that were found, the first one as well.
    """

    def __init__(self, reason: str, *, rule: str = "refused", line: int = 0, owner: str = "") -> None:
        fault = Fault(rule, reason, line, owner)
        self.rule = rule
        self.line = line
        self.owner = owner
        self.reason = str(fault)
        self.faults: tuple[Fault, ...] = (fault,)
        super().__init__(self.reason)


class NameRefused(PushRefused):
    """The zone name is not one that we may serve or write."""

    def __init__(self, reason: str, *, rule: str = "name") -> None:
        super().__init__(reason, rule=rule)


class ZoneSyntaxError(PushRefused):
    """The zone text cannot be read. `line` counts from 1 in the pushed text, 0 when unknown."""

    def __init__(self, reason: str, *, line: int = 0, rule: str = "syntax") -> None:
        super().__init__(reason, rule=rule, line=line)


class ZonePolicyError(PushRefused):
    """The zone can be read but no name server may be given it. `rule` names the rule, `owner` the owner name."""

    def __init__(self, reason: str, *, rule: str, owner: str = "", line: int = 0) -> None:
        super().__init__(reason, rule=rule, line=line, owner=owner)


class OwnershipRefused(PushRefused):
    """It is not the asker's to change (docs/ownership.md): answer error=1, by the API 403. `rule` names the case."""


class NotAdmitted(DirectDNSOnlyError):
    """Somebody may not do this. `again_in_s` > 0: too many failures, nothing was looked at; `known`: who it is is known."""

    def __init__(self, reason: str, *, again_in_s: float = 0.0, known: bool = False) -> None:
        self.reason = reason
        self.again_in_s = again_in_s
        self.known = known
        super().__init__(reason)


class ActRefused(DirectDNSOnlyError):
    """What an operator asked for cannot be done as things are; nothing was done, and the text says why."""


class NotHere(ActRefused):
    """There is no such zone, version, push, plan, backend, server or token: look again. By the API 404."""


class DoesNotFit(ActRefused):
    """It does not fit the present state, and the text says what does. By the API 409."""


class NotAllowed(ActRefused):
    """It is more than who asks may give. By the API 403."""


class BodiesTooMany(DirectDNSOnlyError):
    """The large bodies that are here now fill what memory they may have: answer 503, record nothing."""

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        super().__init__(
            f"too many large zones are sent at the same moment ({most_bytes} octets together): send it again later"
        )


class VersionConflict(DirectDNSOnlyError):
    """A conditional write names another version than the newest: nothing was recorded."""

    def __init__(self, zone: str, *, expected: int, newest: int) -> None:
        self.expected = expected
        self.newest = newest
        now = f"is at version {newest}" if newest else "does not exist"
        super().__init__(
            f"{zone} {now}, the request was made for {f'version {expected}' if expected else 'a new zone'}"
        )


class KeyTaken(DirectDNSOnlyError):
    """Another request has used this idempotency key, and its change is recorded: nothing was recorded now."""

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__("a request with this Idempotency-Key has just been recorded: send it again to get its answer")


class OutboxUnavailable(DirectDNSOnlyError):
    """Our store is at fault (disk full, locked, backlog): answer error=1, never a false error=0. `full`: it lacks room."""

    def __init__(self, reason: str, *, full: bool = False) -> None:
        self.full = full
        super().__init__(reason)


class BackupFailed(DirectDNSOnlyError):
    """The copy of a store was not made, or is none; nothing was changed. The text says why."""


class VersionDamaged(DirectDNSOnlyError):
    """The store holds a version whose text cannot be read any more: that zone's trouble, and nobody else's."""

    def __init__(self, zone: str, *, version: int, file: str, reason: str) -> None:
        self.zone = zone
        self.version = version
        self.file = file
        super().__init__(
            f"the text of version {version} of {zone} is damaged in the store ({reason}; {file}): push the zone again"
            f" from DirectAdmin, or roll back to a version that is whole (dadns history {zone})"
        )


class OutboxTooNew(DirectDNSOnlyError):
    """The store was written by a newer program: refuse to start rather than to damage it."""


class IllegalTransition(DirectDNSOnlyError):
    """A delivery was asked to go where its lifecycle has no way: our bug; the actor stops, the process exits."""


class BackendError(DirectDNSOnlyError):
    """Something about one backend. `backend` is its configured name."""

    def __init__(self, reason: str, *, backend: str) -> None:
        self.reason = reason.strip() or "it failed without a word: see the log of the name server"
        self.backend = backend
        super().__init__(f"{backend}: {self.reason}")


class BackendUnavailable(BackendError):
    """The backend cannot be reached or does not answer: no zone's fault, nothing is burned, try later."""


class BackendRefused(BackendError):
    """The backend will never take this as it stands: a person must look."""
