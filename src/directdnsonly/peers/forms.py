"""What is common to all that peers say: how it is bounded, and the parts that stand in several places. Pure."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from directdnsonly.errors import DirectDNSOnlyError
from directdnsonly.outbox import identity
from directdnsonly.outbox.changes import Owner
from directdnsonly.zone.name import ZoneName

MOST_PAST: Final = 128  # ids of one zone: 64 beside the versions that are kept by default
SHORT: Final = 255


class NotAPeer(DirectDNSOnlyError):
    """An answer that none of ours would give: nothing is concluded from it. The text is the reason."""


class Answer(BaseModel):
    """Nothing that is not named here, and everything as it is named."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


Serial = Annotated[int, Field(ge=0, lt=2**32)]
Moment = Annotated[float, Field(ge=0, lt=2**33)]  # epoch seconds, of these centuries
Past = Annotated[str, Field(max_length=(MOST_PAST * identity.SIZE + 2) // 3 * 4)]


class OwnerForm(Answer):
    """Whose a zone is."""

    credential: str = Field(max_length=SHORT)
    hostname: str = Field(max_length=SHORT)
    username: str = Field(max_length=SHORT)


def owner_form(owner: Owner) -> OwnerForm:
    """As it is told."""
    return OwnerForm(
        credential=owner.credential[:SHORT], hostname=owner.hostname[:SHORT], username=owner.username[:SHORT]
    )


def owner_in(read: OwnerForm) -> Owner:
    """As it was told."""
    return Owner(credential=read.credential, hostname=read.hostname, username=read.username)


def joined(past: Sequence[bytes]) -> str:
    """Ids as they are told, the last ones."""
    return base64.b64encode(b"".join(past[-MOST_PAST:])).decode()


def past_in(name: ZoneName, text: str) -> tuple[bytes, ...]:
    """Ids that were told of a zone. Raises NotAPeer."""
    packed = unpacked(text)
    if len(packed) % identity.SIZE:
        raise contradiction(name)
    return identity.split(packed)


def unpacked(text: str) -> bytes:
    """What was told in base64. Raises NotAPeer."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise NotAPeer("a part of its answer is not in base64") from None


def contradiction(name: ZoneName) -> NotAPeer:
    """The parts of what was told of a zone exclude each other."""
    return NotAPeer(f"what it states of {name} contradicts itself")
