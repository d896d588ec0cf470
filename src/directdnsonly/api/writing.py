"""What a write of the API brings with it: a body with limits, a condition on the version, a key against repetition."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from http import HTTPStatus
from typing import Final
from weakref import WeakValueDictionary

from fastapi import HTTPException, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field, ValidationError
from pydantic.json_schema import SkipJsonSchema

from directdnsonly.accept.acceptance import Accepted
from directdnsonly.api.rrsets import ZoneContent
from directdnsonly.door.bodies import Share
from directdnsonly.outbox.changes import Terms
from directdnsonly.outbox.store.looking import Looking

ZONE_FILE: Final = ("text/dns", "text/plain", "application/octet-stream")  # and no type at all
MOST_JSON_BYTES: Final = (
    2**20
)  # some 15,000 RRsets, read in the loop in 0.1 s; a zone file of any size is read beside it
ETAG: Final = r'^"?[0-9]{1,18}"?$'
KEY: Final = r"^[\x21-\x7e]{1,255}$"


async def read_body(request: Request, share: Share, *, limit: int, timeout_s: float) -> bytes:
    """The raw body, counted while it comes in; nothing of it is read when it is announced as too large.

    Raises BodiesTooMany when there is no room for it.
    """
    announced = request.headers.get("content-length", "")
    too_large = HTTPException(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is larger than {limit} bytes", {"Connection": "close"}
    )
    if announced.isdigit() and int(announced[:20]) > limit:
        raise too_large
    octets = bytearray()
    try:
        async with asyncio.timeout(timeout_s):
            async for chunk in request.stream():
                octets += chunk
                if len(octets) > limit:
                    raise too_large
                share.grown_to(len(octets))
    except TimeoutError:
        raise HTTPException(
            HTTPStatus.REQUEST_TIMEOUT, f"the body did not come within {timeout_s:g} s", {"Connection": "close"}
        ) from None
    return bytes(octets)


def zone_text(request: Request, body: bytes) -> bytes:
    """The zone file that the body is or means, by its Content-Type."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not kind or kind in ZONE_FILE:
        return body
    if kind != "application/json":
        raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send a zone file as text/dns, or application/json")
    if len(body) > MOST_JSON_BYTES:
        raise HTTPException(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"a zone as JSON may have {MOST_JSON_BYTES} bytes: send a larger one as a zone file, with text/dns",
        )
    try:
        return ZoneContent.model_validate_json(body).text()
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False, include_context=False)
        raise RequestValidationError([{**entry, "loc": ("body", *entry["loc"])} for entry in found]) from None


class WriteHeaders(BaseModel):
    """On which terms a zone is written."""

    if_match: str | SkipJsonSchema[None] = Field(
        None, description="The version that is to be replaced, as the ETag gives it", pattern=ETAG, examples=['"5"']
    )
    if_none_match: str | SkipJsonSchema[None] = Field(
        None, description="Only `*`: the zone must not exist yet", pattern=r"^\*$"
    )
    idempotency_key: str | SkipJsonSchema[None] = Field(
        None, description="1 to 255 visible characters: makes repetitions harmless", pattern=KEY, examples=["deploy-17"]
    )

    def expected_version(self) -> int | None:
        """A version, 0 for a zone that is not held, None for anything."""
        if self.if_none_match is not None:
            if self.if_match is not None:
                raise HTTPException(HTTPStatus.BAD_REQUEST, "If-None-Match goes without If-Match")
            return 0
        return None if self.if_match is None else int(self.if_match.strip('"'))


class Once:
    """A request that is repeated with its Idempotency-Key changes nothing again and gets the first answer."""

    def __init__(self, looking: Looking) -> None:
        self._looking = looking
        self._locks: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    async def run(
        self,
        request: Request,
        headers: WriteHeaders,
        credential: str,
        body: bytes,
        act: Callable[[Terms], Awaitable[Accepted]],
    ) -> tuple[Accepted, bool]:
        """What `act` recorded now, under the terms that the headers name, or before; and whether it was before."""
        terms = Terms(expected_version=headers.expected_version())
        key = headers.idempotency_key
        if key is None:
            return await act(terms), False
        asked = hashlib.sha256(f"{request.method} {request.url.path}\n".encode() + body).digest()
        lock = self._locks.setdefault((credential, key), asyncio.Lock())
        async with lock:  # two at the same moment: the second one waits and gets the first one's answer
            before = await self._looking.repeated(credential, key)
            if before is None:
                return await act(replace(terms, key=key, fingerprint=asked)), False
        if before.fingerprint != asked:
            raise HTTPException(
                HTTPStatus.UNPROCESSABLE_ENTITY, "this Idempotency-Key was used for another request: choose a new one"
            )
        receipt = await self._looking.receipt(before.change_id)
        if receipt is None:
            raise HTTPException(HTTPStatus.CONFLICT, f"change {before.change_id} is done, but long forgotten")
        return Accepted(receipt=receipt, warnings=before.warnings), True
