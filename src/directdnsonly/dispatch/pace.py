"""How long a bulk rests, by what those feel who ask the name server: so long that answers over work and rest are quick enough. Pure."""

from __future__ import annotations

from collections import deque
from statistics import fmean, median

LEAST_S = 0.0001  # an answer quicker than this is as quick as that: nobody on a network can tell
LONGEST_S = 5.0  # of a rest
MOST = 9.0  # times as long as the work: a bulk always gets a tenth of the time
QUIET, RECENT = 50, 50  # answers that count: of a name server that we leave alone, and of one beside work or rests
FEWEST = 5  # of them tell something


class Pace:
    """Of one name server. Times are seconds."""

    def __init__(self, factor: float) -> None:
        """Answers to those who ask may on average take `factor` times as long as when no bulk runs."""
        self._factor = factor
        self._quiet: deque[float] = deque(maxlen=QUIET)
        self._working: deque[float] = deque(maxlen=RECENT)
        self._resting: deque[float] = deque(maxlen=RECENT)

    @property
    def limit_s(self) -> float:
        """What answers may take on average; without end as long as nothing is known about this name server.

        By the usual answer: on a busy machine one in ten takes 5 ms and more, and a mean of a few looks is chance.
        """
        return self._factor * max(median(self._quiet), LEAST_S) if self._quiet else float("inf")

    def begin(self) -> None:
        """A bulk begins: what was felt of an earlier one tells nothing about it."""
        self._working.clear()
        self._resting.clear()

    def note_quiet(self, answer_s: float) -> None:
        """An answer took so long when no bulk ran."""
        self._quiet.append(answer_s)

    def note(self, answer_s: float, *, resting: bool = False) -> None:
        """An answer took so long while a bulk was at work, or rested."""
        (self._resting if resting else self._working).append(answer_s)

    def rest_s(self, worked_s: float) -> float:
        """How long to rest after so much work.

        The mean of all answers is that beside work and that beside rests, each by its share of the time. What is slow
        beside rests as well is not cured by longer ones.
        """
        if len(self._working) < FEWEST or (over_s := fmean(self._working) - self.limit_s) <= 0:
            return 0.0
        resting_s = fmean(self._resting if len(self._resting) >= FEWEST else self._quiet)
        spare_s = max(self.limit_s - resting_s, self.limit_s / 4)
        return min(worked_s * min(over_s / spare_s, MOST), LONGEST_S)
