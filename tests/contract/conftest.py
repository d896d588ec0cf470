"""The rig of each kind of backend."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.contract.kinds import KINDS
from tests.support.rig import Rig, RigKind

FILED = {"bind-managed-native", "bind-external-include", "nsd-managed-native", "knot-managed-native"}


@asynccontextmanager
async def _running(kind: RigKind, folder: Path) -> AsyncIterator[Rig]:
    async with kind.open(folder) as (backend, daemon):
        rig = Rig(kind, backend, daemon)
        yield rig
        rig.close()


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    """A running name server of this kind, and our backend for it."""
    async with _running(request.param, tmp_path) as rig:
        yield rig


@pytest.fixture(params=[kind for kind in KINDS if kind.name != "fake"], ids=lambda kind: kind.name)
async def real_rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    """One that answers more than SOA."""
    async with _running(request.param, tmp_path) as rig:
        yield rig


@pytest.fixture(params=[kind for kind in KINDS if kind.title], ids=lambda kind: kind.name)
async def matrix_rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    """One of each name server."""
    async with _running(request.param, tmp_path) as rig:
        yield rig


@pytest.fixture(params=[kind for kind in KINDS if kind.name in FILED], ids=lambda kind: kind.name)
async def filed_rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    """One that reads zone files which its control channel tells it of."""
    async with _running(request.param, tmp_path) as rig:
        yield rig


@pytest.fixture
async def coredns_file_rig(tmp_path: Path) -> AsyncIterator[Rig]:
    """CoreDNS, which looks into the folder by itself."""
    (kind,) = (kind for kind in KINDS if kind.name == "coredns_file")
    async with _running(kind, tmp_path) as rig:
        yield rig
