"""How the OpenAPI document describes DirectAdmin's requests; the wire format itself is in `directadmin`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from fastapi.responses import PlainTextResponse

TAG: Final = "directadmin"
DNS_ADMIN: Final = "/CMD_API_DNS_ADMIN"

ZONE: Final = """$TTL 3600
@ IN SOA ns1.host.example. hostmaster.host.example. ( 2026010100 3600 3600 1209600 86400 )
example.com. 3600 IN NS ns1.host.example.
example.com. 3600 IN NS ns2.host.example.
example.com. 3600 IN A 192.0.2.10
"""
_HOSTNAME: Final = (
    "hostname",
    "The DirectAdmin server that sends the request; the zones belong to it.",
    "da1.host.example",
)
_USERNAME: Final = ("username", "The DirectAdmin user who owns the domain.", "alice")
_DOMAIN: Final = ("domain", "The zone.", "example.com")
_BEFORE_THE_BODY: Final = {
    401: ("No or wrong credentials.", "error=1&text=Unauthorized&details=user name or password is wrong"),
    403: ("The credential may not push zones.", "error=1&text=Forbidden&details=this user name may not push zones"),
    429: ("Too many failed log-ins; `Retry-After` says when to try again.", "error=1&text=Too many failed log-ins"),
    500: ("An error of ours: see the log.", "error=1&text=Internal error&details=see the log of the DNS server"),
}
_OF_A_BODY: Final = {
    408: ("The body did not come in time.", "error=1&text=Request timed out"),
    413: ("The body or the query is too large.", "error=1&text=Zone too large"),
    503: ("No memory for another large body right now.", "error=1&text=Not recorded, push it again"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One request that DirectAdmin sends. `answers`: example bodies of a 200, by what they mean."""

    method: str
    path: str
    name: str
    summary: str
    description: str
    answers: dict[str, str]
    query: Sequence[dict[str, Any]] = ()
    body: dict[str, Any] | None = None

    def told(self) -> dict[str, Any]:
        """The operation as keyword arguments for `add_api_route`."""
        failures = _BEFORE_THE_BODY | (_OF_A_BODY if self.body else {})
        extra: dict[str, Any] = {"parameters": list(self.query)}
        if self.body is not None:
            extra["requestBody"] = {"required": True, "content": self.body}
        return {
            "operation_id": self.name,
            "summary": self.summary,
            "description": self.description,
            "response_class": PlainTextResponse,
            "response_model": None,
            "response_description": "DirectAdmin reads `error`: 0 means done, 1 refused, with the reason in `text` and `details`.",
            "responses": {
                HTTPStatus.OK.value: _text(self.answers),
                **{status: {"description": why, **_text({why: told})} for status, (why, told) in failures.items()},
            },
            "openapi_extra": extra,
        }


def _text(answers: dict[str, str]) -> dict[str, Any]:
    examples = {
        f"answer{number}": {"summary": why, "value": told} for number, (why, told) in enumerate(answers.items())
    }
    return {"content": {"text/plain": {"schema": {"type": "string"}, "examples": examples}}}


def _parameter(name: str, description: str, example: str, *, required: bool = False, **schema: Any) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "required": required,
        "description": description,
        "schema": {"type": "string", **schema},
        "example": example,
    }


_FORM: Final = {
    "application/x-www-form-urlencoded": {
        "schema": {
            "type": "object",
            "required": ["action", "select0"],
            "properties": {
                "action": {"type": "string", "enum": ["delete"]},
                "select0": {"type": "string", "description": "The zone; further zones as `select1`, `select2`, ..."},
                "hostname": {"type": "string", "description": _HOSTNAME[1]},
                "username": {"type": "string", "description": _USERNAME[1]},
            },
        },
        "example": {"action": "delete", "select0": _DOMAIN[2], "hostname": _HOSTNAME[2], "username": _USERNAME[2]},
    }
}

OPERATIONS: Final = (
    Operation(
        method="POST",
        path=DNS_ADMIN,
        name="save_or_delete_zones",
        summary="Push a zone, or delete zones",
        description=(
            "`action=rawsave`: the body is the zone file. `action=delete`: the body is urlencoded and holds all parameters, `action`"
            " included. No Content-Type is needed. Parameters in the query win over those in the body.\n\n"
            "`error=0` is answered once the change is on disk. A refused zone changes nothing: the last good version stays served."
        ),
        answers={
            "recorded": "error=0",
            "refused": "error=1&text=Zone refused&details=line 5: '192.0.2.300' is not an IPv4 address; an A record is written like: 192.0.2.1",
        },
        query=(
            _parameter("action", "The action, here or in the body.", "rawsave", enum=["rawsave", "delete"]),
            _parameter(*_DOMAIN),
            _parameter(*_HOSTNAME),
            _parameter(*_USERNAME),
            _parameter("named_reload", "`yes`: somebody is waiting for it, so it overtakes bulk changes.", "yes"),
        ),
        body={"text/plain": {"schema": {"type": "string"}, "example": ZONE}, **_FORM},
    ),
    Operation(
        method="GET",
        path=DNS_ADMIN,
        name="check_domain",
        summary="Check whether a domain is held here",
        description="DirectAdmin's Domain Check, sent before a domain is created.",
        answers={
            "no server has it": "error=0&exists=0",
            "this server has it": "error=0&exists=1&details=Domain exists on da1.host.example",
            "a parent domain is held here, by an owner who is not named": "error=0&exists=2&details=Parent Domain exists on da1.host.example",
            "a parent domain is held here, by this user": "error=0&exists=3&hostname=da1.host.example&username=alice",
        },
        query=(
            _parameter("action", "The question.", "exists", required=True, enum=["exists"]),
            _parameter(*_DOMAIN, required=True),
            _parameter("check_for_parent_domain", "`yes`: a parent domain counts, too.", "yes"),
        ),
    ),
    Operation(
        method="GET",
        path="/CMD_API_LOGIN_TEST",
        name="test_login",
        summary="The button Test of Multi Server Setup",
        description="Checks the credentials and nothing else.",
        answers={"admitted": "error=0&text=Login OK&details=none"},
    ),
    Operation(
        method="GET",
        path="/CMD_API_USER_EXISTS",
        name="check_user",
        summary="Check whether a user exists here: never",
        description="DirectAdmin's User Check; we have no users.",
        answers={"always": "error=0&exists=0"},
    ),
)
