"""A strict reader of urlencoded fields, as DirectAdmin sends them in a query or in the body of a delete. Pure.

Strict, because two readers that understand one request differently are how names get smuggled: a key that comes
twice, a broken percent escape, octets that are not UTF-8 and control characters are refused, not repaired.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote_to_bytes

from directdnsonly.errors import PushRefused

MAX_FIELDS: Final = 4096  # a bulk delete of some thousand zones; three million fields cost another 23 s of CPU
MAX_FORM_BYTES: Final = 1024 * 1024  # DirectAdmin itself never sends a zone as a form; decoding 1 MiB is about 30 ms
MAX_VALUE_CHARS: Final = 1024
ZONE_FIELD: Final = "zone_file"  # the one field that may hold lines; kept as octets

_PLAIN: Final = re.compile(rb"[A-Za-z0-9_.-]*\Z")
_BROKEN_ESCAPE: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")
# C0, DEL, C1 and the two Unicode line separators: whatever a terminal or a log viewer may take for a line end.
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_FORM_START: Final = re.compile(rb"[A-Za-z0-9_.\[\]-]{1,64}=")
_BLANK: Final = re.compile(rb"[\x00-\x20]")


@dataclass(frozen=True, slots=True)
class Fields:
    """The decoded fields in their order; `zone` is the value of `zone_file`, None if there is none."""

    values: dict[str, str] = field(default_factory=dict)
    zone: bytes | None = None


def looks_urlencoded(body: bytes) -> bool:
    """Whether a body is a form: it begins with `key=` and has no blank or line end, as no zone file does."""
    return len(body) <= MAX_FORM_BYTES and _FORM_START.match(body) is not None and _BLANK.search(body) is None


def read_fields(raw: bytes, *, where: str) -> Fields:
    """Decode the fields of a query or form body; `where` ("query", "body") appears in the reason. Raises PushRefused."""
    if raw.count(b"&") >= MAX_FIELDS:  # before anything is decoded
        raise PushRefused(f"the {where} has more than {MAX_FIELDS} fields", rule="request-fields")
    values: dict[str, str] = {}
    zone: bytes | None = None
    for part in raw.split(b"&"):
        if not part:
            continue
        raw_key, _, raw_value = part.partition(b"=")
        key = _text(raw_key, where=where)
        if key in values or (key == ZONE_FIELD and zone is not None):
            raise PushRefused(f"the parameter {key!a} occurs twice in the {where}", rule="request-duplicate")
        if key == ZONE_FIELD:
            zone = _octets(raw_value, where=where)
        else:
            values[key] = _text(raw_value, where=where)
    return Fields(values, zone)


def _octets(raw: bytes, *, where: str) -> bytes:
    if _BROKEN_ESCAPE.search(raw):
        raise PushRefused(f"the {where} has a '%' without two hexadecimal digits after it", rule="request-encoding")
    return unquote_to_bytes(raw.replace(b"+", b" "))


def _text(raw: bytes, *, where: str) -> str:
    if len(raw) > 3 * MAX_VALUE_CHARS:  # an octet takes at most three when it is escaped
        raise PushRefused(f"a parameter of the {where} has more than {MAX_VALUE_CHARS} octets", rule="request-length")
    if _PLAIN.match(raw):
        return raw.decode("ascii")
    try:
        text = _octets(raw, where=where).decode("utf-8")
    except UnicodeDecodeError:
        raise PushRefused(f"a parameter of the {where} is not UTF-8", rule="request-encoding") from None
    if _CONTROL.search(text):
        raise PushRefused(
            f"a parameter of the {where} holds a control character: {text[:80]!a}", rule="request-control"
        )
    return text
