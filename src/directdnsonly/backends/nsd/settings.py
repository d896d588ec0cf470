"""The settings of an NSD backend, and the paths of its parts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from directdnsonly.backends.contract import ServerAddress
from directdnsonly.backends.files.backend import UnwritableName
from directdnsonly.backends.files.folder import ZoneFolder
from directdnsonly.backends.nsd.names import NameLinks, is_odd
from directdnsonly.backends.settings import BackendSettings, Networks, UserName, reachable
from directdnsonly.effect import AtReload, AtRestartIfBundled

DEBIAN_SOCKET = Path("/run/nsd/nsd.ctl")
MANAGED_PATTERN = "directdnsonly"


@dataclass(frozen=True, slots=True, kw_only=True)
class NsdLayout:
    """All paths and addresses of a backend, decided once and shared by supervisor and backend."""

    folder: Path  # what a managed nsd owns
    zones_dir: Path
    socket: Path | None  # None: TLS
    nsd_conf: Path | None  # for nsd-control
    pattern: str
    listen: tuple[str, ...]
    port: int
    servers: tuple[ServerAddress, ...]
    run_as: str

    @property
    def odd_pattern(self) -> str:
        """The pattern of zones whose name is no file name."""
        return f"{self.pattern}-odd"

    def zones(self) -> Iterator[tuple[str, bool]]:
        """Each zone that has a file, and whether its name is odd; the links of those are made. Blocking."""
        files, links = ZoneFolder(self.zones_dir), NameLinks(self.zones_dir)
        for name in files.all_names():
            if is_odd(name):
                with suppress(
                    UnwritableName
                ):  # told by its delivery: one zone does not keep the others from being served
                    links.link(name, files.path(name))
            yield str(name), is_odd(name)


class NsdSettings(BackendSettings):
    """An NSD name server: bundled (we run it) or external (somebody else does)."""

    type: AtRestartIfBundled[Literal["nsd"]] = Field(
        "nsd", description="The type of backend; may be omitted if the backend's name begins with it."
    )
    managed: AtRestartIfBundled[bool | None] = Field(
        None,
        description="True: we configure, start and supervise nsd. Default: true unless `control_socket` or `control_host` is set.",
    )
    zones_dir: AtRestartIfBundled[Path | None] = Field(
        None,
        description="Folder of the zone files, which nsd reads too. Default: `<data_dir>/backends/<name>/zones`.",
    )
    listen: AtRestartIfBundled[Networks] = Field(
        ("127.0.0.1",),
        min_length=1,
        description="Managed nsd: addresses that it answers on; every one when the image or root starts us (docs/deploy/container.md).",
    )
    port: AtRestartIfBundled[int] = Field(
        5300,
        ge=1,
        le=65535,
        description="Managed nsd: the port that it answers on; 53 when the image or root starts us.",
    )
    control: AtReload[Literal["auto", "native", "nsd-control"]] = Field(
        "auto",
        description="`native` speaks nsd's control protocol itself (many times faster), which `auto` does unless TLS keys cannot be read.",
    )
    control_socket: AtReload[Path | None] = Field(
        None, description="External nsd: its control socket. Default without `control_host`: `/run/nsd/nsd.ctl`."
    )
    control_host: AtReload[str | None] = Field(None, description="External nsd with TLS control: its address.")
    control_port: AtReload[int] = Field(8952, ge=1, le=65535, description="External nsd with TLS control: its port.")
    server_cert_file: AtReload[Path] = Field(
        Path("/etc/nsd/nsd_server.pem"), description="TLS control: the certificate that nsd shows."
    )
    control_cert_file: AtReload[Path] = Field(
        Path("/etc/nsd/nsd_control.pem"), description="TLS control: the certificate that we show."
    )
    control_key_file: AtReload[Path] = Field(Path("/etc/nsd/nsd_control.key"), description="TLS control: its key.")
    nsd_conf: AtReload[Path | None] = Field(
        None, description="External nsd: the configuration that `nsd-control` reads. Default: its own default."
    )
    pattern: AtReload[str] = Field(
        MANAGED_PATTERN,
        pattern=r"^[A-Za-z0-9_.-]+$",
        description="External nsd: the pattern of our zones; zones with odd names use `<pattern>-odd`.",
    )
    run_as: AtRestartIfBundled[UserName] = Field(
        None,
        description="Managed nsd, when we run as root: its user. Default: `nsd` when there is one; empty: root.",
    )
    command_timeout_s: AtReload[float] = Field(
        10.0, gt=0, description="Longest time that one control command may take, in seconds."
    )
    hang_timeout_s: AtRestartIfBundled[float] = Field(
        30.0,
        ge=0,
        description="Managed nsd: seconds without an answer to any query after which it is killed and started anew; 0: never.",
    )
    batch_size: AtReload[int] = Field(
        500, ge=1, le=5000, description="Zones per batch; nsd reloads once for all of them."
    )
    rate_limit: AtRestartIfBundled[int] = Field(
        0,
        ge=0,
        description="Managed nsd: answers a second to one network (response rate limiting); 0: no limit. A limit also drops answers to our own questions about many deleted zones.",
    )
    notify_addresses: AtRestartIfBundled[Networks] = Field(
        (), description="Managed nsd: addresses that are told of changed zones."
    )
    allow_transfer: AtRestartIfBundled[Networks] = Field(
        (), description="Managed nsd: addresses that may transfer zones, beside ourselves (for secondaries)."
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.is_managed and (self.control_socket or self.control_host):
            raise ValueError(
                "control_socket and control_host belong to an external nsd: leave them out, or set managed: false"
            )
        if self.control_socket and self.control_host:
            raise ValueError("control_socket and control_host exclude each other")
        return self

    @property
    def is_managed(self) -> bool:
        """Whether we run this nsd."""
        return not (self.control_socket or self.control_host) if self.managed is None else self.managed

    def told(self, name: str, data_dir: Path) -> str:
        """One line for `dadns check`: what this backend will talk to."""
        layout = self.layout(name, data_dir)
        if layout.socket is not None:
            there = "" if layout.socket.exists() else " (not there)"
            return f"{name}: external nsd, control socket {layout.socket}{there}"
        missing = [str(file) for file in self.tls_files if not _readable(file)]
        problem = f", not readable: {', '.join(missing)}" if missing else ""
        return f"{name}: external nsd, TLS control at {self.control_host}#{self.control_port}{problem}"

    @property
    def tls_files(self) -> tuple[Path, Path, Path]:
        """The files that TLS control needs."""
        return self.server_cert_file, self.control_cert_file, self.control_key_file

    @property
    def tls_is_readable(self) -> bool:
        """Whether we can speak TLS control ourselves."""
        return all(_readable(file) for file in self.tls_files)

    def layout(self, name: str, data_dir: Path) -> NsdLayout:
        """The paths and addresses of the backend."""
        folder = (data_dir / "backends" / name).resolve()
        if self.is_managed:
            socket: Path | None = folder / "run" / "nsd.ctl"
            conf: Path | None = folder / "nsd.conf"
            servers = tuple(ServerAddress(host=reachable(address), port=self.port) for address in self.listen[:1])
        else:
            socket = None if self.control_host else self.control_socket or DEBIAN_SOCKET
            conf = self.nsd_conf
            servers = (ServerAddress(host=self.control_host or "127.0.0.1", port=53),)
        return NsdLayout(
            folder=folder,
            zones_dir=(self.zones_dir or folder / "zones").resolve(),
            socket=socket,
            nsd_conf=conf,
            pattern=MANAGED_PATTERN if self.is_managed else self.pattern,
            listen=self.listen,
            port=self.port,
            servers=self.servers(*servers),
            run_as=self.run_as if self.run_as is not None else "auto",
        )


def _readable(path: Path) -> bool:
    try:
        return bool(path.read_bytes())
    except OSError:
        return False
