"""What `dadns check` looks at beside the configuration itself."""

from __future__ import annotations

import errno
import os
import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from directdnsonly.cli import checks_backends, checks_door
from directdnsonly.config import Settings
from directdnsonly.nameservers.registry import NAMESERVERS
from directdnsonly.outbox.removed import kept_in
from directdnsonly.receive.settings import AppSettings
from directdnsonly.wording import counted

SBIN = "/usr/sbin:/sbin:/usr/local/sbin"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing, good or not."""

    good: bool
    what: str


def look_around(settings: Settings) -> Iterator[Finding]:
    """Folders, ports and programs, and what is configured. Backends of others are asked. Nothing is created."""
    yield Finding(True, f"configuration: {settings.source_file or 'defaults and variables, no file'}")
    for name, backend in settings.dns.backends.items():
        yield Finding(True, f"backend {name}: {backend.type}" + ("" if backend.enabled else ", not enabled"))
    for name, deliveries in kept_in(settings.store_folder, settings.dns.backends).items():
        rows = counted(deliveries, "delivery is", "deliveries are")
        told = f"not configured any more, {rows} kept for it; if it is gone for good: dadns backends forget {name}"
        yield Finding(True, f"backend {name}: {told}")
    for what, folder in (("data_dir", settings.data_dir), ("store", settings.store_folder)):
        yield _writable(what, folder)
    yield from _door(settings.app)
    yield _port("pushes", settings.app.listen_host, settings.app.listen_port, (socket.SOCK_STREAM,))
    answers = checks_backends.ask(settings)
    for name, backend in settings.enabled_backends().items():
        if backend.is_managed:
            kind = NAMESERVERS[backend.type]
            yield _program(name, kind.program, kind.package)
            for address in backend.listen:
                yield _port(f"{name}: DNS", address, backend.port, (socket.SOCK_DGRAM, socket.SOCK_STREAM))
        else:
            good, answer = answers[name]
            yield Finding(good, f"{backend.told(name, settings.data_dir)}: {answer}")
            if (zones_dir := getattr(backend, "zones_dir", None)) is not None:
                yield _writable(f"{name}: zones_dir", zones_dir)
            if (named_conf := getattr(backend, "named_conf", None)) is not None:
                yield _writable(f"{name}: folder of named_conf", named_conf.parent)


def _door(app: AppSettings) -> Iterator[Finding]:
    """What our own door needs beside its port."""
    if app.tls_certificate is not None and app.tls_key is not None:
        yield Finding(*checks_door.certificate_state(app.tls_certificate, app.tls_key))
    if app.listen_socket is not None:
        wrong = checks_door.socket_state(app.listen_socket)
        yield Finding(False, wrong) if wrong else _writable("folder of listen_socket", app.listen_socket.parent)
    for good, told in checks_door.proxies(app.trusted_proxies):
        yield Finding(good, told)


def _program(name: str, program: str, package: str) -> Finding:
    found = shutil.which(program) or shutil.which(program, path=SBIN)
    missing = f"the program {program} is missing (Debian: apt-get install {package})"
    return Finding(bool(found), f"{name}: {found or missing}")


def _writable(what: str, folder: Path) -> Finding:
    place = folder.absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    if not place.is_dir():
        return Finding(False, f"{what}: {folder} cannot be written ({place} is not a folder)")
    good = os.access(place, os.W_OK | os.X_OK)
    return Finding(good, f"{what}: {folder}" + ("" if good else f" cannot be written ({place} is not ours)"))


def _port(what: str, host: str, port: int, kinds: tuple[socket.SocketKind, ...]) -> Finding:
    """Whether we could listen there now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        for kind in kinds:
            with socket.socket(family, kind) as probe:
                if kind is socket.SOCK_STREAM:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((host, port))
    except OSError as error:
        hint = {
            errno.EADDRINUSE: "does the service run already?",
            errno.EACCES: "ports below 1024 need root or CAP_NET_BIND_SERVICE",
            errno.EADDRNOTAVAIL: "no interface of this machine has the address",
        }.get(error.errno or 0)
        return Finding(False, f"{what}: {host}:{port}: {error.strerror}" + (f" ({hint})" if hint else ""))
    return Finding(True, f"{what}: {host}:{port} is free")
