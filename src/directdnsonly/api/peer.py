"""/api/v1/peer: what another instance asks of us, as peers.wire writes it. It reads only, and it waits for its turn.

Few are answered at once: what they cost, they cost each other and not whoever pushes.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable
from http import HTTPStatus
from typing import Annotated, Any, Final, TypeVar

from fastapi import APIRouter, Header, HTTPException, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from directdnsonly.api.writing import read_body
from directdnsonly.door.bodies import Bodies
from directdnsonly.errors import NameRefused
from directdnsonly.outbox import identity
from directdnsonly.peers import wire
from directdnsonly.peers.answering import Answering
from directdnsonly.peers.client import ASKER
from directdnsonly.shapes import LONGEST_NAME, failures
from directdnsonly.zone.name import ZoneName

MOST_ASKED_BYTES: Final = 256 * 1024  # MOST_STATES names of the longest kind
AT_ONCE: Final = 2
WAITING: Final = 8  # beside them; more are told to come again
LONGEST_S: Final = 20.0  # for the turn and the answer
AGAIN_S: Final = "5"
_ANSWER: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "As instances of one version read it; `format` of the digests is its number",
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
}
A = TypeVar("A", bound=BaseModel)


class BucketsAsked(BaseModel):
    """Of which buckets the zones are told."""

    model_config = ConfigDict(extra="forbid")

    buckets: list[Annotated[int, Field(ge=0, lt=identity.BUCKETS)]] = Field(
        min_length=1, max_length=wire.MOST_BUCKETS, examples=[[0, 7]]
    )


class StatesAsked(BaseModel):
    """Of which zones it is told what they are, with their texts or without."""

    model_config = ConfigDict(extra="forbid")

    zones: list[Annotated[str, Field(max_length=LONGEST_NAME)]] = Field(
        min_length=1, max_length=wire.MOST_STATES, examples=[["example.com"]]
    )
    texts: bool = False


class Turns:
    """Whose turn it is to be answered."""

    def __init__(self) -> None:
        self._at_once = asyncio.Semaphore(AT_ONCE)
        self._here = 0

    async def take(self, answer: Awaitable[bytes]) -> Response:
        """The answer in its turn. Raises HTTPException 503 when there are too many, or when it takes too long."""
        if self._here >= AT_ONCE + WAITING:
            if asyncio.iscoroutine(answer):
                answer.close()
            raise _not_now("too many peers ask at once")
        self._here += 1
        try:
            async with asyncio.timeout(LONGEST_S), self._at_once:
                return Response(await answer, media_type="application/json")
        except TimeoutError:
            raise _not_now(f"the store gave no answer within {LONGEST_S:g} s") from None
        finally:
            self._here -= 1


def router(answering: Answering, bodies: Bodies, *, asker: str) -> APIRouter:
    """The routes; the guard lets in who has the role `peer`. `asker`: the word of this instance (see peers.client)."""
    api = APIRouter(prefix="/api/v1/peer", tags=["peers"])
    turns = Turns()

    @api.get("/buckets", summary="The digests of all buckets", responses={**_ANSWER, **failures(409, 503)})
    async def get_buckets(
        known: Annotated[str, Query(max_length=64, description="The digests that the asker has, by their name")] = "",
        told: Annotated[
            str, Header(alias=ASKER, max_length=64, description="The asker's word, which it knows again")
        ] = "",
    ) -> Response:
        if told and secrets.compare_digest(told.encode(), asker.encode()):
            raise HTTPException(HTTPStatus.CONFLICT, "you are asking yourself: give the address of the other one")
        return await turns.take(answering.summary(known))

    @api.post(
        "/marks",
        summary="The zones in some buckets, each with its mark",
        openapi_extra=_body(BucketsAsked),
        responses={**_ANSWER, **failures(408, 413, 503)},
    )
    async def ask_marks(request: Request) -> Response:
        asked = await _asked(BucketsAsked, request, bodies)
        return await turns.take(answering.marks(asked.buckets))

    @api.post(
        "/states",
        summary="What is stated of some zones, with their texts or without",
        openapi_extra=_body(StatesAsked),
        responses={**_ANSWER, **failures(408, 413, 503)},
    )
    async def ask_states(request: Request) -> Response:
        asked = await _asked(StatesAsked, request, bodies)
        return await turns.take(answering.states(_names(asked.zones), texts=asked.texts))

    return api


def _not_now(why: str) -> HTTPException:
    return HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, why, {"Retry-After": AGAIN_S})


def _body(model: type[BaseModel]) -> dict[str, Any]:
    return {
        "requestBody": {"required": True, "content": {"application/json": {"schema": model.model_json_schema()}}}
    }  # fmt: skip


async def _asked(model: type[A], request: Request, bodies: Bodies) -> A:
    """The question. Its body is bounded before anything is made of it. Raises RequestValidationError."""
    with bodies.share() as share:
        body = await read_body(request, share, limit=MOST_ASKED_BYTES, timeout_s=bodies.timeout_s)
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False, include_context=False)
        raise RequestValidationError([{**entry, "loc": ("body", *entry["loc"])} for entry in found]) from None


def _names(zones: list[str]) -> list[ZoneName]:
    found: list[ZoneName] = []
    for number, zone in enumerate(zones):
        try:
            found.append(ZoneName.parse(zone))
        except NameRefused as error:
            raise RequestValidationError([{"loc": ("body", "zones", number), "msg": error.reason}]) from None
    return found
