"""The one hierarchy of errors, by what the caller must do about them, not by where they occurred.

An error carries its facts as attributes and its text reads well alone: what happened, where, what to do.
"""

from __future__ import annotations

from dataclasses import dataclass


class DirectDNSOnlyError(Exception):
    """Base of every error that we raise on purpose. `change_id`: the push or delete that it ended, if any."""

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
    """The configuration is wrong. Lists every problem at once. At start the process exits with code 2; a reload changes nothing."""

    def __init__(self, problems: list[ConfigProblem], *, file: str | None = None) -> None:
        self.problems = problems
        self.file = file
        super().__init__("\n".join(str(problem) for problem in problems))


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of a push. `line` counts from 1 in the pushed text; 0 if it has no line, or an unknown one."""

    rule: str
    reason: str  # without the line
    line: int = 0
    owner: str = ""

    def __str__(self) -> str:
        """One line for people."""
        return f"line {self.line}: {self.reason}" if self.line else self.reason


class PushRefused(DirectDNSOnlyError):
    """The push is at fault: answer error=1 with the reason and change nothing.

    Reason, rule, line and owner are those of the first fault; `faults` has every fault found, including the first.
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
    """The name is not a valid zone name, or not one that we may serve or write."""

    def __init__(self, reason: str, *, rule: str = "name") -> None:
        super().__init__(reason, rule=rule)


class ZoneSyntaxError(PushRefused):
    """The zone text cannot be parsed. `line` counts from 1 in the pushed text, 0 if unknown."""

    def __init__(self, reason: str, *, line: int = 0, rule: str = "syntax") -> None:
        super().__init__(reason, rule=rule, line=line)


class ZonePolicyError(PushRefused):
    """The zone can be parsed, but a name server would not load it. `rule` names the rule, `owner` the owner name."""

    def __init__(self, reason: str, *, rule: str, owner: str = "", line: int = 0) -> None:
        super().__init__(reason, rule=rule, line=line, owner=owner)


class OwnershipRefused(PushRefused):
    """The zone belongs to somebody else (docs/ownership.md): answer error=1, or 403 by the API. `rule` names the case."""


class NotAdmitted(DirectDNSOnlyError):
    """The client may not do this. `again_in_s` > 0: too many failures, nothing was checked; `known`: it is authenticated."""

    def __init__(self, reason: str, *, again_in_s: float = 0.0, known: bool = False) -> None:
        self.reason = reason
        self.again_in_s = again_in_s
        self.known = known
        super().__init__(reason)


class ActRefused(DirectDNSOnlyError):
    """An operator's request cannot be carried out; nothing was done, and the text says why."""


class NotHere(ActRefused):
    """There is no such zone, version, push, plan, backend, server or token. By the API 404."""


class DoesNotFit(ActRefused):
    """The request conflicts with the present state; the text says how. By the API 409."""


class NotAllowed(ActRefused):
    """The request would grant more than the requester has. By the API 403."""


class BodiesTooMany(DirectDNSOnlyError):
    """The large bodies in transit fill the memory reserved for them: answer 503, record nothing."""

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        super().__init__(
            f"too many large zones are being sent at once ({most_bytes} octets together): send it again later"
        )


class VersionConflict(DirectDNSOnlyError):
    """A conditional write names a version that is not the newest: nothing was recorded."""

    def __init__(self, zone: str, *, expected: int, newest: int) -> None:
        self.zone = zone
        self.expected = expected
        self.newest = newest
        now = f"is at version {newest}" if newest else "does not exist"
        super().__init__(
            f"{zone} {now}, but the request was made for {f'version {expected}' if expected else 'a new zone'}"
        )


class KeyTaken(DirectDNSOnlyError):
    """A change is already recorded under this idempotency key: nothing more was recorded."""

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__("a request with this Idempotency-Key has just been recorded: send it again to get its answer")


class OutboxUnavailable(DirectDNSOnlyError):
    """Our store is at fault (disk full, locked, overloaded): answer error=1, never a false error=0. `full`: it is out of space."""

    def __init__(self, reason: str, *, full: bool = False) -> None:
        self.full = full
        super().__init__(reason)


class BackupFailed(DirectDNSOnlyError):
    """A backup was not made, or a file is not a backup; nothing was changed. The text says why."""


class VersionDamaged(DirectDNSOnlyError):
    """The stored text of a version can no longer be read; only that zone is affected."""

    def __init__(self, zone: str, *, version: int, file: str, reason: str) -> None:
        self.zone = zone
        self.version = version
        self.file = file
        super().__init__(
            f"the text of version {version} of {zone} is damaged in the store ({reason}; {file}): push the zone again"
            f" from DirectAdmin, or roll back to an intact version (dadns history {zone})"
        )


class OutboxTooNew(DirectDNSOnlyError):
    """The store was written by a newer version of this program: refuse to start rather than damage it."""


class IllegalTransition(DirectDNSOnlyError):
    """A delivery would make a transition that its lifecycle does not have: our bug; the actor stops, the process exits."""


class BackendError(DirectDNSOnlyError):
    """An operation on a backend failed. `backend` is its configured name."""

    def __init__(self, reason: str, *, backend: str) -> None:
        self.reason = reason.strip() or "it failed without a message: see the log of the name server"
        self.backend = backend
        super().__init__(f"{backend}: {self.reason}")


class BackendUnavailable(BackendError):
    """The backend cannot be reached or does not answer: not the zone's fault, so no attempt is counted; try later."""


class BackendRefused(BackendError):
    """The backend refuses this for good as it stands: a person must look."""
