"""`Zone`: one accepted content of a zone, normalised. Pure.

The content is kept as one normalised text, not as objects: at 100,000 zones text is what fits (shared measurements:
a record object costs ten times its text). `Record` rows appear only while a zone is parsed, compared or shown.
"""

from __future__ import annotations

from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, SkipValidation

from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.warn import ZoneWarning
from directdnsonly.zone.warn_time import Signatures, warnings_at


class Record(NamedTuple):
    """One resource record: absolute lower-case owner with final dot, TTL in seconds, upper-case type, RDATA text."""

    owner: str
    ttl: int
    type: str
    rdata: str


class Zone(BaseModel):
    """A validated zone in normal form.

    `text` is what every name server is given, the form that BIND, NSD and Knot all load: `$ORIGIN`, `$TTL`, the SOA first and on one line,
    then one record a line, sorted, absolute names, explicit TTL and class, no duplicates. `digest` covers the content
    without the serial; `challenge` covers only the `_acme-challenge` records (empty bytes when there are none).
    `records` counts RRs including the SOA, as an AXFR without its closing SOA would.
    """

    model_config = ConfigDict(frozen=True)

    name: ZoneName
    serial: int
    text: str
    digest: bytes
    challenge: bytes
    records: int
    signed: bool
    warnings: SkipValidation[tuple[ZoneWarning, ...]] = ()
    redirects: SkipValidation[tuple[str, ...]] = ()  # owners of DNAME records, in order
    signatures: SkipValidation[Signatures | None] = None

    def as_of(self, now_s: float) -> Zone:
        """With the warnings that depend on the time as well. `now_s`: epoch seconds."""
        if self.signatures is None:
            return self
        return self.model_copy(update={"warnings": (*self.warnings, *warnings_at(self.signatures, now_s))})
