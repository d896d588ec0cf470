"""The log file of a bundled name server, read from where it stood at a start. Blocking."""

from __future__ import annotations

import os
import re
from pathlib import Path


def read_from_log(path: Path, position: int) -> bytes:
    """The file from a position on; from its start when it was rotated; empty when absent."""
    try:
        with path.open("rb") as file:
            if file.seek(0, os.SEEK_END) < position:
                position = 0
            file.seek(position)
            return file.read()
    except OSError:
        return b""


def last_words(log_file: Path, position: int) -> str:
    """What it logged as its reason, for the operator, as the end of a sentence."""
    lines = read_from_log(log_file, position).decode("utf-8", "replace").splitlines()
    telling = [line for line in lines if re.search(r"(error|critical|fatal)|exiting \(due", line)]
    return f": {telling[-1][-300:]}" if telling else f" (its log: {log_file})"
