"""Whether bundled name servers go on serving when the service ends. Pure."""

from __future__ import annotations

from enum import StrEnum


class OnStop(StrEnum):
    """What the operator wants."""

    AUTO = "auto"
    KEEP = "keep"
    STOP = "stop"


def outlive(wish: OnStop, *, ends_with_us: bool, by_hand: bool) -> bool:
    """`ends_with_us`: whatever we started ends with us anyhow (a container), or is a try; `by_hand`: Ctrl-C, which means all of it.

    Anything else (a service manager, a crash) is followed by our next start, which adopts them.
    """
    if wish is OnStop.AUTO:
        return not (ends_with_us or by_hand)
    return wish is OnStop.KEEP
