"""A real knotd for tests: bundled (our own supervisor) or external (somebody else's configuration)."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from bench.service import free_port

from directdnsonly.backends.daemons import NAMESERVERS
from directdnsonly.backends.knot.backend import KnotBackend, build
from directdnsonly.backends.knot.settings import KnotSettings
from tests.support.programs import require_program
from tests.support.rig import ChildDaemon, Daemon, RigKind, SupervisedDaemon, is_ready

EXTERNAL = """
server:
    rundir: "{folder}"
    listen: "127.0.0.1@{port}"
control:
    listen: "{folder}/knot.sock"
database:
    storage: "{folder}/db"
template:
  - id: default
    storage: "{folder}"
  - id: dadns
    zonefile-sync: -1
    journal-content: none
zone:
  - domain: "foreign.example."
"""


@asynccontextmanager
async def knot_under_test(
    folder: Path, kind: str, *, own: str = "", control: str = "native"
) -> AsyncIterator[tuple[KnotBackend, Daemon]]:
    """`kind`: managed-native, managed-knotc, external. `own`: zones of the operator's configuration."""
    program = require_program("knotd")
    folder.chmod(0o755)
    port = free_port()
    daemon: Daemon
    if kind.startswith("managed"):
        settings = KnotSettings(port=port, control=kind.removeprefix("managed-"), run_as="")
        backend = build("knot", settings, folder)
        daemon = SupervisedDaemon(lambda: NAMESERVERS["knot"].build("knot", settings, folder))
    else:
        place = folder / "external"
        settings = _external(place, port, own).model_copy(update={"control": control})
        backend = build("knot", settings, folder)
        daemon = ChildDaemon([program, "-C", str(place / "confdb")], ready=partial(is_ready, backend))
    await daemon.start()
    try:
        yield backend, daemon
    finally:
        await backend.aclose()
        await daemon.stop()


def _external(place: Path, port: int, own: str) -> KnotSettings:
    place.mkdir()
    (place / "knot.conf").write_text(EXTERNAL.format(folder=place, port=port) + own)
    importing = [require_program("knotc"), "-C", str(place / "confdb"), "conf-import", str(place / "knot.conf")]
    subprocess.run(importing, check=True, capture_output=True)
    return KnotSettings(
        control_socket=place / "knot.sock", template="dadns", zones_dir=place / "zones",
        verify_address=f"127.0.0.1#{port}",
    )  # fmt: skip


RIGS = [
    RigKind(
        name=f"knot-{kind}",
        open=partial(knot_under_test, kind=kind),
        batch=40 if kind == "managed-knotc" else 500,
        title="Knot DNS" if kind == "managed-native" else "",
        refusal="CNAME",
    )
    for kind in ("managed-native", "managed-knotc", "external")
]
