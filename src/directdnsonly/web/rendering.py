"""Renders the templates; every value is escaped and freed of invisible characters."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from importlib.resources import files
from typing import Any, Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from directdnsonly import __version__
from directdnsonly.advice import decide, redeliver
from directdnsonly.errors import NameRefused
from directdnsonly.web.picture import bulk_of
from directdnsonly.zone.name import ZoneName

ASSETS: Final[Mapping[str, str]] = {
    "status.css": "text/css; charset=utf-8",
    "status.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
CONTENT: Final[Mapping[str, bytes]] = {
    name: files("directdnsonly.web").joinpath("static", name).read_bytes() for name in ASSETS
}
# What a state looks like beside its word: never the colour alone.
SIGNS: Final[Mapping[str, str]] = {
    "ready": "●", "ok": "●", "verified": "●", "proven": "●",
    "busy": "▶", "leased": "▶", "applied": "▶", "pending": "▶",
    "degraded": "▲", "paused": "▲", "stored": "▲",
    "equal": "●", "behind": "▲", "differs": "▲", "unreachable": "▲",
    "live": "●", "not live": "✖", "unknown": "▲",
    "unready": "✖", "down": "✖", "dead": "✖",
}  # fmt: skip
INVISIBLE: Final = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})  # also what turns the direction of writing


class Pages:
    """Renders pages, with times in one time zone."""

    def __init__(self, timezone: ZoneInfo) -> None:
        self._timezone = timezone
        self._templates = Environment(
            loader=PackageLoader("directdnsonly.web"),
            autoescape=True,
            undefined=StrictUndefined,
            finalize=plain,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters |= {
            "moment": self.moment,
            "iso": self.iso,
            "span": span,
            "count": count,
            "sign": sign,
            "zone_page": zone_page,
            "part": lambda text: quote(str(text), safe=""),
        }
        self._templates.globals |= {"version": __version__, "asset": asset, "bulk_of": bulk_of} | {
            "decide": decide,
            "redeliver": redeliver,
        }

    def write(self, template: str, **facts: Any) -> str:
        """Render a page, or a part of one."""
        return self._templates.get_template(template).render(**facts)

    def moment(self, at: float) -> str:
        """A time as people read it, in the pages' time zone."""
        return datetime.fromtimestamp(at, self._timezone).strftime("%Y-%m-%d %H:%M:%S %Z")

    def iso(self, at: float) -> str:
        """A time for programs (RFC 3339)."""
        return datetime.fromtimestamp(at, self._timezone).isoformat(timespec="seconds")


def plain(value: Any) -> Any:
    """Text without invisible characters, which could hide or reverse the text around them."""
    if not isinstance(value, str) or isinstance(value, Markup) or value.isprintable():
        return value
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if char != "\n" and unicodedata.category(char) in INVISIBLE else char
        for char in value
    )


def asset(name: str) -> str:
    """The URL of a static asset; it changes with the content, so that browsers may cache it."""
    return f"/status/static/{name}?{hashlib.sha256(CONTENT[name]).hexdigest()[:12]}"


def sign(state: str) -> str:
    """The symbol of a state."""
    return SIGNS.get(state, "■")


def zone_page(name: str) -> str:
    """The URL of a zone's page; empty for what is not a zone name."""
    try:
        return f"/status/zones/{quote(ZoneName.parse(name), safe='')}"
    except NameRefused:
        return ""


def count(number: int) -> str:
    """A number with thousands separators: 12345 is 12,345."""
    return f"{number:,}"


def span(seconds: float) -> str:
    """A duration in its two largest units: `45 s`, `3 min 5 s`, `2 d 4 h`."""
    if seconds < 10:  # noqa: PLR2004 - where tenths still say something
        return f"{max(seconds, 0.0):.1f} s"
    left = int(seconds)
    told: list[str] = []
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        number, left = divmod(left, length)
        if number or told:
            told.append(f"{number} {unit}" if number else "")
        if len(told) == 2:  # noqa: PLR2004 - as above
            break
    return " ".join(filter(None, told))
