"""The settings of a BIND backend, and the paths of its parts."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from directdnsonly.backends.contract import ServerAddress
from directdnsonly.backends.files.folder import ZoneFolder
from directdnsonly.backends.settings import BackendSettings, Networks, UserName, reachable
from directdnsonly.effect import AtReload, AtRestartIfBundled

DEBIAN_KEYS = (Path("/etc/bind/rndc.key"), Path("/etc/rndc.key"), Path("/etc/named/rndc.key"))


@dataclass(frozen=True, slots=True, kw_only=True)
class BindLayout:
    """All paths and addresses of a backend, decided once and shared by supervisor and backend."""

    folder: Path  # what a managed named owns
    zones_dir: Path
    named_conf: Path | None  # the include file of an external named
    key_file: Path | None
    control_host: str
    control_port: int
    listen: tuple[str, ...]
    port: int
    servers: tuple[ServerAddress, ...]
    run_as: str

    def zones(self) -> Iterator[tuple[str, Path]]:
        """Each zone that has a file, with its path. Blocking."""
        files = ZoneFolder(self.zones_dir)
        for name in files.all_names():
            yield str(name), files.path(name)


class BindSettings(BackendSettings):
    """A BIND name server: bundled (we run it) or external (somebody else does)."""

    type: AtRestartIfBundled[Literal["bind"]] = Field(
        "bind", description="The type of backend; may be omitted if the backend's name begins with it."
    )
    managed: AtRestartIfBundled[bool | None] = Field(
        None, description="True: we configure, start and supervise named. Default: true unless `named_conf` is set."
    )
    zones_dir: AtRestartIfBundled[Path | None] = Field(
        None, description="Folder of the zone files. Default: `<data_dir>/backends/<name>/zones`."
    )
    named_conf: AtReload[Path | None] = Field(
        None,
        description="External named: the file, included by its named.conf, that lists our zones; it is ours to write.",
    )
    listen: AtRestartIfBundled[Networks] = Field(
        ("127.0.0.1",),
        min_length=1,
        description="Managed named: addresses that it answers on; every one when the image or root starts us (docs/deploy/container.md).",
    )
    port: AtRestartIfBundled[int] = Field(
        5300,
        ge=1,
        le=65535,
        description="Managed named: the port that it answers on; 53 when the image or root starts us.",
    )
    zone_home: AtReload[Literal["auto", "addzone", "include"]] = Field(
        "auto",
        description="External named: where zones are listed. `auto`: in `named_conf` when set, else by `rndc addzone`.",
    )
    control: AtReload[Literal["auto", "rndc", "native"]] = Field(
        "auto",
        description="`native` speaks rndc's protocol itself (many times faster); `auto`: native when a key can be read.",
    )
    rndc_host: AtReload[str] = Field("127.0.0.1", description="Address of named's control channel.")
    rndc_port: AtRestartIfBundled[int | None] = Field(
        None,
        ge=1,
        le=65535,
        description="Port of named's control channel. Default: 953 for an external named, a free one for a managed one.",
    )
    rndc_key_file: AtReload[Path | None] = Field(
        None,
        description="Key of the control channel. Default: the usual places (`/etc/bind/rndc.key`, `/etc/rndc.key`).",
    )
    run_as: AtRestartIfBundled[UserName] = Field(
        None,
        description="Managed named, when we run as root: its user. Default: `bind` or `named` when there is one; empty: root.",
    )
    command_timeout_s: AtReload[float] = Field(
        10.0, gt=0, description="Longest time that one control command may take, in seconds."
    )
    hang_timeout_s: AtRestartIfBundled[float] = Field(
        30.0,
        ge=0,
        description="Managed named: seconds without an answer to any query after which it is killed and started anew; 0: never.",
    )
    batch_size: AtReload[int] = Field(100, ge=1, le=5000, description="Zones per batch.")
    notify: AtRestartIfBundled[bool] = Field(False, description="Managed named: send NOTIFY for changed zones.")
    allow_transfer: AtRestartIfBundled[Networks] = Field(
        (), description="Managed named: addresses that may transfer zones, beside ourselves (for secondaries)."
    )

    @model_validator(mode="after")
    def _one_home(self) -> Self:
        if self.is_managed and self.named_conf is not None:
            raise ValueError("named_conf belongs to an external named: leave it out, or set managed: false")
        if self.zone_home == "include" and self.named_conf is None:
            raise ValueError("zone_home: include needs named_conf")
        return self

    @property
    def is_managed(self) -> bool:
        """Whether we run this named."""
        return self.named_conf is None if self.managed is None else self.managed

    def told(self, name: str, data_dir: Path) -> str:
        """One line for `dadns check`: what this backend will talk to."""
        key = self.layout(name, data_dir).key_file
        return f"{name}: external named, control key {key or 'not readable: rndc finds its own'}"

    def layout(self, name: str, data_dir: Path) -> BindLayout:
        """The paths and addresses; picks (and remembers) a control port for a bundled named."""
        folder = (data_dir / "backends" / name).resolve()
        zones_dir = (self.zones_dir or folder / "zones").resolve()
        if self.is_managed:
            key_file: Path | None = folder / "rndc.key"
            port = self.rndc_port or _remembered_port(folder / "control.port")
            servers = tuple(ServerAddress(host=reachable(address), port=self.port) for address in self.listen[:1])
        else:
            candidates = (self.rndc_key_file,) if self.rndc_key_file else DEBIAN_KEYS
            key_file = next((path for path in candidates if _readable(path)), self.rndc_key_file)
            port = self.rndc_port or 953
            servers = (ServerAddress(host="127.0.0.1", port=53),)
        return BindLayout(
            folder=folder,
            zones_dir=zones_dir,
            named_conf=self.named_conf.resolve() if self.named_conf else None,
            key_file=key_file,
            control_host="127.0.0.1" if self.is_managed else self.rndc_host,
            control_port=port,
            listen=self.listen,
            port=self.port,
            servers=self.servers(*servers),
            run_as=self.run_as if self.run_as is not None else "auto",
        )


def _readable(path: Path | None) -> bool:
    try:
        return path is not None and bool(path.read_bytes())
    except OSError:
        return False


def _remembered_port(file: Path) -> int:
    """The port chosen at the first start; a free one then."""
    try:
        return int(file.read_text(encoding="ascii"))
    except (OSError, ValueError):
        pass
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(str(port), encoding="ascii")
    return port
