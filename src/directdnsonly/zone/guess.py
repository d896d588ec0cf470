"""What somebody sent instead of a zone file, and what is odd about a line that cannot be read. Pure.

Asked only when a zone is refused already: a file that is something else is told by one sentence, not by ten faults.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from directdnsonly.errors import ZonePolicyError

_LOOKED_AT: Final = 4096  # octets of the beginning
_BEGINS: Final = {  # where no zone file begins so
    b"\x1f\x8b": "is packed with gzip: unpack it first",
    b"PK\x03\x04": "is a ZIP archive: unpack it first",
    b"BZh": "is packed with bzip2: unpack it first",
    b"\xfd7zXZ": "is packed with xz: unpack it first",
    b"\x28\xb5\x2f\xfd": "is packed with zstd: unpack it first",
    b"\xff\xfe\x00\x00": "is UTF-32 text: save it as UTF-8",
    b"\x00\x00\xfe\xff": "is UTF-32 text: save it as UTF-8",
    b"\xff\xfe": 'is UTF-16 text ("Unicode" in Windows editors): save it as UTF-8',
    b"\xfe\xff": 'is UTF-16 text ("Unicode" in Windows editors): save it as UTF-8',
    b"\x00\x00\x00\x02\x00\x00\x00": "is in BIND's raw format: write it as text (named-compilezone -f raw -F text)",
    b";BIND LOG V9": "is a journal of BIND (.jnl): send the zone file itself",
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
    "\xc2\xa0": "it holds a no-break space, as pasted from a web page: write a usual one",
    "\xe2\x80\x9c": 'it holds typographic quotation marks: write "',
    "\xe2\x80\x9d": 'it holds typographic quotation marks: write "',
    "\xe2\x80\x8b": "it holds an invisible character (zero-width space): write the line anew",
    "\xef\xbb\xbf": "it holds a byte order mark in the midst, as two files joined have it: remove it",
}


def require_zone_file(octets: bytes) -> None:
    """Raises ZonePolicyError when this is no zone file at all, or has no record; says what it is."""
    if not octets or octets.isspace():
        raise ZonePolicyError("the file is empty", rule="zone-empty")
    if told := _what_it_is(octets):
        raise ZonePolicyError(f"the file {told}", rule="not-a-zone")
    if all(_NOT_A_RECORD.fullmatch(line) for line in octets.removeprefix(b"\xef\xbb\xbf").split(b"\n")):
        raise ZonePolicyError("the file holds no record, only comments or directives", rule="zone-empty")


def _what_it_is(octets: bytes) -> str:
    head = octets[:_LOOKED_AT]
    for begins, told in _BEGINS.items():
        if head.startswith(begins):
            return told
    if head.count(b"\x00") * 3 > len(head) and not head.startswith(b"\x00\x00"):
        return 'is UTF-16 text ("Unicode" in Windows editors): save it as UTF-8'
    if _HTML.match(head):
        return "is an HTML or XML page, perhaps of an error or a log-in: look where it was fetched"
    if _JSON.match(head):
        return "is JSON: the API takes it with Content-Type: application/json"
    if _NAMED_CONF.search(head):
        return "is a configuration of named (dadns import reads those), not a zone file"
    if b"\n" not in octets and octets.count(b"\r") > 1:
        return "has lone carriage returns as line ends, as old Macintosh editors write them: save it with LF or CRLF"
    return ""


def hint(words: Sequence[str]) -> str:
    """Why a line could not be read, where a habit from elsewhere is the likely cause; empty when nothing is known."""
    if any(word.startswith(("#", "//", "/*")) for word in words):
        return f": comments begin with ; in a zone file, not with {_marker(words)}"
    text = " ".join(words)
    if text.isascii():
        return ""
    return next((f": {told}" for odd, told in _FOREIGN.items() if odd in text), "")


def _marker(words: Sequence[str]) -> str:
    return next(marker for word in words for marker in ("#", "//", "/*") if word.startswith(marker))
