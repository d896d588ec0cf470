"""Warnings and faults in the form that the store keeps: JSON, or nothing if there are none."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Final

from directdnsonly.errors import Fault
from directdnsonly.zone.warn import ZoneWarning

_MAX_CHARS: Final = 500  # of one reason; there are ten at most


def of_warnings(warnings: Sequence[ZoneWarning]) -> str:
    """Warnings as stored; their number and length were bounded when they were made."""
    return json.dumps([asdict(one) for one in warnings]) if warnings else ""


def warnings_in(kept: str) -> tuple[ZoneWarning, ...]:
    """The warnings stored by `of_warnings`; a bare text is one of an earlier program."""
    found = json.loads(kept) if kept else []
    return tuple(ZoneWarning(**one) if isinstance(one, dict) else ZoneWarning("", str(one)) for one in found)


def of_faults(faults: Sequence[Fault]) -> str:
    """Faults as stored."""
    return json.dumps([asdict(replace(one, reason=one.reason[:_MAX_CHARS])) for one in faults]) if faults else ""


def faults_in(kept: str, *, rule: str, reason: str) -> tuple[Fault, ...]:
    """The faults stored by `of_faults`; if none are, the one given by rule and reason."""
    return tuple(Fault(**one) for one in json.loads(kept)) if kept else (Fault(rule, reason),)
