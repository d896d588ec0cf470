"""Known vulnerabilities of what requirements.lock pins: a part of `make check`. Ends with 1 when there is one.

Where nobody can be asked (no network, an index that has no such data) it says so in capitals and ends with 0: a check of our own
sources must not hang on somebody else's server. Asked by pip-audit: the Python index, then OSV.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

ROOT = Path(__file__).parents[2]
SERVICES: Final = ("pypi", "osv")
LIMIT_S: Final = 120
# What does not concern us: identity and why. An entry goes when the lock has a version without it.
IGNORED: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to say, and whether the check fails. `known`: there was data for one package at least."""

    lines: tuple[str, ...]
    fails: bool
    known: bool


def judge(found: Mapping[str, Any]) -> Verdict:
    """Of pip-audit's JSON: one line for each vulnerability, one for what was and was not looked at."""
    packages = found.get("dependencies", [])
    unknown = [each["name"] for each in packages if "skip_reason" in each]
    known = len(packages) - len(unknown)
    holes = [(each, hole) for each in packages for hole in each.get("vulns", ()) if not _ignored(hole)]
    lines = [
        f"{each['name']} {each['version']}: {hole['id']}, mended in {', '.join(hole['fix_versions']) or 'no version yet'}"
        for each, hole in holes
    ]
    if known:
        rest = f"; NOT AUDITED, since nothing is known of them: {', '.join(unknown)}" if unknown else ""
        lines.append(f"audit: {known} packages of requirements.lock, {len(holes)} known vulnerabilities{rest}")
    return Verdict(tuple(lines), fails=bool(holes), known=known > 0)


def _ignored(hole: Mapping[str, Any]) -> bool:
    return any(name in IGNORED for name in (hole["id"], *hole.get("aliases", ())))


def audit(lock: Path) -> Verdict:
    """Ask one service after the other until one knows something."""
    reasons = []
    for service in SERVICES:
        found, reason = _ask(lock, service)
        verdict = judge(found)
        if verdict.known:
            return verdict
        reasons.append(f"{service}: {reason}")
    return Verdict((f"audit: NOT AUDITED: {'; '.join(reasons)}",), fails=False, known=False)


def _ask(lock: Path, service: str) -> tuple[Mapping[str, Any], str]:
    """What pip-audit says of every pin, or nothing and why."""
    words = [
        "-r",
        str(lock),
        "--require-hashes",
        "--disable-pip",
        "--progress-spinner",
        "off",
        "--timeout",
        "10",
        "--format",
        "json",
    ]
    command = [sys.executable, "-m", "pip_audit", *words, "--vulnerability-service", service]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LIMIT_S)  # noqa: S603 - fixed words
    except subprocess.TimeoutExpired:
        return {}, f"no answer within {LIMIT_S} s"
    try:
        return json.loads(done.stdout), "it knows none of the packages"
    except json.JSONDecodeError:
        return {}, _reason(done.stderr.strip().splitlines())


def _reason(said: Sequence[str]) -> str:
    return said[-1][:200] if said else "pip-audit said nothing"


if __name__ == "__main__":
    verdict = audit(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "requirements.lock")
    print("\n".join(verdict.lines), flush=True)
    sys.exit(verdict.fails)
