r"""How one PowerDNS needs records spelt, learnt from its errors and from what it stores, because versions differ.

The API of 5.1 takes one level of backslashes away before it reads a record: `"C:\\dir"` is stored as `"C:dir"`, `"\"hi\""`
is refused. With twice as many backslashes it stores what was meant, but 4.7 and 4.9 then store something else. So neither is
believed: a refusal repeats the record as it was read, and what was stored is looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from directdnsonly.backends.powerdns.records import otherwise, our_type, read, written
from directdnsonly.zone.model import Record
from directdnsonly.zone.records import difference

REMEMBERED = 10_000  # records that are spelt otherwise
_ABOUT = re.compile(r"^(?:Record|RRset) (?P<owner>\S+?)(?:/| IN )(?P<type>[A-Z0-9]+)")
_PARSED_AS = re.compile(r"': Not in expected format \(parsed as '(?P<parsed>.*)'\)$", re.DOTALL)
_PAIR = re.compile(r"\\.", re.DOTALL)
_QUOTE = r"\034"  # it adds a quote at the end where their number is odd, escaped ones counted
_ESCAPE = re.compile(rb"\\(\d{3}|.)", re.DOTALL)


class Spellings:
    """The spellings known for one server."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], str] = {}  # (type, our RDATA) -> the content that is meant
        self.strips = False  # it takes one level of backslashes away

    def meant(self, record: Record) -> str:
        """The content that is to be stored."""
        return self._known.get((record.type, record.rdata)) or written(record.type, record.rdata)[1]

    def sent(self, record: Record) -> str:
        """The content to send, so that this is stored."""
        meant = self.meant(record)
        if not self.strips or "\\" not in meant or meant.startswith("\\#"):  # which it leaves alone
            return meant
        return _PAIR.sub(lambda pair: _QUOTE if pair[0] == '\\"' else pair[0], meant).replace("\\", "\\\\")

    def learn(self, error: str, about: Iterable[Record], tried: set[tuple[str, str]]) -> bool:
        """Learn from a refusal of these records; returns whether one of them is now spelt differently.

        `tried` holds the spellings that were refused; they are added.
        """
        for record in about:
            strips = _strips(error, self.sent(record))
            if strips is not None and strips is not self.strips:
                self.strips = strips
                return True
            tried.add((record.type, self.meant(record)))
            parsed = _PARSED_AS.search(error)
            choices = [parsed["parsed"]] if parsed is not None else []
            for meant in [*choices, *otherwise(record.type, record.rdata)]:
                if (record.type, meant) not in tried and _is_same(record, meant):
                    self._remember(record, meant)
                    return True
        return False

    def _remember(self, record: Record, meant: str) -> None:
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        self._known[record.type, record.rdata] = meant


def named_in(error: str, records: Sequence[Record]) -> list[Record]:
    """The records named in PowerDNS's complaint; none if it names none."""
    found = _ABOUT.match(error)
    if found is None:
        return []
    key = found["owner"].lower(), our_type(found["type"])
    return [record for record in records if (record.owner, record.type) == key]


def _strips(error: str, sent: str) -> bool | None:
    """Whether the content that a refusal repeats is what was sent without one level of backslashes; None: another's."""
    repeated = error.partition(" '")[2]
    if repeated.startswith(f"{sent}':"):
        return False if "\\" in sent else None
    stripped = _ESCAPE.sub(_octet, sent.encode("ascii")).decode("utf-8", "replace")
    return True if repeated.startswith(f"{stripped}':") else None


def _octet(found: re.Match[bytes]) -> bytes:
    digits = found[1]
    return bytes((int(digits) % 256,)) if len(digits) > 1 else digits


def _is_same(record: Record, content: str) -> bool:
    """Whether PowerDNS would serve the record, were this its content."""
    return not difference([record], [read(record.owner, record.ttl, record.type, content)])
