"""A zone as JSON RRsets, converted to a zone file; validating the content is left to the zone parser."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

_NAME = r"^(@|[^\s;()\"$@\x00-\x20\x7f-\xff][^\s;()\"\x00-\x20\x7f-\xff]*)$"


def _one_line(rdata: str) -> str:
    """Neither a comment nor a second record may hide in the text of one."""
    quoted = escaped = False
    for character in rdata:
        if not character.isprintable() and character != "\t":
            raise ValueError("holds a control character")
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == '"':
            quoted = not quoted
        elif not quoted and character in ";()":
            raise ValueError(f"holds {character!r} outside of quotes")
    if quoted or escaped:
        raise ValueError("ends inside of quotes or an escape")
    return rdata


class RRset(BaseModel):
    """All records of one type at one name."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern=_NAME, max_length=1024, description="Relative, or absolute with a dot at the end")
    type: str = Field(pattern=r"^[A-Z][A-Z0-9-]{0,15}$", examples=["A"])
    ttl: int | None = Field(None, ge=0, le=2**31 - 1)
    records: list[Annotated[str, Field(min_length=1, max_length=70_000), AfterValidator(_one_line)]] = Field(
        min_length=1, max_length=50_000, description="RDATA as in a zone file"
    )


class ZoneContent(BaseModel):
    """A whole zone."""

    model_config = ConfigDict(extra="forbid")

    ttl: int = Field(3600, ge=0, le=2**31 - 1, description="TTL of RRsets without their own")
    rrsets: list[RRset] = Field(min_length=1, max_length=100_000)

    def text(self) -> bytes:
        """The zone as a zone file."""
        lines = [f"$TTL {self.ttl}"]
        for rrset in self.rrsets:
            ttl = self.ttl if rrset.ttl is None else rrset.ttl
            lines += [f"{rrset.name}\t{ttl}\tIN\t{rrset.type}\t{rdata}" for rdata in rrset.records]
        return ("\n".join(lines) + "\n").encode()


EXAMPLE_TEXT = """$TTL 3600
@    IN SOA ns1.example.net. hostmaster.example.net. 2026112301 3600 3600 1209600 86400
@    IN NS  ns1.example.net.
@    IN NS  ns2.example.net.
@    IN A   192.0.2.10
www  IN A   192.0.2.10
"""
EXAMPLE_JSON = {
    "ttl": 3600,
    "rrsets": [
        {
            "name": "@",
            "type": "SOA",
            "records": ["ns1.example.net. hostmaster.example.net. 2026112301 3600 3600 1209600 86400"],
        },
        {"name": "@", "type": "NS", "records": ["ns1.example.net.", "ns2.example.net."]},
        {"name": "www", "type": "A", "ttl": 300, "records": ["192.0.2.10"]},
    ],
}
