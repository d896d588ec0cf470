"""`ZoneName`: a zone's name in its one normal form, and its reversible form as a file name.

A name is normalised once, where it enters (push, API, file, list of a server), and is never repaired again.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any, Final
from urllib.parse import quote, unquote

import idna
from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from directdnsonly.errors import NameRefused

MAX_LABEL_OCTETS: Final = 63  # RFC 1035, section 2.3.4
MAX_NAME_OCTETS: Final = 253  # 255 on the wire with length octets and root
MAX_FILE_STEM: Final = 240  # a file name has 255 octets, and suffixes come on top
CUT: Final = "~"  # no zone name holds it: marks the stem of a name that is too long for a file name
# Letters, digits, hyphen; underscore as users have it; slash because RFC 2317 names contain it (0/26.2.0.192.in-addr.arpa).
_LABEL: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_/-]*[a-z0-9_])?\Z")
_ODD: Final = re.compile(r"[^a-z0-9_/-]")
_INNER: Final = "-/"  # never at the beginning or end of a label
_NOT_INTERNATIONAL: Final = (
    (idna.IDNABidiError, "it mixes right-to-left letters with others"),
    (
        idna.InvalidCodepoint,
        "it has a character that is not allowed in such names (a symbol, an emoji, an invisible one)",
    ),
    (idna.InvalidCodepointContext, "it has a character that is allowed only between certain others"),
)
_FILE_SAFE: Final = "-_."  # what `quote` leaves alone beside letters and digits; a slash becomes %2F


class ZoneName(str):
    """A zone's name: lower case, A-labels, without the final dot; always meant as absolute.

    It is a `str`, so it compares, hashes, sorts and stores as its text. Make one only by `parse` (which
    validates) or `trusted` (for text that has been a ZoneName before, e.g. read from our store).
    """

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> ZoneName:
        """The name in normal form: lower case, no final dot, U-labels converted to A-labels. Raises NameRefused."""
        name = text.removesuffix(".")
        if not name:
            raise NameRefused("the zone name is empty", rule="name-empty")
        if not name.isascii():
            try:
                name = idna.encode(name, uts46=True).decode("ascii")
            except (idna.IDNAError, UnicodeError) as error:
                raise NameRefused(
                    f"{_shown(text)} is not a valid international name (IDNA): {_why_not_international(error)}; write it"
                    " as it is registered, or in its xn-- form",
                    rule="name-idna",
                ) from None
        name = name.lower()
        if len(name) > MAX_NAME_OCTETS:
            raise NameRefused(
                f"the zone name has {len(name)} octets, but at most 253 are allowed (RFC 1035)", rule="name-length"
            )
        labels = name.split(".")
        for label in labels:
            if not label:
                raise NameRefused(f"{_shown(text)} has an empty label", rule="name-empty-label")
            if len(label) > MAX_LABEL_OCTETS:
                raise NameRefused(
                    f"a label of {_shown(text)} has {len(label)} octets, but at most 63 are allowed",
                    rule="name-label-length",
                )
            if not _LABEL.match(label):
                raise NameRefused(_label_fault(label, text), rule="name-characters")
        if labels[-1].isdigit():  # an address, not a name; the root zone has no all-numeric top label
            raise NameRefused(f"{_shown(text)} ends in a number: an address is not a zone name", rule="name-numeric")
        return str.__new__(cls, name)

    @classmethod
    def trusted(cls, text: str) -> ZoneName:
        """`text` as a ZoneName without validation: only for what `parse` returned earlier."""
        return str.__new__(cls, text)

    @property
    def absolute(self) -> str:
        """The name with the final dot, as zone files and name servers need it."""
        return f"{self}."

    @property
    def file_stem(self) -> str:
        """A file name without folder parts, at most 240 octets; `from_file_stem` turns it back into the name.

        A longer one is cut and made unique by a hash; its file carries the name in its first line.
        """
        stem = quote(self, safe=_FILE_SAFE)
        if len(stem) <= MAX_FILE_STEM:
            return stem
        return f"{stem[:180]}{CUT}{hashlib.sha256(self.encode('ascii')).hexdigest()[:32]}"

    @classmethod
    def from_file_stem(cls, stem: str) -> ZoneName:
        """The name whose `file_stem` is `stem`. Raises NameRefused if there is none."""
        name = cls.parse(unquote(stem))
        if name.file_stem != stem:
            raise NameRefused(f"{_shown(stem)} is not the file name of a zone", rule="name-file")
        return name

    def ancestors(self) -> list[ZoneName]:
        """The parent, its parent and so on up to the top-level domain, nearest first."""
        labels = self.split(".")
        return [ZoneName.trusted(".".join(labels[depth:])) for depth in range(1, len(labels))]

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate by `parse`; a NameRefused becomes an ordinary validation error."""
        return core_schema.no_info_after_validator_function(
            cls._validate, core_schema.str_schema(), serialization=core_schema.to_string_ser_schema()
        )

    @classmethod
    def _validate(cls, value: str) -> ZoneName:
        if isinstance(value, cls):
            return value
        try:
            return cls.parse(value)
        except NameRefused as error:
            raise ValueError(error.reason) from None


def _label_fault(label: str, text: str) -> str:
    """Why a label of a zone name is none, and what to do."""
    subject = f"the label {_shown(label)} of the zone name {_shown(text)}"
    odd = _ODD.search(label)
    if odd is not None:
        return f"{subject} holds {_shown(odd[0])}: only letters, digits, '-', '_' and (RFC 2317) '/' are allowed; rename the zone"
    place, character = ("begins", label[0]) if label[0] in _INNER else ("ends", label[-1])
    return (
        f"{subject} {place} with {_shown(character)}, which is allowed only inside a label; rename the zone without it"
    )


def _why_not_international(error: Exception) -> str:
    """By the kind of the error: its own words are for programmers."""
    for kind, reason in _NOT_INTERNATIONAL:
        if isinstance(error, kind):
            return reason
    return "a label is empty, too long, or breaks another rule of such names"


def _shown(text: str) -> str:
    """At most 80 characters of foreign text, with control characters escaped: safe in a log line."""
    cut = text if len(text) <= 80 else text[:77] + "..."  # noqa: PLR2004 - a line of a terminal
    return ascii(cut)
