"""The bundled BIND: its configuration, and how it is started.

Everything lies in one folder that we own. (Debian's AppArmor profile, where it is active, lets named read only its own
folders: add this one to /etc/apparmor.d/local/usr.sbin.named.)
"""

from __future__ import annotations

import base64
import contextlib
import ipaddress
import os
import re
import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from directdnsonly.backends.bind.judging import Version, options_of, version_of
from directdnsonly.nameservers import account, note


class NamedLayout(Protocol):
    """The paths and addresses of a bundled named, made by the backend's settings."""

    @property
    def folder(self) -> Path: ...  # noqa: D102
    @property
    def zones_dir(self) -> Path: ...  # noqa: D102
    @property
    def control_port(self) -> int: ...  # noqa: D102
    @property
    def listen(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def port(self) -> int: ...  # noqa: D102
    @property
    def run_as(self) -> str: ...  # noqa: D102
    def zones(self) -> Iterable[tuple[str, Path]]: ...  # noqa: D102


class Named:
    """A bundled named, as the supervisor runs it."""

    kind = "named"
    package = "bind9"

    def __init__(
        self,
        *,
        name: str,
        layout: NamedLayout,
        notify: bool,
        allow_transfer: Sequence[str],
        hang_s: float = account.HANG_S,
    ) -> None:
        self._name = name
        self._layout = layout
        self._notify = notify
        self._allow_transfer = allow_transfer
        self.hang_s = hang_s
        self.host, self.port = account.loopback(layout.listen[0]), layout.port
        self.log_file = layout.folder / "run" / "named.log"
        self.pid_file = layout.folder / "run" / "named.pid"
        self.note_file = layout.folder / note.NAME
        self.marker = str(layout.folder / "named.conf")

    def configuration(self) -> str:
        """Blocking: the text of its configuration as a start would write it now. Writes nothing."""
        program = account.require("named", package=self.package, backend=self._name)
        return self._configuration(self._key(), version_of(program))

    def version(self) -> str:
        """Blocking: of the program that is installed, as it calls itself."""
        return account.version_of(account.require("named", package=self.package, backend=self._name), "-v")

    def prepare(self) -> None:
        """Blocking: folders, keys, configuration. Raises ConfigError when it cannot run."""
        program = account.require("named", package=self.package, backend=self._name)
        folder = self._layout.folder
        for part in (folder, folder / "run", folder / "nzd", self._layout.zones_dir):
            part.mkdir(parents=True, exist_ok=True)
        self._make_key()
        conf = folder / "named.conf"
        self._forget_other_files(conf)
        conf.write_text(self._configuration(self._key(), version_of(program)), encoding="utf-8")
        conf.chmod(0o640)
        self._list_zones(folder / "nzd")
        if user := self._user():
            for part in (folder / "run", folder / "nzd"):
                account.give(part, user)
            for file in (conf, folder / "rndc.key"):
                account.let_read(file, user)
            self._layout.zones_dir.chmod(0o755)
        if checker := account.find("named-checkconf"):
            account.check([checker, str(conf)], backend=self._name, what="named")

    def _forget_other_files(self, conf: Path) -> None:
        """Drop named's list of zones where it is of other files: it has the whole path of each, and our folder, or `zones_dir`, was moved.

        named would load none of them, and take none of ours: a zone that is in the list cannot be added.
        """
        with contextlib.suppress(OSError):
            if f"\n{self._place()}\n" not in conf.read_text(encoding="utf-8"):
                for file in (self._layout.folder / "nzd").glob("*.nz[df]*"):
                    file.unlink()

    def _place(self) -> str:
        """The line of the configuration that tells whose files the list of zones means."""
        return f"// Zones are listed in {self._layout.folder}/nzd, their files are in {self._layout.zones_dir}"

    def _list_zones(self, folder: Path) -> None:
        """Where named has no list of its zones yet: one of those that have a file, in the form of its own lists.

        named reads it, and takes it over into its database where it has one (ARM, "new-zones-directory").
        """
        if any(folder.glob("*.nz[df]*")):
            return
        lines = [f'zone "{name}" {{ type primary; file "{path}"; }};\n' for name, path in self._layout.zones()]
        if lines:
            (folder / "_default.nzf").write_text("".join(lines), encoding="utf-8")

    def command(self) -> Sequence[str]:
        """Program and arguments; it must stay in the foreground."""
        program = account.require("named", package=self.package, backend=self._name)
        user = self._user()
        conf = str(self._layout.folder / "named.conf")
        return [program, "-f", "-n", "2", "-c", conf, *(("-u", user) if user else ())]

    def says_started(self, log: bytes) -> bool:
        """Whether these lines of its log tell that it answers. named says so when every zone is loaded."""
        return b": running\n" in log

    def _user(self) -> str:
        return account.drop_to(self._layout.run_as, ("bind", "named"), self._layout.folder)

    def _key(self) -> str:
        """The secret of the control channel; empty before it is made."""
        with contextlib.suppress(OSError):
            text = (self._layout.folder / "rndc.key").read_text(encoding="ascii")
            found = re.search(r'secret "([A-Za-z0-9+/=]+)"', text)
            return found[1] if found else ""
        return ""

    def _make_key(self) -> None:
        """Once; every later start finds it."""
        if self._key():
            return
        secret = base64.b64encode(secrets.token_bytes(32)).decode("ascii")
        handle = os.open(self._layout.folder / "rndc.key", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as out:
            out.write(f'key "directdnsonly" {{ algorithm hmac-sha256; secret "{secret}"; }};\n')

    def _configuration(self, secret: str, version: Version) -> str:
        folder, port = self._layout.folder, self._layout.port
        lock = "  lock-file none;\n" if version < (9, 20, 0) else ""  # newer ones take no lock
        v4 = _address_match_list(address for address in self._layout.listen if ":" not in address)
        v6 = _address_match_list(address for address in self._layout.listen if ":" in address)
        transfer = " ".join(
            f"{address};" for address in ("127.0.0.1", "::1", *self._layout.listen, *self._allow_transfer)
        )
        return f"""// Written by directdnsonly at each start; changes here are lost.
{self._place()}
key "directdnsonly" {{ algorithm hmac-sha256; secret "{secret}"; }};
controls {{ inet 127.0.0.1 port {self._layout.control_port} allow {{ 127.0.0.1; }} keys {{ "directdnsonly"; }}; }};
options {{
  directory "{folder}/run";
  pid-file "{folder}/run/named.pid";
  session-keyfile none;
  managed-keys-directory "{folder}/run";
{lock}{options_of(version)}  listen-on port {port} {{ {v4} }};
  listen-on-v6 port {port} {{ {v6} }};
  recursion no;
  allow-query {{ any; }};
  allow-query-cache {{ none; }};
  allow-transfer {{ {transfer} }};
  notify {"yes" if self._notify else "no"};
  dnssec-validation no;
  empty-zones-enable no;
  minimal-responses yes;
  version none;
  hostname none;
  server-id none;
  allow-new-zones yes;
  new-zones-directory "{folder}/nzd";
  tcp-clients 500;
}};
logging {{
  channel main {{ file "{folder}/run/named.log" versions 3 size 10m; severity info; print-time iso8601; print-category yes; print-severity yes; }};
  category default {{ main; }};
  category lame-servers {{ null; }};
}};
"""


def build(
    name: str, layout: NamedLayout, *, notify: bool, allow_transfer: Sequence[str], hang_s: float = account.HANG_S
) -> Named:
    """The program of this layout."""
    return Named(name=name, layout=layout, notify=notify, allow_transfer=allow_transfer, hang_s=hang_s)


def _address_match_list(addresses: Iterable[str]) -> str:
    """As in listen-on, where 0.0.0.0 and :: match that one address only; every address is `any`."""
    named = ("any" if ipaddress.ip_interface(one).ip.is_unspecified else one for one in addresses)
    return " ".join(f"{one};" for one in named) or "none;"
