"""Ask two name servers for the same zone and compare what they say (`parity` judges). Many zones at once, a few transfers at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from directdnsonly.verify.ask import ask
from directdnsonly.verify.content import answerable, read_answer, read_zone
from directdnsonly.verify.parity import Compared, Content, How, Key, Side, Standing, compared, content_of, side
from directdnsonly.verify.transfer import TransferRefused
from directdnsonly.verify.wire import NOERROR, NXDOMAIN, RCODES, SOA, MalformedAnswer, question_of, read_soa
from directdnsonly.wording import counted, words_of
from directdnsonly.zone.model import Record
from directdnsonly.zone.name import ZoneName

TRIES: Final = 3  # of a question that nothing answers
PAUSE_S: Final = 1.0  # between them: a name server that is started anew is back then
TRANSFERS: Final = 4  # at once from one server: named lets out ten by itself, and its secondaries need some
STALL_S: Final = 10.0  # for which nothing may come of a transfer
REFUSALS: Final = (
    5  # transfers that were refused before any was allowed, or broke off in a row: then no more is asked for
)
MUTE: Final = 200  # zones in a row without any answer: then no more is asked for
MOST_ASKED: Final = 64  # RRsets of one zone
LARGE: Final = 5000  # records of both, which are compared in a thread: they take a tenth of a second
# What zones of a control panel hold, for a zone of which nothing is known. The last one: is there a wildcard?
AT_APEX: Final = ("SOA", "NS", "A", "AAAA", "MX", "TXT", "CAA", "DNSKEY")
BELOW: Final = (
    *((name, "A") for name in ("www", "mail", "ftp", "smtp", "pop", "imap", "webmail", "cpanel", "ns1", "ns2")),
    ("www", "AAAA"), ("mail", "AAAA"), ("_dmarc", "TXT"), ("x._domainkey", "TXT"), ("default._domainkey", "TXT"),
    ("autoconfig", "A"), ("autodiscover", "A"), ("_autodiscover._tcp", "SRV"), ("no-such-name-in-this-zone", "A"),
)  # fmt: skip


class Transfer(StrEnum):
    """Whether zones are compared by AXFR."""

    AUTO = "auto"  # where both allow it
    NEVER = "never"
    ALWAYS = "always"  # a zone that cannot be transferred from both is unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """For what is waited how long, in seconds."""

    answer_s: float = 3.0  # for one answer, by UDP and TCP together
    stall_s: float = STALL_S
    pause_s: float = PAUSE_S


class Server:
    """One of the two, and what this run has learnt of it."""

    def __init__(self, host: str, port: int, patience: Patience) -> None:
        self._host, self._port, self.patience = host, port, patience
        self._transfers = asyncio.Semaphore(TRANSFERS)
        self._allows = False  # it has transferred something: a refusal is then about one zone
        self._refused = self._broken = self._mute = 0
        self.has_served = False  # any zone, with authority

    @property
    def is_given_up(self) -> bool:
        """Whether it is asked no more."""
        return self._mute >= MUTE

    async def stands(self, zone: ZoneName) -> Side:
        """What it says of the zone's SOA; never raises for what the server does."""
        found = Side(standing=Standing.UNKNOWN)
        for number in range(TRIES):
            if self.is_given_up:
                return side(None, reason=f"not asked any more: no answer about {counted(MUTE, 'zone')} in a row")
            if number:
                await asyncio.sleep(self.patience.pause_s)
            found, is_answer = await self._soa(zone)
            self._mute = 0 if is_answer else self._mute
            if found.standing is not Standing.UNKNOWN:
                self.has_served |= found.standing is Standing.SERVED
                return found
        self._mute += not is_answer
        return found

    async def _soa(self, zone: ZoneName) -> tuple[Side, bool]:
        owner = b"".join(bytes([len(label)]) + label.encode("ascii") for label in zone.split(".")) + b"\0"
        try:
            message = await ask(self._host, self._port, owner, SOA, limit_s=self.patience.answer_s)
        except OSError as error:  # TimeoutError as well
            return side(None, reason=words_of(error)), False
        try:
            return side(read_soa(message, question_of(owner, SOA, 0))), True
        except MalformedAnswer as error:
            return side(None, reason=f"an answer that cannot be read: {words_of(error)}"), True

    async def transfer(self, zone: ZoneName) -> list[Record] | str:
        """Every record, or why there are none."""
        if self._broken >= REFUSALS or (self._refused >= REFUSALS and not self._allows):
            return "no transfers are allowed"
        async with self._transfers:
            try:
                found = await read_zone(self._host, self._port, zone, stall_s=self.patience.stall_s)
            except TransferRefused as error:
                self._refused += 1
                return f"its transfer is answered {error}"
            except OSError as error:  # TimeoutError as well
                self._broken += 1
                return words_of(error)
        self._allows, self._broken = True, 0
        return found

    async def sample(self, keys: Iterable[Key]) -> Content:
        """The answers to these questions, one after the other. Raises OSError when one has none, or SERVFAIL and the like."""
        records: list[Record] = []
        codes: dict[Key, str] = {}
        for owner, kind in keys:
            rcode, answer = await read_answer(self._host, self._port, owner, kind, limit_s=self.patience.answer_s)
            if rcode not in (NOERROR, NXDOMAIN):
                raise OSError(f"{owner} {kind} is answered {RCODES.get(rcode, rcode)}")
            own = [record for record in answer if record.owner == owner]  # not what a CNAME leads to
            if own:
                records += own
            else:
                codes[owner, kind] = RCODES[rcode]
        return content_of(dict.fromkeys(records), codes=codes)  # a CNAME answers every question for its owner


async def compare_zone(
    zone: ZoneName, old: Server, new: Server, *, transfer: Transfer = Transfer.AUTO, text: str | None = None
) -> Compared:
    """One zone at both. `text` (normal form): what we would serve, which tells the names to ask for. Never raises for what servers do.

    A zone whose serials differ as well as its records is looked at twice: a push may be on its way.
    """
    seen = await _compare_once(zone, old, new, transfer, text)
    if not seen.differences or seen.old.serial == seen.new.serial:
        return seen
    await asyncio.sleep(old.patience.pause_s)
    return await _compare_once(zone, old, new, transfer, text)


async def _compare_once(zone: ZoneName, old: Server, new: Server, transfer: Transfer, text: str | None) -> Compared:
    at_old, at_new = await asyncio.gather(old.stands(zone), new.stands(zone))
    seen = Compared(zone=str(zone), old=at_old, new=at_new)
    if not at_old.standing is at_new.standing is Standing.SERVED:
        return seen
    whole: Sequence[list[Record] | str] = ("", "")
    if transfer is not Transfer.NEVER:
        whole = await asyncio.gather(old.transfer(zone), new.transfer(zone))
    match whole:
        case [list() as before, list() as after]:
            return await _of_transfers(zone, before, after)
        case [before, after] if transfer is Transfer.ALWAYS:
            return _unknown(seen, before if isinstance(before, str) else "", after if isinstance(after, str) else "")
        case _:
            keys = _keys(zone, text, [each for each in whole if isinstance(each, list)])
            return await _of_samples(seen, zone, keys, old, new)


async def _of_transfers(zone: ZoneName, old: list[Record], new: list[Record]) -> Compared:
    if len(old) + len(new) > LARGE:
        return await asyncio.to_thread(_compared, zone, old, new)  # seconds, for which others would wait
    return _compared(zone, old, new)


def _compared(zone: ZoneName, old: list[Record], new: list[Record]) -> Compared:
    return compared(str(zone), content_of(old), content_of(new), How.TRANSFER)


async def _of_samples(seen: Compared, zone: ZoneName, keys: Collection[Key], old: Server, new: Server) -> Compared:
    before, after = await asyncio.gather(_told(old.sample(keys)), _told(new.sample(keys)))
    if isinstance(before, Content) and isinstance(after, Content):
        return compared(str(zone), before, after, How.SAMPLE)
    return _unknown(seen, *(each if isinstance(each, str) else "" for each in (before, after)))


async def _told(work: Awaitable[Content]) -> Content | str:
    try:
        return await work
    except OSError as error:
        return words_of(error)


def _unknown(seen: Compared, old: str, new: str) -> Compared:
    """Both serve it, and its records could not be compared: why, at either."""

    def told(one: Side, reason: str) -> Side:
        return Side(standing=Standing.UNKNOWN, serial=one.serial, reason=reason) if reason else one

    return Compared(zone=seen.zone, old=told(seen.old, old), new=told(seen.new, new))


def _keys(zone: ZoneName, text: str | None, transferred: Sequence[list[Record]]) -> list[Key]:
    """What to ask for: what one of them has, or we have; of a large zone some, spread over it. The apex is always asked."""
    apex = [(zone.absolute, kind) for kind in AT_APEX]
    texts = [*("\n".join(_line(record) for record in records) for records in transferred), *([text] if text else [])]
    known = [(rrset.owner, rrset.type) for each in texts for rrset in answerable(each)]
    if not known:
        return [*apex, *((f"{name}.{zone.absolute}", kind) for name, kind in BELOW)]
    rest = list(dict.fromkeys(key for key in known if key not in apex))
    return [*apex, *rest[:: max(len(rest) // MOST_ASKED, 1)][:MOST_ASKED]]


def _line(record: Record) -> str:
    return f"{record.owner} {record.ttl} IN {record.type} {record.rdata}"


async def run(
    jobs: Iterable[tuple[ZoneName, str | None]],
    one: Callable[[ZoneName, str | None], Awaitable[None]],
    *,
    at_once: int,
) -> None:
    """Do `one` for every job, `at_once` at a time; a job is drawn when there is room for it. The first error ends it, and is raised."""
    waiting = iter(jobs)

    async def worker() -> None:
        for zone, text in waiting:
            await one(zone, text)

    try:
        async with asyncio.TaskGroup() as group:
            for number in range(at_once):
                group.create_task(worker(), name=f"compare:{number}")
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
