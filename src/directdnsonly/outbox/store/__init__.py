"""The outbox's store as Protocols, one for each kind of user. An engine implements each Protocol as one class.

Everything here raises OutboxUnavailable when the disk or the store is at fault; then nothing was written. What a method
raises beside that, its docstring says.
"""

from __future__ import annotations

from typing import Protocol

from directdnsonly.outbox.store.approval import Approval
from directdnsonly.outbox.store.drift import DriftWatch
from directdnsonly.outbox.store.looking import Looking
from directdnsonly.outbox.store.operators import Operators
from directdnsonly.outbox.store.peering import Peering
from directdnsonly.outbox.store.recording import Recording
from directdnsonly.outbox.store.upkeep import Upkeep
from directdnsonly.outbox.store.work import Work


class Store(Protocol):
    """All parts of one open store; code that needs one part is passed only that part."""

    @property
    def recording(self) -> Recording: ...  # noqa: D102 - each is told by its own class

    @property
    def approval(self) -> Approval: ...  # noqa: D102

    @property
    def work(self) -> Work: ...  # noqa: D102

    @property
    def looking(self) -> Looking: ...  # noqa: D102

    @property
    def drift(self) -> DriftWatch: ...  # noqa: D102

    @property
    def operators(self) -> Operators: ...  # noqa: D102

    @property
    def peering(self) -> Peering: ...  # noqa: D102

    @property
    def upkeep(self) -> Upkeep: ...  # noqa: D102
