"""requirements.lock, read: what a release installs, to the octet."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_PIN = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)\s*(?:;\s*(?P<marker>[^\\]*?))?\s*\\?$")
_HASH = re.compile(r"\s+--hash=sha256:(?P<digest>[0-9a-f]{64})\s*\\?$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """One pinned package; `marker` says on which machines, empty for all."""

    name: str
    version: str
    marker: str
    sha256: tuple[str, ...]

    @property
    def purl(self) -> str:
        """As the package URL specification writes it."""
        return f"pkg:pypi/{self.name}@{self.version}"


def read_lock(text: str) -> tuple[Locked, ...]:
    """Every pin in the order of the file. Raises ValueError for a line that is neither a pin nor its hash."""
    return tuple(_pins(text))


def _pins(text: str) -> Iterator[Locked]:
    pin: re.Match[str] | None = None
    digests: list[str] = []
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if digest := _HASH.match(line):
            digests.append(digest["digest"])
            continue
        if pin:
            yield _locked(pin, digests)
        pin, digests = _PIN.match(line), []
        if not pin:
            raise ValueError(f"requirements.lock: {line!r} is neither a pin nor a hash")
    if pin:
        yield _locked(pin, digests)


def _locked(pin: re.Match[str], digests: list[str]) -> Locked:
    if not digests:
        raise ValueError(f"requirements.lock: {pin['name']} has no hash")
    return Locked(name=pin["name"], version=pin["version"], marker=pin["marker"] or "", sha256=tuple(digests))
