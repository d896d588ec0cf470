"""A parser that stands in for zone.text where a test is about what stands around it. It is sent to another process."""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path

from directdnsonly.errors import ZonePolicyError, ZoneSyntaxError
from directdnsonly.zone.model import Zone
from directdnsonly.zone.name import ZoneName
from tests.support.made import a_zone


def obedient(text: bytes, origin: ZoneName) -> Zone:
    """Does what the first line says: a serial, or a way to fail. The rest is the content."""
    word, _, content = text.decode().partition("\n")
    match word.split():
        case ["syntax"]:
            raise ZoneSyntaxError("as told", line=7, rule="told")
        case ["policy"]:
            raise ZonePolicyError("as told", rule="told", owner="www", line=8)
        case ["bug"]:
            raise RecursionError("as told")
        case ["crash"]:
            os.kill(os.getpid(), signal.SIGKILL)
        case ["hang"]:
            time.sleep(60)
        case ["wait"]:
            time.sleep(0.3)
        case ["spin"]:
            re.match(r"(a|aa)+$", "a" * 60 + "b")  # hours in one call of C, which no handler of Python interrupts
        case ["pid", path]:
            Path(path).write_text(str(os.getpid()))
    serial = int(word) if word.isdigit() else 1
    return a_zone(origin, serial, content=content.strip())
