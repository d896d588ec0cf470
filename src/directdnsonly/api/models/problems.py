"""Models of the JSON API: problem details (RFC 9457)."""

from __future__ import annotations

from pydantic import BaseModel, Field

from directdnsonly.api.models.pushes import FaultView


class FieldError(BaseModel):
    """What is wrong with one field or parameter."""

    pointer: str = Field(
        description="A JSON pointer into the body (`#/rrsets/0/ttl`), the place and name of a parameter (`query/limit`), or a key of the configuration",
        examples=["#/rrsets/0/ttl"],
    )
    detail: str


class Problem(BaseModel):
    """Problem details (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str = ""
    rule: str | None = Field(None, description="If a zone or name was refused: the rule, listed in docs/refusals.md")
    faults: list[FaultView] | None = Field(
        None, description="If a zone or name was refused: every fault found, up to ten; `detail` has the first"
    )
    instance: str | None = Field(None, description="The change that it is about, where there is one")
    errors: list[FieldError] | None = Field(None, description="Every invalid field and parameter")
