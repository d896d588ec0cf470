"""Judges a zone in the order of `Cause`, and words the verdict."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from directdnsonly.advice.facts import (
    NO_ADDRESS,
    Cause,
    Edition,
    Facts,
    Heard,
    Judgement,
    Live,
    Place,
    Reason,
    Stop,
)
from directdnsonly.wording import HELD_BY_OPERATOR, Calendar, counted

_WORST: Final = (Live.NOT_LIVE, Live.UNKNOWN, Live.LIVE)
_ORDER: Final = {cause: number for number, cause in enumerate(Cause)}


def judge_zone(facts: Facts, calendar: Calendar) -> Judgement:
    """The verdict on a zone; the reason that determines it comes first, so that the headline explains itself."""
    found = list(_reasons(facts, calendar))
    if not any(reason.cause in _WHOLE or reason.live is not Live.LIVE for reason in found):
        found.append(_fine(facts, calendar))
    found.sort(key=lambda reason: (_WORST.index(reason.live), _ORDER[reason.cause]))
    first, customers = found[0], customers_get(facts, calendar)
    said = first.why if first.cause in (Cause.FINE, Cause.UNHEARD) else f"{first.why}; {customers}"
    return Judgement(
        live=first.live, headline=f"{first.live.upper()}: {said}", customers=customers, reasons=tuple(found)
    )


_WHOLE: Final = frozenset({Cause.FINE, Cause.UNHEARD, Cause.OPERATORS})


def _reasons(facts: Facts, calendar: Calendar) -> Iterator[Reason]:
    yield from _of_pushes(facts, calendar)
    if facts.newest is None:
        if facts.refused is None and facts.lost is None and facts.held is None:
            cure = "save it in DirectAdmin; if it still does not come, check our entry in its Multi Server Setup"
            why = f"no zone {facts.name} was ever pushed to us (or it was deleted long ago)"
            yield Reason(cause=Cause.UNHEARD, live=Live.UNKNOWN, why=why, do=cure)
        return
    yield from _of_lists(facts, calendar)
    if not facts.places:
        yield Reason(
            cause=Cause.UNPROVEN, live=Live.UNKNOWN, why="no backend is enabled", do="enable one in dns.backends"
        )
    for place in facts.places:
        yield from _of_place(facts, place, calendar)


def _of_pushes(facts: Facts, calendar: Calendar) -> Iterator[Reason]:
    """Reasons from pushes after the last accepted one: refused, lost or held."""
    for cause, one in ((Cause.REFUSED, facts.refused), (Cause.LOST, facts.lost)):
        if one is None:
            continue
        by = f" by {one.sender}" if one.sender else ""
        refused = cause is Cause.REFUSED
        what = "was refused" if refused else "was lost: we could not record it"
        cure = (
            "correct the zone in DirectAdmin and save it again"
            if refused
            else f"dadns status says why; once that is solved, {one.what} it again in DirectAdmin"
        )
        why = f"the {one.what} of {calendar.at(one.at)}{by} {what} ({one.reason})"
        yield Reason(cause=cause, live=Live.NOT_LIVE, why=why, do=cure, since=one.at)
    if held := facts.held:
        yield Reason(
            cause=Cause.HELD,
            live=Live.NOT_LIVE,
            why=f"the push of {calendar.at(held.at)} waits for approval: {held.reason}",
            do=decide(facts.name, held.digest),
            since=held.at,
        )
    if facts.pin and facts.pin.waiting:
        pin, waiting = facts.pin, facts.pin.waiting
        what = f"{_named(waiting, calendar)}{' (a delete)' if waiting.deleted else ''} waits"
        why = (
            f"pinned at version {pin.version} by {pin.actor} since {calendar.at(pin.at)}{_because(pin.reason)}; {what}"
        )
        yield Reason(cause=Cause.PINNED, live=Live.NOT_LIVE, why=why, do=f"dadns unpin {facts.name}", since=waiting.at)


def _of_lists(facts: Facts, calendar: Calendar) -> Iterator[Reason]:
    """Reasons from reconciliation about a zone that is served."""
    if one := facts.orphan:
        why = f"{one.server} no longer lists it ({counted(one.absences, 'complete list')} since {calendar.at(one.first_at)})"
        if one.plan:
            why += f": it will be deleted when plan {one.plan} is approved"
            cure = (
                f"review it, then dadns reconcile --approve {one.plan}, or keep it: dadns reconcile --undo {facts.name}"
            )
        else:
            why += f": it will be deleted at {calendar.at(one.due_at)} at the earliest, unless it comes back"
            cure = f"to keep it: dadns reconcile --undo {facts.name}"
        yield Reason(cause=Cause.ORPHAN, live=Live.LIVE, why=why, do=cure, since=one.first_at)
    if nobody := facts.unclaimed:
        if nobody.hostname:
            by = f"pushed by {nobody.hostname}: no configured server is responsible for it"
        else:
            by = f"pushed by the credential {nobody.credential}: no DirectAdmin server is responsible for it"
        why = f"{by}, so it is neither compared nor deleted"
        cure = f"if {nobody.hostname} is one of them, add it to that server's pushed_as" if nobody.hostname else ""
        yield Reason(cause=Cause.OWNERLESS, live=Live.LIVE, why=why, do=cure)


def _of_place(facts: Facts, place: Place, calendar: Calendar) -> Iterator[Reason]:
    """Reasons concerning one backend; none if it serves what is wanted."""
    again = redeliver(facts.name, place.backend)
    wrong = [heard for heard in (*place.answers, *_seen(place)) if not heard.proven]
    if _serves(facts, place):
        if place.state == "dead":
            why = f"{_given_up(place)}, but it is served now"
            yield _reason(place, Cause.GIVEN_UP, why, f"to have it proven: {again}", place.failed_at, live=Live.LIVE)
    elif _is_operators(facts, place):
        assert facts.newest is not None
        why = f"deleted at {calendar.at(facts.newest.at)}; {place.backend}: {place.reason}"
        yield _reason(place, Cause.OPERATORS, why, "", place.verified_at, live=Live.LIVE)
    elif place.state == "verified" and place.verified_version == place.want_version:
        yield from _of_proven(place, wrong, again, calendar)
    else:
        yield from _of_outstanding(facts, place, again, calendar)
    lingers = [heard for heard in place.answers if heard.proven and heard.serial is not None and heard.reason]
    if lingers:
        cure = "restart that name server (on_delete of its backend can do it)"
        yield _reason(place, Cause.MEMORY, f"deleted, but {lingers[0].reason}", cure, None)


def _of_proven(place: Place, wrong: Sequence[Heard], again: str, calendar: Calendar) -> Iterator[Reason]:
    """Reasons for a proven (or stored) version; `wrong`: present answers that do not prove it."""
    otherwise = [heard for heard in wrong if heard.answered and not heard.unread]
    if otherwise:
        why = f"{'proven' if place.answers else 'stored'} {_on(place, calendar)}, but {'; '.join(heard.reason for heard in otherwise)}"
        yield _reason(place, Cause.WRONG, why, f"the name server was changed by somebody else: {again}", None)
    elif not place.answers:
        cure = f"say where its name servers can be queried: dns.backends.{place.backend}.verify_address"
        yield _reason(place, Cause.UNPROVEN, f"{place.backend}: {NO_ADDRESS}", cure, None, live=Live.UNKNOWN)
    elif wrong:
        why = "; ".join(heard.reason for heard in wrong)
        cure = _restart(place) if place.down else f"dadns probe {place.backend} asks it now"
        since = place.down_since if place.down else None
        yield _reason(place, Cause.SILENT, why, cure, since, live=Live.UNKNOWN)


def _of_outstanding(facts: Facts, place: Place, again: str, calendar: Calendar) -> Iterator[Reason]:
    """Reasons why the wanted version is not proven on a backend yet."""
    assert facts.newest is not None
    what = _named(facts.newest, calendar)
    if place.state == "dead":
        yield _reason(
            place, Cause.GIVEN_UP, f"{what}: {_given_up(place)}", f"correct the cause, then: {again}", place.failed_at
        )
    elif place.attempts:
        later = f"tried again at {calendar.at(place.due_at)}, or now: " if place.due_at else ""
        why = f"{what}: {counted(place.attempts, 'attempt')} failed on {place.backend}: {place.reason}"
        yield _reason(place, Cause.FAILING, why, f"{later}{again}", place.failed_at)
    if place.paused:
        yield _reason(
            place, Cause.PAUSED, _paused(place.backend, place.paused, calendar), f"dadns resume {place.backend}",
            place.paused.at,
        )  # fmt: skip
    if place.down:
        since = f" since {calendar.at(place.down_since)}" if place.down_since else ""
        why = f"{place.backend} is down{since}: {place.down_reason}"
        yield _reason(place, Cause.DOWN, why, _restart(place), place.down_since)
    if not (place.state == "dead" or place.attempts or place.paused or place.down):
        why = f"{what} is on its way to {place.backend}{_because(place.reason)}"
        yield _reason(place, Cause.ON_ITS_WAY, why, "wait a moment", facts.newest.at)


def _serves(facts: Facts, place: Place) -> bool:
    """Whether everything that can be queried there shows the wanted version unambiguously."""
    assert facts.newest is not None
    heard = [*place.answers, *_seen(place)]
    if not place.answers or not all(one.proven for one in heard):
        return False
    if place.verified_version == place.want_version:
        return True
    before = next((one for one in facts.versions if one.version == place.verified_version), None)
    wanted = facts.newest
    return before is None or (before.deleted, before.serial) != (wanted.deleted, wanted.serial)


def _is_operators(facts: Facts, place: Place) -> bool:
    """Whether the delete had nothing to do there because the zone served is the operator's own."""
    assert facts.newest is not None
    done = place.state == "verified" and place.verified_version == place.want_version
    return done and facts.newest.deleted and place.reason.startswith(HELD_BY_OPERATOR)


def _fine(facts: Facts, calendar: Calendar) -> Reason:
    assert facts.newest is not None
    edition = facts.newest
    proofs = [place.verified_at for place in facts.places if place.verified_at is not None]
    if edition.deleted:
        why = f"deleted at {calendar.at(edition.at)}, and no name server answers for it any longer"
    else:
        why = f"every name server answers {_named(edition, calendar)}"
    return Reason(cause=Cause.FINE, live=Live.LIVE, why=why, since=max(proofs, default=None))


def customers_get(facts: Facts, calendar: Calendar) -> str:
    """What resolvers get from the name servers now, as a sentence without full stop."""
    if facts.newest is None:
        return "customers get no answer for it from us"
    said: dict[str, list[str]] = {}
    for place in facts.places:
        doubted = any(not seen.proven for seen in _seen(place))
        for heard in place.answers:
            whom = place.backend if len(place.answers) == 1 else f"{place.backend} ({heard.server})"
            by_serial = heard.unread or (doubted and heard.proven)
            doubt = " (judging by its serial)" if by_serial and heard.serial is not None else ""
            said.setdefault(_gets(facts, heard, calendar) + doubt, []).append(whom)
        if not place.answers:
            what = "what is stored there, which cannot be queried"
            said.setdefault(what, []).append(place.backend)
    if not said:
        return "customers get nothing"
    if len(said) == 1:
        return f"customers get {next(iter(said))}"
    parts = [f"{what} from {' and '.join(places)}" for what, places in said.items()]
    return f"customers get {', '.join(parts)}"


def _gets(facts: Facts, heard: Heard, calendar: Calendar) -> str:
    """What one name server answers to customers."""
    assert facts.newest is not None
    wanted = facts.newest
    if not heard.answered:
        return "no answer"
    if heard.serial is None:
        return "nothing" if heard.proven else f"no zone ({heard.said})" if heard.said else "no zone"
    known = [one for one in (wanted, *facts.versions) if one.serial == heard.serial and not one.deleted]
    if not known:
        return f"serial {heard.serial} (not a version that we keep)"
    return _named(known[0], calendar) + (", with other records" if heard.same_serial else "")


def standing(place: Place) -> str:
    """The zone's state on one backend in words: `proven`, `stored, not proven: ...`, `dead`, `pending`."""
    if place.state != "verified":
        return place.state
    return "proven" if place.answers else NO_ADDRESS


def redeliver(zone: str, backend: str) -> str:
    """The command that delivers a zone again."""
    return f"dadns redeliver {zone} --backend {backend}"


def decide(zone: str, digest: str) -> str:
    """The commands to decide about a held push."""
    short = digest[:16]
    return f"review it with dadns held, then: dadns approve {zone} {short} or dadns reject {zone} {short}"


def _given_up(place: Place) -> str:
    return f"given up on {place.backend} after {counted(place.attempts, 'attempt')}: {place.reason}"


def _paused(backend: str, stop: Stop, calendar: Calendar) -> str:
    return f"{backend} is paused by {stop.actor} since {calendar.at(stop.at)}{_because(stop.reason)}"


def _restart(place: Place) -> str:
    cure = "it is restarted automatically" if place.bundled else f"start it, or correct dns.backends.{place.backend}"
    return f"{cure}; everything outstanding is then delivered automatically (to check now: dadns probe {place.backend})"


def _named(edition: Edition, calendar: Calendar) -> str:
    return f"version {edition.version} of {calendar.at(edition.at)}"


def _on(place: Place, calendar: Calendar) -> str:
    return f"on {place.backend}" + (f" at {calendar.at(place.verified_at)}" if place.verified_at else "")


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""


def _seen(place: Place) -> tuple[Heard, ...]:
    """What is stored there; not being able to read it does not matter while the name servers themselves answer."""
    return (place.stored,) if place.stored is not None and (place.stored.answered or not place.answers) else ()


def _reason(
    place: Place, cause: Cause, why: str, do: str, since: float | None, *, live: Live = Live.NOT_LIVE
) -> Reason:
    return Reason(cause=cause, live=live, why=why, do=do, since=since, backend=place.backend)
