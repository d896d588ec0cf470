"""Every way in which the contract suite runs a backend: one line per support module."""

from __future__ import annotations

from tests.support import coredns, fake_backend, knot, named, nsd, powerdns

KINDS = [
    *fake_backend.RIGS,
    *named.RIGS,
    *nsd.RIGS,
    *knot.RIGS,
    *coredns.RIGS,
    *powerdns.RIGS,
]
