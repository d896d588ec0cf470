"""What peers say to each other, as JSON: written, and read from somebody who may mean harm. Pure.

Three questions: the digests of all buckets; the zones in some of them, each with its mark; what is stated of some zones, with
their texts or without. Every answer is bounded by its asker, who reads no more than these limits allow. What does not fit in
every detail is refused as a whole (NotAPeer): from the rest nothing would follow that is worth having.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, Final, Literal, TypeVar

from pydantic import Field, ValidationError

from directdnsonly.errors import NameRefused
from directdnsonly.outbox import identity
from directdnsonly.outbox.changes import Kind, Owner
from directdnsonly.outbox.peering import Matter, Stated, Summary, ZoneState
from directdnsonly.peers import forms
from directdnsonly.peers.decided import DecidedForm, decided_in, forms_of
from directdnsonly.peers.forms import (
    Answer,
    Moment,
    OwnerForm,
    Past,
    Serial,
    joined,
    owner_form,
    owner_in,
    past_in,
    unpacked,
)
from directdnsonly.wording import counted
from directdnsonly.zone.name import ZoneName

FORMAT: Final = 1
MOST_BUCKETS: Final = 64  # in one question
MOST_MARKS: Final = 4_000  # in one answer
MOST_STATES: Final = 500
MOST_TEXTS: Final = 100
ENOUGH_CHARS: Final = 2**20  # of texts in one answer; one zone may have more
# What an asker reads of each answer, the largest one of ours and no more.
MOST_SUMMARY_BYTES: Final = 64 * 2**10
MOST_MARKS_BYTES: Final = 4 * 2**20
MOST_STATES_BYTES: Final = 24 * 2**20  # a zone of 16 MiB, in JSON
_SIGNED_64: Final = 2**63
_NOBODY: Final = Owner()
NotAPeer = forms.NotAPeer  # what every reader here raises


_Number = Annotated[int, Field(ge=0, lt=_SIGNED_64)]


class _Digests(Answer):
    format: int
    ready: bool
    newest: _Number
    digests: str = Field(max_length=(identity.BUCKETS * 8 + 2) // 3 * 4)  # empty: the same as those that were named


class _Marks(Answer):
    buckets: list[dict[str, int]] = Field(max_length=MOST_BUCKETS)


A = TypeVar("A", bound=Answer)


class _Zone(Answer):
    zone: str = Field(max_length=1024)
    kind: Literal["put", "delete", "none"]
    id: str = Field(pattern=r"^([0-9a-f]{32})?$")
    past: Past
    orphan: bool
    serial: Serial
    pushed_serial: Serial
    owner: OwnerForm
    at: Moment
    number: _Number
    text: str | None = None
    decided: list[DecidedForm] = Field(max_length=len(Matter))


class _Zones(Answer):
    zones: list[_Zone] = Field(max_length=MOST_STATES)


def token_of(summary: Summary) -> str:
    """By which an asker names the digests that it has: an answer to the same ones needs none."""
    return identity.mark("", _packed(summary.digests)).to_bytes(8, "big", signed=True).hex()


def write_summary(summary: Summary, known: str = "") -> bytes:
    """The answer to who has the digests that `known` names."""
    same = summary.ready and known == token_of(summary)
    digests = "" if same else base64.b64encode(_packed(summary.digests)).decode()
    told = _Digests(format=FORMAT, ready=summary.ready, newest=summary.newest, digests=digests)
    return told.model_dump_json().encode()


def read_summary(body: bytes, ours: Summary) -> Summary:
    """The digests of a peer that was told ours. Raises NotAPeer."""
    read = _read(_Digests, body, MOST_SUMMARY_BYTES)
    if read.format != FORMAT:
        raise NotAPeer(f"it compares by format {read.format}, this program by {FORMAT}: run the same program on both")
    if not read.digests:
        return Summary(digests=ours.digests, newest=read.newest, ready=read.ready)
    packed = unpacked(read.digests)
    if len(packed) != identity.BUCKETS * 8:
        raise NotAPeer(f"it tells {counted(len(packed) // 8, 'digest')} of {identity.BUCKETS}")
    digests = struct.unpack(f">{identity.BUCKETS}q", packed)
    return Summary(digests=digests, newest=read.newest, ready=read.ready)


def write_marks(found: Sequence[Mapping[ZoneName, int]]) -> bytes:
    """Of the buckets that were asked for, the first ones."""
    return _Marks(buckets=[{str(name): mark for name, mark in one.items()} for one in found]).model_dump_json().encode()


def read_marks(body: bytes, buckets: Sequence[int]) -> list[dict[ZoneName, int]]:
    """Of the first ones of these buckets. Raises NotAPeer."""
    read = _read(_Marks, body, MOST_MARKS_BYTES).buckets
    if not 0 < len(read) <= len(buckets):
        raise NotAPeer(f"it was asked for {counted(len(buckets), 'bucket')} and tells of {len(read)}")
    if (count := sum(map(len, read))) > MOST_MARKS:
        raise NotAPeer(f"it tells of {counted(count, 'zone')} at once, {MOST_MARKS} are read")
    return [_marks_in(bucket, one) for bucket, one in zip(buckets, read, strict=False)]


def _marks_in(bucket: int, told: Mapping[str, int]) -> dict[ZoneName, int]:
    found: dict[ZoneName, int] = {}
    for text, mark in told.items():
        name = _name(text)
        if identity.bucket(name) != bucket or not -_SIGNED_64 <= mark < _SIGNED_64:
            raise NotAPeer(f"{name} does not belong to bucket {bucket} with the mark {mark}")
        found[name] = mark
    return found


def write_states(found: Sequence[ZoneState]) -> bytes:
    """What is stated of zones, in order."""
    return _Zones(zones=[_written(one) for one in found]).model_dump_json().encode()


def _written(one: ZoneState) -> _Zone:
    states = one.states
    return _Zone(
        zone=str(one.name),
        kind=states.kind.value if states else "none",
        id=states.stated.hex() if states else "",
        past=joined(states.past) if states else "",
        orphan=states.orphan if states else False,
        serial=states.serial if states else 0,
        pushed_serial=states.pushed_serial if states else 0,
        owner=owner_form(states.owner if states else _NOBODY),
        at=one.at,
        number=one.number,
        text=one.text,
        decided=forms_of(one),
    )


def read_states(body: bytes, asked: Collection[ZoneName]) -> list[ZoneState]:
    """What is stated of zones that were asked for; their digests are empty: they are made of the text. Raises NotAPeer."""
    found = [_state(one) for one in _read(_Zones, body, MOST_STATES_BYTES).zones]
    names = [one.name for one in found]
    if len(set(names)) != len(names) or not set(asked).issuperset(names):
        raise NotAPeer("it tells of a zone twice, or of one that it was not asked for")
    return found


def _state(read: _Zone) -> ZoneState:
    name = _name(read.zone)
    decided = tuple(decided_in(name, one) for one in read.decided)
    if len({one.matter for one in decided}) != len(decided):
        raise NotAPeer(f"what it has decided about {name} contradicts itself")
    states = _stated(name, read) if read.kind != "none" else None
    return ZoneState(name=name, states=states, at=read.at, number=read.number, text=read.text, decided=decided)


def _stated(name: ZoneName, read: _Zone) -> Stated:
    stated, kind = bytes.fromhex(read.id), Kind(read.kind)
    if not stated or identity.is_delete(stated) is not (kind is Kind.DELETE) or (read.orphan and kind is Kind.PUT):
        raise NotAPeer(f"what it states of {name} contradicts itself")
    return Stated(
        stated=stated,
        kind=kind,
        serial=read.serial,
        pushed_serial=read.pushed_serial,
        digest=b"",
        owner=owner_in(read.owner),
        past=past_in(name, read.past),
        orphan=read.orphan,
    )


def _name(text: str) -> ZoneName:
    """A name in its one normal form."""
    try:
        name = ZoneName.parse(text)
    except NameRefused:
        raise NotAPeer(f"{text[:100]!a} is not the name of a zone") from None
    if str(name) != text:
        raise NotAPeer(f"{text[:100]!a} is not how a zone is called between peers")
    return name


def _read(model: type[A], body: bytes, most: int) -> A:
    if len(body) > most:
        raise NotAPeer(f"it answers with more than {most} bytes")
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"][:4])
        raise NotAPeer(f"its answer is none of ours: {where + ': ' if where else ''}{first['msg'][:200]}") from None


def _packed(digests: Sequence[int]) -> bytes:
    return struct.pack(f">{len(digests)}q", *digests)
