"""The process that reads large zones: `python -m directdnsonly.accept.parser_process FD`. Nobody starts it by hand.

A program of its own, so that it cannot become the service whatever started us: it imports no script of anybody's. FD is
its end of a pipe; the first message says which function parses, the next ones are zones (see parsing._Worker).
"""

from __future__ import annotations

import sys
from contextlib import suppress
from multiprocessing.connection import Connection

from directdnsonly.accept.parsing import serve


def main() -> None:
    """Parse what the pipe brings, until its other end is closed."""
    pipe = Connection(int(sys.argv[1]))
    with suppress(EOFError, OSError, KeyboardInterrupt):
        parse, time_limit_s = pipe.recv()
        serve(pipe, parse, time_limit_s)


if __name__ == "__main__":
    main()
