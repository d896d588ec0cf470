"""How an exercise comes to a store: by what opens and closes the store of one test, whichever engine keeps it."""

from __future__ import annotations

from typing import Protocol

import pytest

from directdnsonly.clock import ManualClock
from directdnsonly.outbox.deliveries import Claim, Settle, Settlement
from directdnsonly.outbox.store import Store
from directdnsonly.zone.name import ZoneName

NAME = ZoneName.parse("example.com")
BACKENDS = ["one", "two"]


class Opener(Protocol):
    """One store after the other in the same place."""

    clock: ManualClock

    async def open(self, *, backends: list[str] | None = None, **settings: object) -> Store:
        """With these backends adopted (None: one, two); `settings`: those of the outbox that are not the usual ones."""
        ...

    def rows(self) -> dict[str, int]:
        """How many are kept, by what the engine calls a table."""
        ...

    async def close(self) -> None:
        """As the service does at its end."""
        ...


@pytest.fixture
def clock(opener: Opener) -> ManualClock:
    return opener.clock


@pytest.fixture
async def store(opener: Opener) -> Store:
    return await opener.open()


async def only_claim(store: Store, backend: str = "one") -> Claim:
    (claim,) = await store.work.claim(backend, limit=10, lease_s=60)
    return claim


async def finish(store: Store, backend: str = "one") -> int:
    """Claim and prove everything that is due."""
    done = 0
    while claims := await store.work.claim(backend, limit=100, lease_s=60):
        done += len(claims)
        await store.work.settle(
            [Settlement(claim=claim, how=Settle.VERIFIED, served_serial=claim.serial) for claim in claims]
        )
    return done
