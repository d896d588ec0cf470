"""A process whose output is a terminal: a pseudo-terminal of a given width."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Mapping, Sequence
from pathlib import Path

HEIGHT = 50
STYLE = re.compile(r"\x1b\[([0-9;]*m|\?25[hl])")  # and the cursor, hidden and shown


def run_on_terminal(
    command: Sequence[str], *, columns: int, cwd: Path, env: Mapping[str, str], stdin: str = "", limit_s: float = 180.0
) -> tuple[int, str]:
    """Exit code and what stood on the terminal: standard output and error in their order. Without styles.

    Input comes from a pipe.
    """
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, columns, 0, 0))
    sized = {key: value for key, value in env.items() if key not in ("COLUMNS", "LINES")}
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=slave, stderr=slave, cwd=cwd, env={**sized, "TERM": "xterm"}
    )
    os.close(slave)
    assert process.stdin is not None
    process.stdin.write(stdin.encode())
    process.stdin.close()
    seen = b""
    try:
        while chunk := os.read(master, 65536):
            seen += chunk
    except OSError:  # EIO: nobody has it open any more
        pass
    finally:
        os.close(master)
    try:
        code = process.wait(timeout=limit_s)
    finally:
        process.kill()
    return code, STYLE.sub("", seen.decode().replace("\r\n", "\n"))
