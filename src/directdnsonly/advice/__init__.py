"""The verdict on one zone: whether it is live, why not, since when, what customers get meanwhile, and what to do. Pure.

One judgement for the API, the command line and the pages: all three show these words. `live` means that what customers
get is what the newest push said. What is asked and read comes in as `Facts`.
"""

from directdnsonly.advice.facts import (
    NO_ADDRESS,
    Cause,
    Edition,
    Facts,
    Heard,
    Judgement,
    Live,
    Orphan,
    Pinned,
    Place,
    Reason,
    Setback,
    Stop,
    Unclaimed,
    Waiting,
)
from directdnsonly.advice.judge import customers_get, decide, judge_zone, redeliver, standing

__all__ = [
    "NO_ADDRESS",
    "Cause",
    "Edition",
    "Facts",
    "Heard",
    "Judgement",
    "Live",
    "Orphan",
    "Pinned",
    "Place",
    "Reason",
    "Setback",
    "Stop",
    "Unclaimed",
    "Waiting",
    "customers_get",
    "decide",
    "judge_zone",
    "redeliver",
    "standing",
]
