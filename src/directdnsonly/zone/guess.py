"""Guesses what was sent instead of a zone file, and what is odd about a line that cannot be parsed. Pure.

Used only for a zone that is already refused: a file of another kind gets one sentence instead of ten faults.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from directdnsonly.errors import ZonePolicyError

_LOOKED_AT: Final = 4096  # octets of the beginning
_BEGINS: Final = {  # where no zone file begins so
    b"\x1f\x8b": "is compressed with gzip: decompress it first",
    b"PK\x03\x04": "is a ZIP archive: unpack it first",
    b"BZh": "is compressed with bzip2: decompress it first",
    b"\xfd7zXZ": "is compressed with xz: decompress it first",
    b"\x28\xb5\x2f\xfd": "is compressed with zstd: decompress it first",
    b"\xff\xfe\x00\x00": "is UTF-32 text: save it as UTF-8",
    b"\x00\x00\xfe\xff": "is UTF-32 text: save it as UTF-8",
    b"\xff\xfe": 'is UTF-16 text ("Unicode" in Windows editors): save it as UTF-8',
    b"\xfe\xff": 'is UTF-16 text ("Unicode" in Windows editors): save it as UTF-8',
    b"\x00\x00\x00\x02\x00\x00\x00": "is in BIND's raw format: write it as text (named-compilezone -f raw -F text)",
    b";BIND LOG V9": "is a BIND journal (.jnl): send the zone file itself",
    b"-----BEGIN ": "is a certificate or a key, not a zone file",
    b"%PDF-": "is a PDF document, not a zone file",
    b"SQLite format 3\x00": "is an SQLite database (dadns import reads those), not a zone file",
}
_HTML: Final = re.compile(rb"\s*<(?:!doctype|html|\?xml|head|body|h1)\b", re.IGNORECASE)
_JSON: Final = re.compile(rb'\s*(?:\{\s*["}]|\[\s*[\[{"\]])')
_NAMED_CONF: Final = re.compile(
    rb'^\s*(?:options|logging|controls|zone\s+"[^"\n]*"(?:\s+IN)?|view\s+"[^"\n]*"|key\s+"?[^"\s{]*"?|acl\s+"?[^"\s{]*"?)\s*\{',
    re.MULTILINE | re.IGNORECASE,
)
_NOT_A_RECORD: Final = re.compile(rb"[ \t]*(?:;.*|\$(?:TTL|ORIGIN)\b.*)?\r?", re.IGNORECASE)
_FOREIGN: Final = {
    "\xc2\xa0": "it contains a no-break space, probably pasted from a web page: use an ordinary space",
    "\xe2\x80\x9c": 'it contains typographic quotation marks: use "',
    "\xe2\x80\x9d": 'it contains typographic quotation marks: use "',
    "\xe2\x80\x8b": "it contains an invisible character (zero-width space): type the line again",
    "\xef\xbb\xbf": "it contains a byte order mark in the middle, probably from joining two files: remove it",
}


def require_zone_file(octets: bytes) -> None:
    """Raises ZonePolicyError, which says what was sent, if this is not a zone file or has no records."""
    if not octets or octets.isspace():
        raise ZonePolicyError("the file is empty", rule="zone-empty")
    if told := _what_it_is(octets):
        raise ZonePolicyError(f"the file {told}", rule="not-a-zone")
    if all(_NOT_A_RECORD.fullmatch(line) for line in octets.removeprefix(b"\xef\xbb\xbf").split(b"\n")):
        raise ZonePolicyError("the file has no records, only comments or directives", rule="zone-empty")


def _what_it_is(octets: bytes) -> str:
    head = octets[:_LOOKED_AT]
    for begins, told in _BEGINS.items():
        if head.startswith(begins):
            return told
    if head.count(b"\x00") * 3 > len(head) and not head.startswith(b"\x00\x00"):
        return 'is UTF-16 text ("Unicode" in Windows editors): save it as UTF-8'
    if _HTML.match(head):
        return "is an HTML or XML page, perhaps an error or log-in page: check where it was fetched from"
    if _JSON.match(head):
        return "is JSON: the API accepts it with Content-Type: application/json"
    if _NAMED_CONF.search(head):
        return "is a named.conf (dadns import reads those), not a zone file"
    if b"\n" not in octets and octets.count(b"\r") > 1:
        return "has bare carriage returns as line ends, as old Macintosh editors write them: save it with LF or CRLF"
    return ""


def hint(words: Sequence[str]) -> str:
    """The likely cause why a line could not be parsed, as the end of a sentence; empty if none is known."""
    if any(word.startswith(("#", "//", "/*")) for word in words):
        return f": in a zone file comments begin with ; and not with {_marker(words)}"
    text = " ".join(words)
    if text.isascii():
        return ""
    return next((f": {told}" for odd, told in _FOREIGN.items() if odd in text), "")


def _marker(words: Sequence[str]) -> str:
    return next(marker for word in words for marker in ("#", "//", "/*") if word.startswith(marker))
