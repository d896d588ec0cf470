"""What `dadns check` looks at beside the configuration itself."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from directdnsonly.config import Settings, find_file

SBIN = "/usr/sbin:/sbin:/usr/local/sbin"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing, good or not."""

    good: bool
    what: str


def look_around(settings: Settings, config: Path | None) -> Iterator[Finding]:
    """Folders, ports and programs. A port in use is no fault when the service itself runs there."""
    yield Finding(True, f"configuration: {find_file(config, os.environ) or 'defaults and environment'}")
    for what, folder in (("data_dir", settings.data_dir), ("store", settings.store_folder)):
        yield _writable(what, folder)
    yield _port("pushes", settings.app.listen_host, settings.app.listen_port)
    for name, backend in settings.enabled_backends().items():
        if backend.is_managed:
            found = shutil.which("named") or shutil.which("named", path=SBIN)
            yield Finding(
                bool(found), f"{name}: {found or 'the program named is missing (Debian: apt-get install bind9)'}"
            )
            for address in backend.listen:
                yield _port(f"{name}: DNS", address, backend.port)
        else:
            key = backend.layout(name, settings.data_dir).key_file
            yield Finding(True, f"{name}: external named, control key {key or 'not readable: rndc finds its own'}")
            if backend.zones_dir is not None:
                yield _writable(f"{name}: zones_dir", backend.zones_dir)


def _writable(what: str, folder: Path) -> Finding:
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    good = os.access(place, os.W_OK | os.X_OK)
    return Finding(good, f"{what}: {folder}" + ("" if good else f" cannot be written ({place} is not ours)"))


def _port(what: str, host: str, port: int) -> Finding:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.create_server((host, port), family=family):
            return Finding(True, f"{what}: {host}:{port} is free")
    except OSError as error:
        return Finding(False, f"{what}: {host}:{port} cannot be used: {error.strerror} (does the service run already?)")
