"""The bundled NSD: its configuration, the list of its zones, and how it is started."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from directdnsonly.nameservers import account, note


class NsdLayout(Protocol):
    """The paths and addresses of a bundled NSD, made by the backend's settings."""

    @property
    def folder(self) -> Path: ...  # noqa: D102
    @property
    def zones_dir(self) -> Path: ...  # noqa: D102
    @property
    def pattern(self) -> str: ...  # noqa: D102
    @property
    def odd_pattern(self) -> str: ...  # noqa: D102
    @property
    def listen(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def port(self) -> int: ...  # noqa: D102
    @property
    def run_as(self) -> str: ...  # noqa: D102
    def zones(self) -> Iterable[tuple[str, bool]]: ...  # noqa: D102


class Nsd:
    """An NSD of our own, as the supervisor runs it. `layout.zones` gives each zone that has a file, and whether it needs the pattern of odd names."""

    kind = "nsd"
    package = "nsd"

    def __init__(
        self,
        *,
        name: str,
        layout: NsdLayout,
        rate_limit: int,
        notify: Sequence[str],
        allow_transfer: Sequence[str],
        hang_s: float = account.HANG_S,
    ) -> None:
        self._name = name
        self._layout = layout
        self._rate_limit = rate_limit
        self._notify = notify
        self._allow_transfer = allow_transfer
        self.hang_s = hang_s
        self.host, self.port = account.loopback(layout.listen[0]), layout.port
        self.log_file = layout.folder / "run" / "nsd.log"
        self.pid_file = layout.folder / "run" / "nsd.pid"
        self.note_file = layout.folder / note.NAME
        self.marker = str(layout.folder / "nsd.conf")

    def configuration(self) -> str:
        """Blocking: the text of its configuration as a start would write it now. Writes nothing."""
        return self._configuration(_version(self.version()))

    def version(self) -> str:
        """Blocking: of the program that is installed, as it calls itself."""
        return account.version_of(account.require("nsd", package=self.package, backend=self._name), "-v")

    def prepare(self) -> None:
        """Blocking: folders, keys, configuration. Raises ConfigError when it cannot run.

        The list of zones is made from the files, so that each of them is served from the start.
        """
        account.require("nsd", package=self.package, backend=self._name)
        folder, zones_dir = self._layout.folder, self._layout.zones_dir
        for part in (folder, folder / "run", folder / "state", zones_dir):
            part.mkdir(parents=True, exist_ok=True)
        account.fits_socket(folder / "run" / "nsd.ctl", backend=self._name)
        account.rotate(self.log_file)
        layout = self._layout
        with (folder / "state" / "zone.list").open("w", encoding="ascii") as out:
            out.write("# NSD zone list\n# name pattern\n")
            for name, odd in self._layout.zones():
                out.write(f"add {name} {layout.odd_pattern if odd else layout.pattern}\n")
        conf = folder / "nsd.conf"
        conf.write_text(self.configuration(), encoding="utf-8")
        if user := self._user():
            for part in (folder / "run", folder / "state"):
                account.give(part, user)
            zones_dir.chmod(0o755)
        if checker := account.find("nsd-checkconf"):
            account.check([checker, str(conf)], backend=self._name, what="nsd")

    def command(self) -> Sequence[str]:
        """Program and arguments; it must stay in the foreground."""
        program = account.require("nsd", package=self.package, backend=self._name)
        return [program, "-d", "-c", str(self._layout.folder / "nsd.conf")]

    def says_started(self, log: bytes) -> bool:
        """Whether these lines of its log tell that it answers. nsd says so when every zone is loaded."""
        return b"nsd started (NSD" in log

    def _user(self) -> str:
        return account.drop_to(self._layout.run_as, ("nsd",), self._layout.folder)

    def _configuration(self, version: tuple[int, int]) -> str:
        layout, folder = self._layout, self._layout.folder
        addresses = "".join(f"  ip-address: {address}@{layout.port}\n" for address in layout.listen)
        v6 = any(":" in address for address in layout.listen)
        peers = dict.fromkeys(("127.0.0.1", "::1", *layout.listen, *self._allow_transfer))
        peers.pop("0.0.0.0", None)  # noqa: S104 - not bound here
        peers.pop("::", None)
        common = "".join(f"  provide-xfr: {peer} NOKEY\n" for peer in peers)
        common += "".join(f"  notify: {peer} NOKEY\n" for peer in self._notify)
        return f"""# Written by directdnsonly at each start; changes here are lost.
server:
{addresses}  port: {layout.port}
  do-ip6: {"yes" if v6 else "no"}
  server-count: 1
  tcp-count: 500
  username: "{self._user()}"
  chroot: ""
  zonesdir: "{layout.zones_dir}"
{'  database: ""' if version < (4, 7) else ""}
  zonelistfile: "{folder}/state/zone.list"
  xfrdfile: "{folder}/state/xfrd.state"
  xfrdir: "{folder}/state"
  pidfile: "{folder}/run/nsd.pid"
  logfile: "{folder}/run/nsd.log"
  zonefiles-check: yes
  zonefiles-write: 0
  hide-version: yes
  rrl-ratelimit: {self._rate_limit}
remote-control:
  control-enable: yes
  control-interface: {folder}/run/nsd.ctl
pattern:
  name: "{layout.pattern}"
  zonefile: "%s.db"
{common}pattern:
  name: "{layout.odd_pattern}"
  zonefile: "names/%s"
{common}"""


def _version(text: str) -> tuple[int, int]:
    found = re.match(r"(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else (4, 7)
