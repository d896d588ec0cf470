"""What `dadns check` examines besides the configuration itself: folders, disk, ports, programs, name servers."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from directdnsonly.backends.daemons import NAMESERVERS
from directdnsonly.backends.tables.check import Step
from directdnsonly.cli import checks_backends, checks_door
from directdnsonly.cli.checks_against import newer_versions
from directdnsonly.cli.checks_running import belongs_to, serves_for, service_of
from directdnsonly.cli.findings import Finding
from directdnsonly.cli.stopped import stopped_store
from directdnsonly.config import Settings
from directdnsonly.door.settings import AppSettings
from directdnsonly.nameservers.holder import holder_of, name_of
from directdnsonly.wiring import heard_here_only
from directdnsonly.wording import counted

SBIN = "/usr/sbin:/sbin:/usr/local/sbin"


def look_around(settings: Settings) -> Iterator[Finding]:
    """Check folders, disk, ports, programs and backends, one finding each; external backends are contacted.

    Nothing is left behind. What our own running service has in use counts as good.
    """
    service = service_of(settings.store_folder)
    yield Finding(
        True, f"configuration: {settings.source_file or 'defaults and environment variables, no file'}", "configuration"
    )
    for note in settings.notes:
        yield Finding(True, str(note), "note")
    yield from _backends(settings)
    for what, folder in (("data_dir", settings.data_dir), ("store", settings.store_folder)):
        yield _place_for(what, folder)
    yield _room(settings)
    if service is not None:
        yield Finding(True, f"store: in use by our own running service (process {service})", "store in use")
    yield from _door(settings.app)
    app = settings.app
    yield _port("pushes", app.listen_host, app.listen_port, (socket.SOCK_STREAM,), service)
    answers, only_here = checks_backends.ask(settings), heard_here_only(settings)
    for name, backend in settings.enabled_backends().items():
        if name in only_here:
            told = f"{name}: listens on {only_here[name]} only, but pushes come from outside: set its listen and port"
            yield Finding(False, told, f"{name}: reach")
        if backend.is_managed:
            kind = NAMESERVERS[backend.type]
            yield _program(name, kind.program, kind.package)
            for address in backend.listen:
                home = (settings.data_dir / "backends" / name).resolve()
                kinds = (socket.SOCK_DGRAM, socket.SOCK_STREAM)
                yield _port(f"{name}: DNS", address, backend.port, kinds, service, home)
        else:
            yield from _external(name, backend, settings, answers[name])


def _external(name: str, backend: Any, settings: Settings, steps: Sequence[Step]) -> Iterator[Finding]:
    """Findings for a name server that somebody else runs: what it answered, and whether its files can be written."""
    if "control" not in {step.about for step in steps}:
        yield Finding(True, backend.told(name, settings.data_dir), f"{name}: configured")
    for step in steps:
        told = step.what if step.about == "control" else f"{name}: {step.about}: {step.what}"
        yield Finding(step.good, told, f"{name}: {step.about}")
    yield from newer_versions(name, backend.type, stopped_store(settings))
    if (zones_dir := getattr(backend, "zones_dir", None)) is not None:
        yield _writable(f"{name}: zones_dir", zones_dir)
    if (named_conf := getattr(backend, "named_conf", None)) is not None:
        yield _writable(f"{name}: folder of named_conf", named_conf.parent)


def _backends(settings: Settings) -> Iterator[Finding]:
    for name, backend in settings.dns.backends.items():
        told = f"backend {name}: {backend.type}" + ("" if backend.enabled else ", not enabled")
        yield Finding(True, told, f"{name}: backend")
    for name, deliveries in stopped_store(settings).removed_backends(settings.dns.backends).items():
        rows = counted(deliveries, "delivery is", "deliveries are")
        told = f"no longer configured, {rows} kept for it; if it is gone for good: dadns backends forget {name}"
        yield Finding(True, f"backend {name}: {told}", f"{name}: backend")


def _door(app: AppSettings) -> Iterator[Finding]:
    """Findings for our HTTP listener apart from its port: certificate, unix socket, trusted proxies."""
    if app.tls_certificate is not None and app.tls_key is not None:
        yield Finding(*checks_door.certificate_state(app.tls_certificate, app.tls_key), "tls_certificate")
    if app.listen_socket is not None:
        wrong = checks_door.socket_state(app.listen_socket)
        folder = app.listen_socket.parent
        yield Finding(False, wrong, "listen_socket") if wrong else _writable("folder of listen_socket", folder)
    for good, told in checks_door.proxies(app.trusted_proxies):
        yield Finding(good, told, "trusted_proxies")


def _program(name: str, program: str, package: str) -> Finding:
    found = shutil.which(program) or shutil.which(program, path=SBIN)
    missing = f"{program} is not installed: apt-get install {package}"
    return Finding(found is not None, f"{name}: {found or missing}", f"{name}: program")


def _nearest(folder: Path) -> Path:
    """The folder itself, or its nearest ancestor that exists."""
    place = folder.absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    return place


def _writable(what: str, folder: Path) -> Finding:
    place = _nearest(folder)
    if not place.is_dir():
        return Finding(False, f"{what}: {folder} cannot be written ({place} is not a folder)", what)
    good = os.access(place, os.W_OK | os.X_OK)
    return Finding(
        good, f"{what}: {folder}" + ("" if good else f" cannot be written (no permission for {place})"), what
    )


def _place_for(what: str, folder: Path) -> Finding:
    """As `_writable`, but by trying: permission bits do not show a read-only disk, or /proc, where even root cannot write."""
    place = _nearest(folder)
    if not place.is_dir():
        return Finding(False, f"{what}: {folder} cannot be written ({place} is not a folder)", what)
    try:
        Path(tempfile.mkdtemp(prefix=".dadns-check-", dir=place)).rmdir()
    except OSError as error:
        return Finding(
            False, f"{what}: {folder} cannot be written: nothing can be created in {place} ({error.strerror})", what
        )
    return Finding(True, f"{what}: {folder}", what)


def _room(settings: Settings) -> Finding:
    """Whether there is disk space for pushes: below the reserve every push is answered error=1."""
    try:
        free_mb = shutil.disk_usage(_nearest(settings.store_folder)).free // 2**20
    except OSError as error:
        return Finding(False, f"disk of the store: free space is unknown ({error.strerror})", "disk")
    reserve_mb = settings.outbox.disk_reserve_mb
    kept = f"{reserve_mb} MB are kept in reserve (outbox.disk_reserve_mb)"
    if free_mb < reserve_mb:
        return Finding(False, f"disk of the store: only {free_mb} MB are free, {kept}: every push is refused", "disk")
    return Finding(True, f"disk of the store: {free_mb} MB are free, {kept}", "disk")


def _port(
    what: str,
    host: str,
    port: int,
    kinds: tuple[socket.SocketKind, ...],
    service: int | None,
    home: Path | None = None,
) -> Finding:
    """Whether the port is free, or already ours. `home`: the folder of the bundled name server that will listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        for kind in kinds:
            with socket.socket(family, kind) as probe:
                if kind is socket.SOCK_STREAM:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((host, port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return _taken(what, host, port, service, home)
        hint = {
            errno.EACCES: "ports below 1024 need root or CAP_NET_BIND_SERVICE",
            errno.EADDRNOTAVAIL: "no interface of this machine has this address",
        }.get(error.errno or 0)
        told = f"{what}: {host}:{port}: {error.strerror}" + (f" ({hint})" if hint else "")
        return Finding(False, told, f"{what}: port")
    return Finding(True, f"{what}: {host}:{port} is free", f"{what}: port")


def _taken(what: str, host: str, port: int, service: int | None, home: Path | None) -> Finding:
    """Who holds the port: our own service, another process, or one that only root may see."""
    holder, about = holder_of(port), f"{what}: port"
    is_our_server = holder is not None and home is not None and serves_for(holder, home)
    if holder is not None and service is not None and (is_our_server or belongs_to(holder, service)):
        told = f"in use by our own running service (process {holder}, {name_of(holder)})"
        return Finding(True, f"{what}: {host}:{port} is {told}", about)
    if holder is not None and is_our_server:
        told = f"in use by process {holder} ({name_of(holder)}), our own name server, which goes on serving without us"
        return Finding(True, f"{what}: {host}:{port} is {told}: the next start adopts or replaces it", about)
    if holder is not None:
        told = f"in use by process {holder} ({name_of(holder)}): stop it, or choose another port"
        return Finding(False, f"{what}: {host}:{port} is {told}", about)
    if service is not None:
        told = f"in use, and our own service is running (process {service}); only root can see whether it is the user"
        return Finding(True, f"{what}: {host}:{port} is {told}", about)
    return Finding(False, f"{what}: {host}:{port} is in use; only root can see by which process", about)
