"""Rows of a table from pytest's junit XML: by folder of tests, how many passed, failed and were skipped."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET
from collections import Counter, defaultdict


def rows(path: str) -> list[str]:
    """One row for each folder below tests/."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for case in ET.parse(path).iter("testcase"):  # noqa: S314 - our own pytest wrote it
        folder = ".".join(case.get("classname", "").split(".")[1:2]) or "?"
        ends = {child.tag for child in case} & {"failure", "error", "skipped"}
        counts[folder][min(ends, default="passed")] += 1
    return [
        f"| tests/{folder} | {found['passed']} passed, {found['failure'] + found['error']} failed, {found['skipped']} skipped |"
        for folder, found in sorted(counts.items())
    ]


if __name__ == "__main__":
    print("\n".join(rows(sys.argv[1])))
