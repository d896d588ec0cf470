"""Counts failed log-ins: a leaky bucket for each address and user, in bounded memory, and when to log one."""

from __future__ import annotations

import functools
import ipaddress
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

IPV6_PREFIX: Final = 64  # what one customer of a provider has at least


@dataclass(slots=True)
class _Bucket:
    level: float = 0.0
    at: float = 0.0
    unlogged: int = 0
    logged_at: float = float("-inf")


class FailedLogins:
    """Limits failures per address and user: `burst` at once, then one every `leak_s` seconds."""

    def __init__(
        self, *, burst: int = 10, leak_s: float = 6.0, log_every_s: float = 60.0, remember: int = 4096
    ) -> None:
        self._burst = burst
        self._leak_s = leak_s
        self._log_every_s = log_every_s
        self._remember = remember
        self._buckets: OrderedDict[tuple[str, str], _Bucket] = OrderedDict()
        self.total = 0

    def __len__(self) -> int:
        """The number of pairs remembered."""
        return len(self._buckets)

    def forget(self) -> None:
        """Nobody waits any more for what failed before."""
        self._buckets.clear()

    def wait_s(self, who: tuple[str, str], now_s: float) -> float:
        """Seconds until this address may try as this user again; 0 when it may now."""
        bucket = self._buckets.get(who)
        if bucket is None:
            return 0.0
        bucket.at = min(bucket.at, now_s)  # the clock was set back
        level = bucket.level - (now_s - bucket.at) / self._leak_s
        return max((level + 1 - self._burst) * self._leak_s, 0.0)

    def count(self, who: tuple[str, str], now_s: float) -> int:
        """Count a failure; returns how many to log now, 0 if this pair was logged less than a minute ago."""
        self.total += 1
        bucket = self._buckets.pop(who, None) or _Bucket(at=now_s)
        leaked = max(bucket.level - max(now_s - bucket.at, 0.0) / self._leak_s, 0.0)
        # It never holds more than the burst: who stops trying is let in again after one leak.
        bucket.level, bucket.at = min(leaked + 1, float(self._burst)), now_s
        bucket.unlogged += 1
        self._buckets[who] = bucket
        if len(self._buckets) > self._remember:
            self._buckets.popitem(last=False)
        if now_s - bucket.logged_at < self._log_every_s:
            return 0
        failures, bucket.unlogged, bucket.logged_at = bucket.unlogged, 0, now_s
        return failures


@functools.lru_cache(1024)
def group_of(address: str) -> str:
    """What counts as one address: an IPv4 address, or a /64 of IPv6."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv4Address):
        return str(ip)
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return str(ipaddress.ip_network((ip, IPV6_PREFIX), strict=False))
