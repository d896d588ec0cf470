"""Every way in which the contract suite runs a backend: one line per support module."""

from __future__ import annotations

from tests.support import fake_backend, named, powerdns

KINDS = [
    *fake_backend.RIGS,
    *named.RIGS,
    *powerdns.RIGS,
]
