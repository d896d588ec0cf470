"""Runs a program under the SystemCallFilter of a systemd unit, without systemd: `unit_filter.py UNIT PROGRAM ARGUMENT ...`.

systemd-analyze tells what the sets mean, libseccomp (which apt needs, so every Debian has it) makes the filter.
"""

from __future__ import annotations

import ctypes
import functools
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ALLOW, EPERM = 0x7FFF0000, 0x00050001  # seccomp.h: SCMP_ACT_ALLOW, SCMP_ACT_ERRNO(EPERM)


def allowed(unit: str) -> set[str]:
    """The names of the system calls that the unit allows: systemd.exec(5), a list that begins with what is allowed."""
    names = set(_meant("@default"))
    for words in re.findall(r"(?m)^SystemCallFilter=(.+)$", unit):
        calls = {call for word in words.removeprefix("~").split() for call in _meant(word)}
        names = names - calls if words.startswith("~") else names | calls
    return names


def _meant(word: str) -> Iterator[str]:
    if not word.startswith("@"):
        yield word
        return
    for member in _members(word):
        yield from _meant(member)


@functools.cache
def _members(name: str) -> tuple[str, ...]:
    told = subprocess.run(
        ["systemd-analyze", "syscall-filter", "--no-pager", name], capture_output=True, text=True, check=True
    ).stdout
    return tuple(re.findall(r"(?m)^ +([@\w-]+)$", told))


def forbid_all_but(names: set[str]) -> None:
    """From now on every other system call of this process and its children fails with EPERM."""
    library = ctypes.CDLL("libseccomp.so.2", use_errno=True)
    library.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(EPERM)))
    for name in names:
        number = library.seccomp_syscall_resolve_name(name.encode())
        if number >= 0:  # else one that this machine does not have
            assert 0 == library.seccomp_rule_add(context, ctypes.c_uint32(ALLOW), number, 0), name
    assert 0 == library.seccomp_load(context)


if __name__ == "__main__":
    forbid_all_but(allowed(Path(sys.argv[1]).read_text()))
    os.execv(sys.argv[2], sys.argv[2:])
