"""The registry of name servers that we can run ourselves, one line each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from directdnsonly.backends.bind import daemon as named
from directdnsonly.backends.knot import daemon as knotd
from directdnsonly.backends.nsd import daemon as nsd
from directdnsonly.nameservers.program import Program


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """The program, the Debian package that has it, and how a `Program` is made of a backend's settings."""

    program: str
    package: str
    build: Callable[[str, Any, Path], Program]  # backend's name, its settings, data_dir


def _named(name: str, settings: Any, data_dir: Path) -> Program:
    return named.build(
        name,
        settings.layout(name, data_dir),
        notify=settings.notify,
        allow_transfer=settings.allow_transfer,
        hang_s=settings.hang_timeout_s,
    )


def _nsd(name: str, settings: Any, data_dir: Path) -> Program:
    layout = settings.layout(name, data_dir)
    return nsd.Nsd(
        name=name,
        layout=layout,
        rate_limit=settings.rate_limit,
        notify=settings.notify_addresses,
        allow_transfer=settings.allow_transfer,
        hang_s=settings.hang_timeout_s,
    )


def _knotd(name: str, settings: Any, data_dir: Path) -> Program:
    layout = settings.layout(name, data_dir)
    return knotd.Knotd(
        name=name,
        layout=layout,
        notify=settings.notify_addresses,
        allow_transfer=settings.allow_transfer,
        hang_s=settings.hang_timeout_s,
    )


NAMESERVERS: Mapping[str, Kind] = {
    "bind": Kind(program="named", package="bind9", build=_named),
    "nsd": Kind(program="nsd", package="nsd", build=_nsd),
    "knot": Kind(program="knotd", package="knot", build=_knotd),
}
