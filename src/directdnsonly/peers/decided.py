"""What peers say of decisions about a zone: written, and read from somebody who may mean harm. Pure; see wire."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Final, Literal

from pydantic import Field

from directdnsonly.outbox.drift import HoldRule
from directdnsonly.outbox.peering import Decided, Held, Matter, Pinning, ZoneState
from directdnsonly.peers.forms import (
    SHORT,
    Answer,
    Moment,
    OwnerForm,
    Past,
    Serial,
    contradiction,
    joined,
    owner_form,
    owner_in,
    past_in,
    unpacked,
)
from directdnsonly.zone.name import ZoneName

MOST_REASON: Final = 500  # characters, as the store keeps
MOST_DIFFERENCE: Final = 20_000
MOST_CHARS: Final = 16 * 2**20  # of all texts of one zone; of more the last ones are left out


class PinningForm(Answer):
    """See peering.Pinning."""

    actor: str = Field(max_length=SHORT)
    address: str = Field(max_length=SHORT)
    reason: str = Field(max_length=MOST_REASON)
    text: str | None


class HeldForm(Answer):
    """See peering.Held."""

    rule: Literal["loss", "takeover", "overlap"]
    reason: str = Field(max_length=MOST_REASON)
    difference: str = Field(max_length=MOST_DIFFERENCE)
    owner: OwnerForm
    address: str = Field(max_length=SHORT)
    at: Moment
    digest: str = Field(pattern=r"^[0-9a-f]{64}$")
    serial: Serial | None
    base: str = Field(pattern=r"^([0-9a-f]{28})?$")
    body: str


class DecidedForm(Answer):
    """See peering.Decided."""

    matter: Literal["pin", "hold", "keep"]
    id: str = Field(pattern=r"^[0-9a-f]{32}$")
    stands: bool
    past: Past
    about: str = Field(pattern=r"^([0-9a-f]{28,32})?$")
    content: str = Field(pattern=r"^([0-9a-f]{64})?$")
    serial: Serial
    pin: PinningForm | None = None
    hold: HeldForm | None = None


def forms_of(one: ZoneState) -> list[DecidedForm]:
    """What is decided about a zone, as it is told."""
    return list(_forms(one))


def _forms(one: ZoneState) -> Iterator[DecidedForm]:
    left = MOST_CHARS - len(one.text or "")
    for each in one.decided:
        if each.stands and not each.about and each.matter is not Matter.KEEP:
            continue  # what it was about is lost here
        pin = _pinning(each.said, left) if isinstance(each.said, Pinning) else None
        hold = _held(each.said, left) if isinstance(each.said, Held) else None
        left -= len(pin.text or "") if pin else len(hold.body) if hold else 0
        yield DecidedForm(
            matter=each.matter.value,
            id=each.stated.hex(),
            stands=each.stands,
            past=joined(each.past),
            about=each.about.hex(),
            content=each.content.hex(),
            serial=each.serial,
            pin=pin,
            hold=hold,
        )


def _pinning(said: Pinning, left: int) -> PinningForm:
    text = said.text if len(said.text or "") <= left else None
    return PinningForm(
        actor=said.actor[:SHORT], address=said.address[:SHORT], reason=said.reason[:MOST_REASON], text=text
    )


def _held(said: Held, left: int) -> HeldForm:
    body = base64.b64encode(said.body).decode()
    return HeldForm(
        rule=said.rule.value,
        reason=said.reason[:MOST_REASON],
        difference=said.difference[:MOST_DIFFERENCE],
        owner=owner_form(said.owner),
        address=said.address[:SHORT],
        at=said.at,
        digest=said.digest,
        serial=said.serial,
        base=said.base.hex(),
        body=body if len(body) <= left else "",
    )


def decided_in(name: ZoneName, read: DecidedForm) -> Decided:
    """As it was told: in force, a pin or a push that waits is about something; ended it is about nothing. Raises NotAPeer."""
    matter, pin, hold = Matter(read.matter), read.pin, read.hold
    is_about = read.stands and matter is not Matter.KEEP
    if bool(read.about) is not is_about or bool(read.content) is not (is_about and matter is Matter.PIN):
        raise contradiction(name)
    if (pin and not (is_about and matter is Matter.PIN)) or (hold and not (is_about and matter is Matter.HOLD)):
        raise contradiction(name)
    said: Pinning | Held | None = None
    if pin is not None:
        said = Pinning(text=pin.text, actor=pin.actor, address=pin.address, reason=pin.reason)
    if hold is not None:
        said = _held_in(hold)
    return Decided(
        matter=matter,
        stated=bytes.fromhex(read.id),
        stands=read.stands,
        past=past_in(name, read.past),
        about=bytes.fromhex(read.about),
        content=bytes.fromhex(read.content),
        serial=read.serial,
        said=said,
    )


def _held_in(read: HeldForm) -> Held:
    return Held(
        rule=HoldRule(read.rule),
        reason=read.reason,
        difference=read.difference,
        owner=owner_in(read.owner),
        address=read.address,
        at=read.at,
        digest=read.digest,
        serial=read.serial,
        base=bytes.fromhex(read.base),
        body=unpacked(read.body),
    )
