"""How fast a bulk may go, by what those feel who ask the name server: the slower it answers, the longer the rests. Pure."""

from __future__ import annotations

from collections import deque
from statistics import median

LEAST_S = 0.0002  # an answer quicker than this is as quick as that: nobody on a network can tell
SHORTEST_S, LONGEST_S = 0.01, 0.5  # of a rest between two batches
QUIET, RECENT = 15, 5  # measurements that count: of a name server that we leave alone, and of one beside a bulk


class Pace:
    """Of one name server. Times are seconds."""

    def __init__(self, factor: float) -> None:
        """A bulk rests while answers take longer than `factor` times as long as when it does not run."""
        self._factor = factor
        self._quiet: deque[float] = deque(maxlen=QUIET)
        self._recent: deque[float] = deque(maxlen=RECENT)
        self.rest_s = 0.0

    @property
    def limit_s(self) -> float:
        """An answer that takes longer is felt; without end as long as nothing is known about this name server."""
        return self._factor * max(median(self._quiet), LEAST_S) if self._quiet else float("inf")

    def note_quiet(self, answer_s: float) -> None:
        """An answer took so long when no bulk ran."""
        self._quiet.append(answer_s)

    def note(self, answer_s: float) -> None:
        """An answer took so long beside a bulk. Judged by the last few, whose sum a resolver's users feel: their mean."""
        self._recent.append(answer_s)
        if len(self._recent) < RECENT:
            return
        if sum(self._recent) / RECENT > self.limit_s:
            self.rest_s = min(max(2 * self.rest_s, SHORTEST_S), LONGEST_S)
        else:
            self.rest_s = self.rest_s / 2 if self.rest_s > SHORTEST_S else 0.0
        self._recent.clear()
