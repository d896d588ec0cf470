"""The bundled Knot DNS: its configuration database, and how it is started."""

from __future__ import annotations

import grp
import pwd
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from directdnsonly.nameservers import account, note


class KnotLayout(Protocol):
    """The paths and addresses of a bundled knotd, made by the backend's settings."""

    @property
    def folder(self) -> Path: ...  # noqa: D102
    @property
    def zones_dir(self) -> Path: ...  # noqa: D102
    @property
    def listen(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def port(self) -> int: ...  # noqa: D102
    @property
    def run_as(self) -> str: ...  # noqa: D102
    def zones(self) -> Iterable[tuple[str, Path]]: ...  # noqa: D102


class Knotd:
    """A knotd of our own, as the supervisor runs it. `layout.zones` gives each zone that has a file, with its path."""

    kind = "knotd"
    package = "knot"

    def __init__(
        self,
        *,
        name: str,
        layout: KnotLayout,
        notify: Sequence[str],
        allow_transfer: Sequence[str],
        hang_s: float = account.HANG_S,
    ) -> None:
        self._name = name
        self._layout = layout
        self._notify = notify
        self._allow_transfer = allow_transfer
        self.hang_s = hang_s
        self.host, self.port = account.loopback(layout.listen[0]), layout.port
        self.log_file = layout.folder / "run" / "knotd.log"
        self.pid_file = layout.folder / "run" / "knot.pid"
        self.note_file = layout.folder / note.NAME
        self.marker = str(layout.folder / "confdb")

    def configuration(self) -> str:
        """Blocking: the text of its configuration as a start would import it now, without its zones. Writes nothing."""
        return self._configuration()

    def version(self) -> str:
        """Blocking: of the program that is installed, as it calls itself."""
        return account.version_of(account.require("knotd", package=self.package, backend=self._name), "-V")

    def prepare(self) -> None:
        """Blocking: folders, keys, configuration. Raises ConfigError when it cannot run.

        The configuration database is made from the files, so that each zone is served from the start.
        """
        account.require("knotd", package=self.package, backend=self._name)
        importer = account.require("knotc", package=self.package, backend=self._name)
        folder = self._layout.folder
        for part in (folder, folder / "run", folder / "db", self._layout.zones_dir):
            part.mkdir(parents=True, exist_ok=True)
        account.fits_socket(folder / "run" / "knot.sock", backend=self._name)
        account.rotate(self.log_file)
        shutil.rmtree(folder / "confdb", ignore_errors=True)
        conf = folder / "knot.conf"
        with conf.open("w", encoding="utf-8") as out:
            out.write(self._configuration())
            for name, path in self._layout.zones():
                file = str(path).replace("%", "%%")  # `%` begins a formatter
                out.write(f'  - domain: "{name}."\n    file: "{file}"\n')
        account.check(
            [importer, "-C", str(folder / "confdb"), "conf-import", str(conf)], backend=self._name, what="knotd"
        )
        if user := self._user():
            for part in (folder / "run", folder / "db", folder / "confdb"):
                account.give(part, user)
            self._layout.zones_dir.chmod(0o755)

    def command(self) -> Sequence[str]:
        """Program and arguments; it must stay in the foreground."""
        program = account.require("knotd", package=self.package, backend=self._name)
        return [program, "-C", str(self._layout.folder / "confdb")]

    def says_started(self, log: bytes) -> bool:
        """Whether these lines of its log tell that it answers. knotd says so when every zone is loaded."""
        return b"server started" in log

    def _user(self) -> str:
        return account.drop_to(self._layout.run_as, ("knot",), self._layout.folder)

    def _configuration(self) -> str:
        layout, folder = self._layout, self._layout.folder
        listen = ", ".join(f'"{address}@{layout.port}"' for address in layout.listen)
        peers = dict.fromkeys(("127.0.0.1", "::1", *layout.listen, *self._allow_transfer))
        peers.pop("0.0.0.0", None)  # noqa: S104 - not bound here
        peers.pop("::", None)
        allowed = ", ".join(f'"{peer}"' for peer in peers)
        remotes = "".join(
            f'  - id: "notify{number}"\n    address: "{peer}"\n' for number, peer in enumerate(self._notify)
        )
        told = ", ".join(f"notify{number}" for number in range(len(self._notify)))
        user = self._user()
        group = grp.getgrgid(pwd.getpwnam(user).pw_gid).gr_name if user else ""
        return f"""# Written by directdnsonly at each start and imported into confdb; changes here are lost.
server:
    rundir: "{folder}/run"
    listen: [{listen}]
{f'    user: "{user}:{group}"' if user else ""}
    version: ""
    identity: ""
control:
    listen: "{folder}/run/knot.sock"
    timeout: 60
log:
  - target: "{folder}/run/knotd.log"
    server: info
    control: warning
    zone: warning
    any: warning
database:
    storage: "{folder}/db"
acl:
  - id: transfer
    address: [{allowed}]
    action: transfer
{"remote:" if remotes else ""}
{remotes}template:
  - id: default
    storage: "{layout.zones_dir}"
    zonefile-load: whole
    zonefile-sync: -1
    journal-content: none
    acl: transfer
{f"    notify: [{told}]" if told else ""}
zone:
"""
