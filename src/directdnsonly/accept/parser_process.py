"""The process that parses large zones, started by us as `python -m directdnsonly.accept.parser_process FD`.

A program of its own, so that it cannot become the service whatever started us: it imports no script of anybody's. FD is
its end of a pipe; the first message says which function parses, the next ones are zones (see parsing._Worker).
"""

from __future__ import annotations

import sys
from multiprocessing.connection import Connection

from directdnsonly.accept.parsing import serve


def main() -> None:
    """Parse the zones that come through the pipe until its other end is closed."""
    pipe = Connection(int(sys.argv[1]))
    try:
        parse, time_limit_s = pipe.recv()
    except (EOFError, OSError, KeyboardInterrupt):  # we have ended already
        return
    serve(pipe, parse, time_limit_s)  # what it raises stands in the log of the service: nothing else tells why it ended


if __name__ == "__main__":
    main()
