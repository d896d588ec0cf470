"""Models shared by all parts of the API: times, pages, owners, and documented errors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Generic, Self, TypeVar

from fastapi import Path, Query
from pydantic import BaseModel, BeforeValidator, Field, PlainSerializer, WithJsonSchema

from directdnsonly.errors import NameRefused
from directdnsonly.outbox.changes import Owner
from directdnsonly.zone.name import ZoneName

T = TypeVar("T", bound=BaseModel)
R = TypeVar("R")
LARGEST: Final = 2**53 - 1  # of a number that counts; what every JSON reader keeps exactly, and SQLite, too
LONGEST_NAME: Final = 254  # of a zone's name as it is typed, with a final dot
LARGEST_PAGE: Final = 1000


def _seconds(told: object) -> object:
    """Epoch seconds from a value in an answer or a stored report."""
    return datetime.fromisoformat(told).timestamp() if isinstance(told, str) else told


def _moment(told: object) -> object:
    """Epoch seconds from a parameter. Raises ValueError for a bare number, a date, or a time without a time zone."""
    if not isinstance(told, str):
        return told
    at = datetime.fromisoformat(told)
    if at.tzinfo is None or "T" not in told.upper():
        raise ValueError("is no time with a zone, such as 2026-11-23T07:00:00Z")
    return at.timestamp()


def rfc3339(at: float) -> str:
    """Epoch seconds as an RFC 3339 timestamp in UTC."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


def _whole(told: object) -> object:
    """A JSON number without a fraction, including 3.0 (JSON Schema, 6.1.1), but no string or boolean. Raises ValueError."""
    if isinstance(told, float) and told.is_integer():
        return int(told)
    if not isinstance(told, int) or isinstance(told, bool):
        raise ValueError("is no whole number")  # noqa: TRY004 - pydantic makes a fault of a ValueError only
    return told


Whole = Annotated[int, BeforeValidator(_whole)]

_DATE_TIME: Final = {"type": "string", "format": "date-time"}
Moment = Annotated[
    float,
    BeforeValidator(_seconds),
    PlainSerializer(rfc3339, return_type=str, when_used="json"),
    WithJsonSchema({**_DATE_TIME, "description": "RFC 3339, UTC", "examples": ["2026-11-23T07:53:34.120+00:00"]}),
]


class Page(BaseModel, Generic[T]):
    """A page of a list."""

    items: list[T]
    next: str | None = Field(description="Give it as `after` for the next page; null on the last one")

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        """`ZonePage` and such: a model name that reads well in a generated client."""
        return f"{params[0].__name__.removesuffix('View')}Page"

    @classmethod
    def cut(
        cls, found: Sequence[R], limit: int, *, view: Callable[[R], T], key: Callable[[R], object], **more: Any
    ) -> Self:
        """A page of the first `limit` of `found`, which has one more if there is a next page. `key`: makes the cursor."""
        shown = found[:limit]
        following = str(key(shown[-1])) if len(found) > limit else None
        return cls(items=[view(one) for one in shown], next=following, **more)


Limit = Annotated[int, Query(ge=1, le=LARGEST_PAGE, description="Entries of a page")]
_AFTER: Final = "`next` of the page before"
AfterNumber = Annotated[int | None, Query(ge=1, le=LARGEST, description=_AFTER)]
AfterName = Annotated[str, Query(max_length=253, description=_AFTER)]
_LABEL: Final = "[A-Za-z0-9_]([A-Za-z0-9_/-]{0,61}[A-Za-z0-9_])?"
# For the document alone: ZoneName judges, and takes U-labels, too.
_NAME: Final[dict[str, Any]] = {
    "maxLength": LONGEST_NAME - 1,
    "pattern": rf"^({_LABEL}\.){{0,126}}[0-9]{{0,9}}[A-Za-z_]([A-Za-z0-9_/-]{{0,50}}[A-Za-z0-9_])?\.?$",
}
ZonePath = Annotated[
    str,
    Path(
        max_length=LONGEST_NAME,
        description="The zone's name; a slash in it (RFC 2317) as %2F",
        examples=["example.com"],
        json_schema_extra=_NAME,
    ),
]
AskedPath = Annotated[
    str,
    Path(
        max_length=1024,
        description="A zone, a name in it, or an address of the web; a slash as %2F",
        examples=["www.example.com"],
        json_schema_extra=_NAME,
    ),
]
ZoneQuery = Annotated[str, Query(max_length=LONGEST_NAME, description="Of this zone only", examples=["example.com"])]
ZoneText = Annotated[str, Field(max_length=LONGEST_NAME, json_schema_extra=_NAME)]
Since = Annotated[
    float | None,
    BeforeValidator(_moment),
    WithJsonSchema(_DATE_TIME),
    Query(description="At this time or after it; RFC 3339", examples=["2026-11-23T07:00:00Z"]),
]


class OwnerView(BaseModel):
    """Who a zone belongs to, or who sent a push."""

    credential: str
    hostname: str
    username: str

    @classmethod
    def of(cls, owner: Owner) -> OwnerView:
        """The view of a record."""
        return cls(credential=owner.credential, hostname=owner.hostname, username=owner.username)


def looked_for(zone: str) -> ZoneName | None:
    """The zone that a ZoneQuery means; None if empty. An invalid name is returned as it is, and matches nothing."""
    try:
        return ZoneName.parse(zone) if zone else None
    except NameRefused:
        return ZoneName.trusted(zone)


def failures(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The documented errors of one operation; those of the guard and of invalid parameters are added elsewhere."""
    return {status: {} for status in statuses}
