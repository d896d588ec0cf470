"""Why a zone is not served as it should be on one backend, and what to do: one judgement for the command line and the pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from directdnsonly.wording import counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where one zone stands on one backend. `wrong`: what its name servers answer that is not the proof, each for people.

    `due`: when it is tried again, for people; empty when no time is set. `bundled`: we start the name server ourselves.
    """

    zone: str
    backend: str
    state: str
    attempts: int = 0
    reason: str = ""
    due: str = ""
    paused: str = ""
    down: bool = False
    down_reason: str = ""
    bundled: bool = False
    wrong: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """Both empty: it is served as it should be."""

    cause: str = ""
    cure: str = ""


def advise(place: Standing) -> Advice:
    """The nearest cause first: what stops the whole backend comes before what the zone itself met."""
    again = f"dadns redeliver {place.zone} --backend {place.backend}"
    if place.state == "verified" and not place.wrong:
        return Advice()
    if place.paused:
        return Advice(cause=place.paused, cure=f"dadns resume {place.backend}")
    if place.down:
        cure = (
            "it is started again by itself" if place.bundled else f"start it, or correct dns.backends.{place.backend}"
        )
        return Advice(
            cause=f"the backend is down: {place.down_reason}",
            cure=f"{cure}; everything outstanding is then delivered by itself (dadns probe {place.backend} asks now)",
        )
    if place.state == "dead":
        return Advice(
            cause=f"given up after {counted(place.attempts, 'attempt')}: {place.reason}",
            cure=f"correct the cause, then: {again}",
        )
    if place.state == "verified":
        return Advice(cause="; ".join(place.wrong), cure=f"somebody changed the name server behind us: {again}")
    if not place.attempts:
        return Advice(cause="on its way", cure="wait a moment")
    later = f"tried again at {place.due}" if place.due else ""
    return Advice(
        cause=f"{counted(place.attempts, 'attempt')} failed: {place.reason}", cure=f"{later}, or now: {again}"
    )
