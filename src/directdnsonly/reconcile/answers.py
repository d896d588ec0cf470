"""Parses the answers of a DirectAdmin server. Pure; anything doubtful raises `NoList` or `NotReadable`."""

from __future__ import annotations

import html
import itertools
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from directdnsonly.errors import DirectDNSOnlyError, NameRefused
from directdnsonly.wording import counted
from directdnsonly.zone.name import ZoneName

SHOWN = 5
LONGEST_NAME = 1024  # characters; the rest of a longer one cannot make it a name of ours
LONGEST_USER = 255
DEEPEST = 64  # levels of JSON: DirectAdmin's own go four deep; how many Python reads differs from version to version
_TEXT_TYPES = frozenset({"TXT", "SPF"})


class NoList(DirectDNSOnlyError):
    """We cannot be sure which zones a server has, so nothing may be concluded. The text is the reason."""


class NotReadable(DirectDNSOnlyError):
    """One zone could not be read from a server (or is surely not there: `absent`)."""

    def __init__(self, reason: str, *, absent: bool = False) -> None:
        self.absent = absent
        super().__init__(reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeList:
    """The complete list of a server's zones, sorted, each once. `asked_at`: before the first page was requested, epoch seconds."""

    hostname: str
    zones: Sequence[ZoneName] = field(repr=False)
    asked_at: float
    pages: int
    unreadable: tuple[str, ...] = ()  # names that no zone of ours could have


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of the zone list: names as sent, total pages, and the total rows it states (None if it does not)."""

    names: list[str]
    pages: int
    stated: int | None


def looks_like_html(body: str) -> bool:
    """Whether the answer is an HTML page (such as a login form) instead of data."""
    return body.lstrip()[:15].lower().startswith(("<!doctype", "<html", "<head", "<body"))


def tree_of(body: str) -> Any:
    """Parse JSON from an untrusted server. Raises ValueError for all that is not valid, even where Python's parser is lenient.

    A key that stands twice is none either: one of the two rows would be lost, and its zone taken for absent.
    """
    try:
        tree = json.loads(
            body, object_pairs_hook=_each_key_once, parse_constant=_no_number, parse_float=_a_finite_number
        )
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if _levels(tree) > DEEPEST:
        raise ValueError("it is nested too deeply")
    return tree


def _levels(tree: Any) -> int:
    """How deep it goes, level by level, so that no depth is too deep for us; a bare value is level 0."""
    level, depth = [tree], 0
    while level := [node for node in level if isinstance(node, dict | list)]:
        depth += 1
        level = [child for node in level for child in (node.values() if isinstance(node, dict) else node)]
    return depth


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no number of JSON")


def _a_finite_number(word: str) -> float:
    number = float(word)
    if not math.isfinite(number):
        raise ValueError("a number is too large")
    return number


def _shown(text: str) -> str:
    """Foreign text made encodable: JSON may contain lone surrogates, which no encoding accepts."""
    return text.encode("utf-8", "replace").decode()


def page_of(body: str) -> Page:
    """One page of `CMD_DNS_ADMIN?json=yes`. Raises NoList."""
    if looks_like_html(body):
        raise NoList("it answered a web page (wrong password, or no right to this command)")
    try:
        tree = tree_of(body)
    except ValueError:
        raise NoList(_why_not_json(body)) from None
    if not isinstance(tree, dict) or not isinstance(tree.get("info"), dict):
        raise NoList(error_of(body) or "the answer is not a zone list")
    info = tree["info"]
    rows = [value for key, value in tree.items() if key.isdigit()]
    names = [row.get("domain") for row in rows if isinstance(row, dict)]
    if len(names) != len(rows) or not all(isinstance(name, str) and name for name in names):
        raise NoList("a row of the list has no domain")
    pages = _number(info.get("total_pages"))
    if pages is None:
        raise NoList("the list does not state how many pages it has")
    return Page(
        names=[str(name)[:LONGEST_NAME] for name in names], pages=max(pages, 1), stated=_number(info.get("rows"))
    )


def _why_not_json(body: str) -> str:
    return error_of(body) or ("the answer is empty" if not body.strip() else "the answer is not whole (broken JSON)")


def _number(value: Any) -> int | None:
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return None


def legacy_names(body: str) -> list[str]:
    """The older `list[]=a&list[]=b`, by & or by line. Raises NoList."""
    if looks_like_html(body):
        raise NoList("it answered a web page (wrong password, or no right to this command)")
    if why := error_of(body):
        raise NoList(why)
    pairs = parse_qsl(body.strip().replace("\r", "").replace("\n", "&"), keep_blank_values=True)
    if not pairs or any(key != "list[]" or not value for key, value in pairs):
        raise NoList("the answer is not a zone list" if body.strip() else "the answer is empty")
    return [value[:LONGEST_NAME] for _, value in pairs]


def whole(hostname: str, pages: Sequence[Page], *, asked_at: float) -> WholeList:
    """The complete list of these pages, if they prove it: as many as stated, each full, as many rows as stated, no duplicates.

    Raises NoList.
    """
    if len(pages) != pages[0].pages or any(page.pages != len(pages) for page in pages):
        raise NoList(f"{counted(len(pages), 'page')} came, {pages[-1].pages} stated: it changed while we read")
    total = sum(len(page.names) for page in pages)
    size = len(pages[0].names)
    if any(len(page.names) != size for page in pages[:-1]) or len(pages[-1].names) > size:
        raise NoList("a page of the list is not full")
    for page in pages:
        # Versions differ in whether `rows` counts the list or the page; a full page proves nothing by itself.
        if page.stated is not None and page.stated not in {total, len(page.names)}:
            raise NoList(f"{counted(total, 'zone')} came, {page.stated} stated")
    return listed(hostname, (name for page in pages for name in page.names), asked_at=asked_at, pages=len(pages))


def listed(hostname: str, names: Iterable[str], *, asked_at: float, pages: int = 1) -> WholeList:
    """The names in normal form, sorted. Raises NoList if one occurs twice, or if there are none."""
    good: list[ZoneName] = []
    bad: list[str] = []
    for name in names:
        try:
            good.append(ZoneName.parse(name))
        except NameRefused:
            bad.append(_shown(name[:100]))
    if not good:
        raise NoList("the list is empty")
    good.sort()
    if any(one == other for one, other in itertools.pairwise(good)):
        raise NoList("a zone stands twice in the list: it changed while we read")
    return WholeList(hostname=hostname, zones=good, asked_at=asked_at, pages=pages, unreadable=tuple(bad[:SHOWN]))


def error_of(body: str) -> str:
    """DirectAdmin's own error text, with its escapes (`&#58;`, `%20`) decoded; empty if it states none."""
    try:
        tree = tree_of(body)
        fields = (
            {key: str(value) for key, value in tree.items() if isinstance(value, str | int)}
            if isinstance(tree, dict)
            else {}
        )
    except ValueError:
        fields = dict(parse_qsl(html.unescape(body[:4000]), keep_blank_values=True)) if "=" in body[:200] else {}
    error = fields.get("error", "")
    if not error or error.strip() in {"0", "false"}:
        return ""
    parts = [fields.get("text", ""), fields.get("details", fields.get("result", ""))]
    told = ": ".join(html.unescape(part).strip() for part in parts if part.strip())
    return _shown(f"it says: {told or error}"[:300])


def owners_of(body: str) -> Mapping[str, str]:
    """`CMD_API_DOMAIN_OWNERS`: user by zone name. Raises NoList."""
    if looks_like_html(body):
        raise NoList("it answered a web page instead of the owners")
    if why := error_of(body):
        raise NoList(why)
    found: dict[str, str] = {}
    for name, user in parse_qsl(body.strip().replace("\n", "&"), keep_blank_values=True):
        try:
            found[ZoneName.parse(name[:LONGEST_NAME])] = user[:LONGEST_USER]
        except NameRefused:
            continue
    return found


def is_zone_text(body: str) -> bool:
    """Whether this is a zone file: not an HTML page, and with an SOA line."""
    return not looks_like_html(body) and any("SOA" in line.upper().split() for line in body.splitlines()[:200])


def text_of_records(body: str, name: ZoneName) -> str:
    """The zone file made from an answer of `CMD_API_DNS_CONTROL?json=yes&ttl=yes`. Raises NotReadable."""
    if looks_like_html(body):
        raise NotReadable("it answered a web page instead of the zone")
    if why := error_of(body):
        raise NotReadable(why, absent=True)
    try:
        tree = tree_of(body)
        rows, default = tree["records"], _number(tree.get("default_ttl")) or 14400
        lines = [_line(row, default) for row in rows]
        "".join(lines).encode()  # half a surrogate pair is no text
    except (ValueError, KeyError, TypeError, AttributeError):
        raise NotReadable("the answer holds no records") from None
    if not any(" IN SOA " in line for line in lines):
        raise NotReadable("its records lack the SOA, and it gives no raw zone")
    return f"$ORIGIN {name.absolute}\n$TTL {default}\n" + "\n".join(lines) + "\n"


def _line(row: Mapping[str, Any], default: int) -> str:
    kind = str(row["type"]).upper()
    value = " ".join(str(row["value"]).split("\n"))
    if kind in _TEXT_TYPES and not value.lstrip().startswith(('"', "(")):
        value = _strings(value)
    ttl = _number(row.get("ttl"))
    return f"{row['name'] or '@'} {default if ttl is None else ttl} IN {kind} {value}"


def _strings(text: str) -> str:
    """Plain text as quoted strings of at most 255 octets each (RFC 1035, section 3.3)."""
    step = 250 if text.isascii() else 60
    parts = [text[start : start + step] for start in range(0, len(text), step)] or [""]
    return " ".join('"' + part.replace("\\", "\\\\").replace('"', '\\"') + '"' for part in parts)
