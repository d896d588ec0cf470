"""SIGHUP, from the first moment of the process to its last: it asks for a reload, and never ends us by itself.

Python's own handler rather than the loop's: that one is there only while the loop runs, and what it leaves behind kills.
One thing is no wish to reload: the terminal from which we were started is closed. Then we stop, as after
Ctrl-C, with the name servers that we run.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType


class Hangups:
    """What came before somebody listens is told to the first one who does. Only the main thread gets signals."""

    def __init__(self) -> None:
        self._came = False
        self._tell: Callable[[], object] | None = None
        self._had_terminal = False

    def catch(self) -> None:
        """From now on, to the end of the process."""
        if threading.current_thread() is threading.main_thread():
            before = signal.signal(signal.SIGHUP, self._note)
            # Ignored (nohup): who started us wants us to outlive the terminal.
            self._had_terminal = self._had_terminal or (before is signal.SIG_DFL and _has_terminal())

    def listen(self, tell: Callable[[], object]) -> None:
        """Call `tell` at each, and at once when one came before. It is called within a signal's handler."""
        self._tell = tell
        if self._came:
            self._came = False
            tell()

    def deafen(self) -> None:
        """They change nothing any more."""
        self._tell = lambda: None

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        if self._had_terminal and not _has_terminal():
            os.kill(os.getpid(), signal.SIGINT)
        elif self._tell is not None:
            self._tell()
        else:
            self._came = True


def _has_terminal() -> bool:
    """Whether we have a controlling terminal: /dev/tty cannot be opened without one (tty(4))."""
    with suppress(OSError):
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
        return True
    return False


HANGUPS = Hangups()
