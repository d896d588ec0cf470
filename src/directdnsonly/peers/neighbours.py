"""All peers' actors: they run together, and come and go while the service is at work."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from directdnsonly.peers.neighbour import Neighbour, Surroundings
from directdnsonly.peers.settings import PeeringSettings, PeerSettings
from directdnsonly.peers.standing import PeerStatus
from directdnsonly.pulse import Pulses

ACTOR: Final = "peers"


class Neighbours:
    """Runs one actor per peer. Use within one event loop."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._all: dict[str, Neighbour] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._group: asyncio.TaskGroup | None = None  # while it runs
        self._peering = PeeringSettings()

    @property
    def asker(self) -> str:
        """The word by which this instance knows its own questions."""
        return self._around.asker

    @property
    def names(self) -> list[str]:
        """Of the configured peers."""
        return list(self._all)

    @property
    def actors(self) -> list[str]:
        """The names of the tasks that exist while it is alive."""
        return [ACTOR, *(f"peer:{name}" for name in self._all)]

    def statuses(self) -> list[PeerStatus]:
        """How it stands with each, in order of name."""
        return [self._all[name].status for name in sorted(self._all)]

    def pulses(self) -> list[Pulses]:
        """The signs of life of each."""
        return [one.pulses for one in self._all.values()]

    def one(self, name: str) -> Neighbour | None:
        """The actor of a peer; None if there is none of that name."""
        return self._all.get(name)

    async def run(self) -> None:
        """Run all until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            for name in self._all:
                self._begin(name)
            await asyncio.Event().wait()  # there may be none, now or later

    def follow(self, peers: Sequence[PeerSettings], peering: PeeringSettings) -> None:
        """These peers from now on. One that is as it was goes on; what is known of one that was changed stays."""
        before, self._all = self._all, {}
        for settings in peers:
            old = before.get(settings.name)
            if old is not None and old.settings == settings and self._peering == peering:
                self._all[settings.name] = old
                continue
            status = old.status if old is not None and old.settings.url == settings.url else None
            self._all[settings.name] = Neighbour(settings, peering, self._around, before=status)
        for name, old in before.items():
            if self._all.get(name) is not old and (task := self._tasks.pop(name, None)) is not None:
                task.cancel()
        self._peering = peering
        if self._group is not None:
            for name in self._all:
                if name not in self._tasks:
                    self._begin(name)

    def _begin(self, name: str) -> None:
        assert self._group is not None
        self._tasks[name] = self._group.create_task(self._all[name].run(), name=f"peer:{name}")
