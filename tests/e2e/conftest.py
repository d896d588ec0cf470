"""The whole service as a process, with a bundled named."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from bench.service import Service

from tests.support.programs import require_program


@pytest.fixture
def service() -> Iterator[Service]:
    require_program("named")
    with Service(log_level="INFO") as running:
        yield running
