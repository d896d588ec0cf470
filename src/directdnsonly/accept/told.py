"""A bounded memory of recent messages, so that a repetition is not logged again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable


class ToldLately:
    """Remembers the newest `remember` keys for `for_s` seconds each."""

    def __init__(self, *, for_s: float = 3600.0, remember: int = 4096) -> None:
        self._for_s = for_s
        self._remember = remember
        self._told: OrderedDict[Hashable, float] = OrderedDict()

    def is_told(self, what: Hashable, now_s: float) -> bool:
        """Whether this key was seen recently; marks it as seen."""
        at = self._told.get(what)
        if at is not None and 0 <= now_s - at < self._for_s:
            return True
        self._told[what] = now_s
        self._told.move_to_end(what)
        if len(self._told) > self._remember:
            self._told.popitem(last=False)
        return False
