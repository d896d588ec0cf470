"""The options that make a bundled named load every zone that an earlier version would, and the same options for its checker.

A version of BIND that looks for more mistakes than the one before refuses the whole zone for each: an upgrade must not take
a zone away that was served. What is probably not meant is a warning of ours (zone.warn), when it is pushed.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Final

from directdnsonly.backends.files.checker import NAMED_WORDS, Checker
from directdnsonly.zone.name import ZoneName

Version = tuple[int, int, int]

_OLDEST: Final[Version] = (9, 18, 0)
# DirectAdmin's users have underscores in host names, and leave a DS behind whose delegation is gone.
_LENIENT: Final = ("check-names primary ignore;", "check-integrity no;")
# SVCB without what RFC 9460 and RFC 9461 ask for is refused from 9.20 on; 9.18 does not know the option.
_LENIENT_9_20: Final = ("check-svcb no;",)
# The limits of records are ours to decide (zone.validate), not named's default of 100.
_UNLIMITED: Final = ("max-records-per-type 0;", "max-types-per-name 0;")


def version_of(program: str) -> Version:
    """The version of named or named-checkconf by its `-v`; 9.18.0 if it does not say. Blocking: runs a process."""
    done = subprocess.run([program, "-v"], capture_output=True, check=False)  # noqa: S603 - a fixed program
    found = re.search(rb"\b(\d+)\.(\d+)\.(\d+)", done.stdout)
    return (int(found[1]), int(found[2]), int(found[3])) if found else _OLDEST


def options_of(version: Version) -> str:
    """The options, one per line, by which this version loads everything that an earlier one would."""
    lines = list(_LENIENT)
    if version >= (9, 20, 0):
        lines += _LENIENT_9_20
    if (9, 18, 28) <= version < (9, 19, 0) or version >= (9, 20, 0):
        lines += _UNLIMITED
    return "".join(f"  {line}\n" for line in lines)


def _configuration(program: str, zone: ZoneName, file: Path) -> str:
    options = options_of(version_of(program))
    return f'options {{\n{options}}};\nzone "{zone}" {{ type primary; file "{file}"; }};\n'


# named-checkzone has no option for each of these, named-checkconf knows all that named does. Its version is asked each
# time, since an upgrade comes while we run.
CHECK_AS_BUNDLED: Final = Checker(
    program="named-checkconf",
    arguments=lambda _zone, _file: ["-z", "/dev/stdin"],
    given=_configuration,
    **NAMED_WORDS,
)
