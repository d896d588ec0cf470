"""/api/v1/tokens: bearer tokens of the API, for scripts and other machines."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field, IPvAnyNetwork, WithJsonSchema

from directdnsonly.api.parts import ApiParts
from directdnsonly.outbox.operators import ApiToken
from directdnsonly.shapes import Limit, Moment, Page, failures

RoleName = Literal["push", "read", "operate", "peer"]
_NETWORK: Final = {
    "type": "string",
    "description": "An address, or a network in CIDR form without bits of a host",
    "anyOf": [{"format": "ipv4"}, {"format": "ipv6"}, {"pattern": "^[0-9A-Fa-f:.]{2,45}/[0-9]{1,3}$"}],
}


class TokenView(BaseModel):
    """A token, without its secret."""

    id: str = Field(examples=["3f9c0a61b2d4"])
    name: str = Field(examples=["backup-script"])
    roles: list[RoleName] = Field(examples=[["read"]])
    networks: list[str]
    created_by: str
    created_at: Moment
    expires_at: Moment | None

    @classmethod
    def of(cls, token: ApiToken) -> TokenView:
        """The view of a record."""
        return cls.model_validate(
            {
                "id": token.id,
                "name": token.name,
                "roles": list(token.roles),
                "networks": list(token.networks),
                "created_by": token.created_by,
                "created_at": token.created_at,
                "expires_at": token.expires_at,
            }
        )


class NewToken(BaseModel):
    """A token to make."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.@-]*$", examples=["backup-script"])
    roles: list[RoleName] = Field(min_length=1, max_length=4, examples=[["read"]])
    networks: list[Annotated[IPvAnyNetwork, WithJsonSchema(_NETWORK)]] = Field(
        [], max_length=64, examples=[["192.0.2.0/24"]]
    )
    days: float | None = Field(None, gt=0, le=3650, description="Days until it expires; null: never", examples=[90])


class CreatedToken(TokenView):
    """A new token with its secret."""

    token: str = Field(description="The secret; it cannot be shown again")


def router(parts: ApiParts) -> APIRouter:
    """The routes over the acts."""
    api = APIRouter(prefix="/api/v1/tokens", tags=["tokens"])
    tokens = parts.acts.tokens

    @api.get("", summary="Tokens by their ids, without their secrets")
    async def list_tokens(
        after: Annotated[str, Query(max_length=64, description="`next` of the page before")] = "", limit: Limit = 100
    ) -> Page[TokenView]:
        later = [token for token in tokens.all() if token.id > after]
        return Page[TokenView].cut(later, limit, view=TokenView.of, key=lambda token: token.id)

    @api.post(
        "",
        summary="Create a token; its secret is shown once",
        status_code=HTTPStatus.CREATED,
        responses=failures(400, 503),
    )
    async def create_token(new: NewToken, request: Request) -> CreatedToken:
        who = parts.asks(request)
        networks = [str(network) for network in new.networks]
        token, secret = await tokens.create(new.name, who, roles=new.roles, networks=networks, days=new.days)
        return CreatedToken(**TokenView.of(token).model_dump(), token=secret)

    @api.delete(
        "/{token_id}",
        summary="Revoke a token, at once",
        status_code=HTTPStatus.NO_CONTENT,
        responses=failures(404, 503),
    )
    async def revoke_token(
        token_id: Annotated[str, Path(max_length=64, examples=["3f9c0a61b2d4"])], request: Request
    ) -> None:
        await tokens.revoke(token_id, parts.asks(request))

    return api
