"""The rig of each kind of backend."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contract.kinds import KINDS
from tests.support.rig import Rig, RigKind


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    """A running name server of this kind, and our backend for it."""
    kind: RigKind = request.param
    async with kind.open(tmp_path) as (backend, daemon):
        rig = Rig(kind, backend, daemon)
        yield rig
        rig.close()
