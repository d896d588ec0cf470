"""Warnings and faults as the store keeps them: JSON, and nothing where there are none."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Final

from directdnsonly.errors import Fault
from directdnsonly.zone.warn import ZoneWarning

_MAX_CHARS: Final = 500  # of one reason; there are ten at most


def of_warnings(warnings: Sequence[ZoneWarning]) -> str:
    """As they are kept; who made them has bounded their number and length."""
    return json.dumps([asdict(one) for one in warnings]) if warnings else ""


def warnings_in(kept: str) -> tuple[ZoneWarning, ...]:
    """What `of_warnings` gave; a text alone is a warning of an earlier program."""
    found = json.loads(kept) if kept else []
    return tuple(ZoneWarning(**one) if isinstance(one, dict) else ZoneWarning("", str(one)) for one in found)


def of_faults(faults: Sequence[Fault]) -> str:
    """As they are kept."""
    return json.dumps([asdict(replace(one, reason=one.reason[:_MAX_CHARS])) for one in faults]) if faults else ""


def faults_in(kept: str, *, rule: str, reason: str) -> tuple[Fault, ...]:
    """What `of_faults` gave; where nothing is kept, the one that rule and reason tell."""
    return tuple(Fault(**one) for one in json.loads(kept)) if kept else (Fault(rule, reason),)
