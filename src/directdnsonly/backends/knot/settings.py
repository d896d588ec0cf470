"""The settings of a Knot backend, and the paths of its parts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from directdnsonly.backends.contract import ServerAddress
from directdnsonly.backends.files.folder import ZoneFolder
from directdnsonly.backends.settings import BackendSettings, Networks, UserName, reachable
from directdnsonly.effect import AtReload, AtRestartIfBundled

DEBIAN_SOCKET = Path("/run/knot/knot.sock")


@dataclass(frozen=True, slots=True, kw_only=True)
class KnotLayout:
    """All paths and addresses of a backend, decided once and shared by supervisor and backend."""

    folder: Path  # what a managed knotd owns
    zones_dir: Path
    socket: Path
    listen: tuple[str, ...]
    port: int
    servers: tuple[ServerAddress, ...]
    run_as: str

    def zones(self) -> Iterator[tuple[str, Path]]:
        """Each zone that has a file, with its path. Blocking."""
        files = ZoneFolder(self.zones_dir)
        for name in files.all_names():
            yield str(name), files.path(name)


class KnotSettings(BackendSettings):
    """A Knot DNS name server: bundled (we run it) or external (somebody else does)."""

    type: AtRestartIfBundled[Literal["knot"]] = Field(
        "knot", description="The type of backend; may be omitted if the backend's name begins with it."
    )
    managed: AtRestartIfBundled[bool | None] = Field(
        None,
        description="True: we configure, start and supervise knotd. Default: true unless `control_socket` is set.",
    )
    zones_dir: AtRestartIfBundled[Path | None] = Field(
        None,
        description="Folder of the zone files, which knotd reads too. Default: `<data_dir>/backends/<name>/zones`.",
    )
    listen: AtRestartIfBundled[Networks] = Field(
        ("127.0.0.1",),
        min_length=1,
        description="Managed knotd: addresses that it answers on; every one when the image or root starts us (docs/deploy/container.md).",
    )
    port: AtRestartIfBundled[int] = Field(
        5300,
        ge=1,
        le=65535,
        description="Managed knotd: the port that it answers on; 53 when the image or root starts us.",
    )
    control: AtReload[Literal["auto", "native", "knotc"]] = Field(
        "auto", description="`native` speaks knotd's control protocol itself (many times faster); `auto`: native."
    )
    control_socket: AtReload[Path | None] = Field(
        None, description="External knotd: its control socket. Default: `/run/knot/knot.sock`."
    )
    template: AtReload[str | None] = Field(
        None,
        pattern=r"^[A-Za-z0-9_.-]+$",
        description="External knotd: the template of our zones. Default: knotd's template `default`.",
    )
    run_as: AtRestartIfBundled[UserName] = Field(
        None,
        description="Managed knotd, when we run as root: its user. Default: `knot` when there is one; empty: root.",
    )
    command_timeout_s: AtReload[float] = Field(
        10.0, gt=0, description="Longest time that one control command may take, in seconds."
    )
    hang_timeout_s: AtRestartIfBundled[float] = Field(
        30.0,
        ge=0,
        description="Managed knotd: seconds without an answer to any query after which it is killed and started anew; 0: never.",
    )
    batch_size: AtReload[int] = Field(
        500, ge=1, le=5000, description="Zones per batch; adds and deletes are one transaction."
    )
    notify_addresses: AtRestartIfBundled[Networks] = Field(
        (), description="Managed knotd: addresses that are told of changed zones."
    )
    allow_transfer: AtRestartIfBundled[Networks] = Field(
        (), description="Managed knotd: addresses that may transfer zones, beside ourselves (for secondaries)."
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.is_managed and self.control_socket:
            raise ValueError("control_socket belongs to an external knotd: leave it out, or set managed: false")
        return self

    @property
    def is_managed(self) -> bool:
        """Whether we run this knotd."""
        return self.control_socket is None if self.managed is None else self.managed

    def told(self, name: str, data_dir: Path) -> str:
        """One line for `dadns check`: what this backend will talk to."""
        socket = self.layout(name, data_dir).socket
        return f"{name}: external knotd, control socket {socket}" + ("" if socket.exists() else " (not there)")

    def layout(self, name: str, data_dir: Path) -> KnotLayout:
        """The paths and addresses of the backend."""
        folder = (data_dir / "backends" / name).resolve()
        if self.is_managed:
            socket = folder / "run" / "knot.sock"
            servers = tuple(ServerAddress(host=reachable(address), port=self.port) for address in self.listen[:1])
        else:
            socket = self.control_socket or DEBIAN_SOCKET
            servers = (ServerAddress(host="127.0.0.1", port=53),)
        return KnotLayout(
            folder=folder,
            zones_dir=(self.zones_dir or folder / "zones").resolve(),
            socket=socket,
            listen=self.listen,
            port=self.port,
            servers=self.servers(*servers),
            run_as=self.run_as if self.run_as is not None else "auto",
        )
