"""A real NSD for tests: bundled (our own supervisor), or external (somebody else's configuration; unix socket or TLS)."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from bench.service import free_port

from directdnsonly.backends.daemons import NAMESERVERS
from directdnsonly.backends.files.checker import ZoneChecker
from directdnsonly.backends.nsd.backend import NsdBackend, build
from directdnsonly.backends.nsd.settings import NsdSettings
from tests.support.programs import require_program
from tests.support.rig import ChildDaemon, Daemon, RigKind, SupervisedDaemon, is_ready

EXTERNAL = """
server:
  ip-address: 127.0.0.1@{port}
  port: {port}
  do-ip6: no
  username: ""
  chroot: ""
  zonesdir: "{folder}/zones"
{database}
  zonelistfile: "{folder}/zone.list"
  xfrdfile: "{folder}/xfrd.state"
  xfrdir: "{folder}"
  pidfile: "{folder}/nsd.pid"
  logfile: "{folder}/nsd.log"
  zonefiles-write: 0
  rrl-ratelimit: 0
remote-control:
  control-enable: yes
{control}
pattern:
  name: "dadns"
  zonefile: "%s.db"
pattern:
  name: "dadns-odd"
  zonefile: "names/%s"
"""
TLS = """
  control-interface: 127.0.0.1
  control-port: {control_port}
  server-key-file: "{folder}/nsd_server.key"
  server-cert-file: "{folder}/nsd_server.pem"
  control-key-file: "{folder}/nsd_control.key"
  control-cert-file: "{folder}/nsd_control.pem"
"""


@asynccontextmanager
async def nsd_under_test(
    folder: Path, kind: str, *, checker: ZoneChecker | None = None, own: str = ""
) -> AsyncIterator[tuple[NsdBackend, Daemon]]:
    """`kind`: managed-native, managed-nsd-control, external, tls, tls-nsd-control. `checker`: instead of nsd-checkzone.

    `own`: of the operator's nsd.conf.
    """
    program = require_program("nsd")
    folder.chmod(0o755)
    daemon: Daemon
    if kind.startswith("managed"):
        control = kind.removeprefix("managed-")
        settings = NsdSettings(port=free_port(), control=control, run_as="")
        backend = build("nsd", settings, folder)
        daemon = SupervisedDaemon(lambda: NAMESERVERS["nsd"].build("nsd", settings, folder))
    else:
        place = folder / "external"
        settings = _external(
            place, tls=kind.startswith("tls"), control=kind.removeprefix("tls").strip("-") or "native", own=own
        )
        backend = NsdBackend("nsd", settings, settings.layout("nsd", folder), checker=checker)
        daemon = ChildDaemon([program, "-d", "-c", str(place / "nsd.conf")], ready=partial(is_ready, backend))
    await daemon.start()
    try:
        yield backend, daemon
    finally:
        await backend.aclose()
        await daemon.stop()


def _external(place: Path, *, tls: bool, control: str, own: str) -> NsdSettings:
    (place / "zones").mkdir(parents=True)
    port, control_port = free_port(), free_port()
    how = TLS.format(folder=place, control_port=control_port) if tls else f"  control-interface: {place}/nsd.ctl"
    version = subprocess.run([require_program("nsd"), "-v"], capture_output=True, text=True, check=False)
    old = "version 4.6" in version.stderr + version.stdout
    database = '  database: ""' if old else ""
    (place / "nsd.conf").write_text(EXTERNAL.format(folder=place, port=port, control=how, database=database) + own)
    common = {"managed": False, "zones_dir": place / "zones", "pattern": "dadns", "verify_address": f"127.0.0.1#{port}"}
    if not tls:
        return NsdSettings(control_socket=place / "nsd.ctl", **common)
    make_certificates(place)
    return NsdSettings(
        control_host="127.0.0.1", control_port=control_port, server_cert_file=place / "nsd_server.pem",
        control_cert_file=place / "nsd_control.pem", control_key_file=place / "nsd_control.key",
        nsd_conf=place / "nsd.conf", control="native" if control == "external" else control, **common,
    )  # fmt: skip


def make_certificates(place: Path) -> None:
    """What nsd-control-setup makes: a server certificate that is its own authority, and a control one signed by it."""

    def openssl(*arguments: str) -> None:
        subprocess.run([require_program("openssl"), *arguments], cwd=place, check=True, capture_output=True)

    openssl(
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=nsd", "-keyout", "nsd_server.key",
        "-out", "nsd_server.pem", "-addext", "basicConstraints=critical,CA:TRUE,pathlen:0",
        "-addext", "subjectAltName=DNS:nsd",
    )  # fmt: skip
    openssl(
        "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=nsd-control", "-keyout", "nsd_control.key",
        "-out", "nsd_control.csr",
    )  # fmt: skip
    openssl(
        "x509", "-req", "-in", "nsd_control.csr", "-days", "2", "-CA", "nsd_server.pem", "-CAkey", "nsd_server.key",
        "-CAcreateserial", "-out", "nsd_control.pem",
    )  # fmt: skip


RIGS = [
    RigKind(
        name=f"nsd-{kind}",
        open=partial(nsd_under_test, kind=kind),
        batch=40 if kind.endswith("nsd-control") else 500,
        title="NSD" if kind == "managed-native" else "",
    )
    for kind in ("managed-native", "managed-nsd-control", "external", "tls")
]
