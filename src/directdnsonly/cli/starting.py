"""Commands for the first day: init, config."""

from __future__ import annotations

import os
import re
import secrets
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from directdnsonly.cli.shipped import CONFIG, EXAMPLE, STARTERS, UNIT, text_of
from directdnsonly.cli.terminal import EXIT_FAILED, ConfigOption, err, given_path, say
from directdnsonly.config import find_file

UNIT_PROGRAM: Final = "/opt/directdnsonly/bin/dadns"  # as the unit in deploy/systemd starts us
HIDDEN_FROM_UNIT: Final = ("/home", "/root", "/run/user", "/tmp", "/var/tmp")  # noqa: S108 - by ProtectHome= and PrivateTmp=
NEXT: Final = """\
Here, on loopback (port 2222, DNS on port 5300):
  dadns check --config {config}
  directdnsonly --config {config}
Where AppArmor confines named, as root: mkdir -p data && sh {at}apparmor/allow-named.sh data
As a service, as root, when listen_host and the backend's listen and port in {config} are those that others reach:
  install -D -m 644 {at}systemd/sysusers.conf /usr/lib/sysusers.d/directdnsonly.conf && systemd-sysusers
  install -D -m 640 -g directdnsonly {config} /etc/directdnsonly/app.yml
  install -D -m 644 {at}systemd/tmpfiles.conf /usr/lib/tmpfiles.d/directdnsonly.conf && systemd-tmpfiles --create
  install -d -m 750 -o directdnsonly -g directdnsonly /var/lib/directdnsonly && sh {at}apparmor/allow-named.sh /var/lib/directdnsonly
  install -m 644 {at}systemd/directdnsonly.service /etc/systemd/system/ && systemctl daemon-reload
  systemctl enable --now directdnsonly
TLS in front: {at}nginx/directdnsonly.conf or {at}caddy/Caddyfile; each line that is yours says CHANGE.
Monitoring: {at}prometheus/ (scrape job, alerts), {at}grafana/ (board)."""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(init)
    app.command("config")(tell_config)


def init(
    place: Annotated[
        str,
        typer.Argument(help="The folder; it is made where it is not there.", metavar="DIR", show_default="this one"),
    ] = ".",
    force: Annotated[
        list[str] | None,
        typer.Option(
            "--force", metavar="FILE", help="Write this one anew, though it is there (config/app.yml); repeat it."
        ),
    ] = None,
) -> None:
    """Write what a new installation needs: configuration with a random password, systemd unit, TLS proxies, monitoring.

    Nothing is written when one of the files is there already with other content, unless --force names it.
    """
    folder, forced = given_path(place), _forced(force or ())
    texts = starters(Path(sys.executable).with_name("dadns"))
    try:
        wanted = {name: text for name, text in texts.items() if not _is_so(folder / name, text)}
        there = [name for name in wanted if os.path.lexists(folder / name) and name not in forced]
        if there:
            _tell_there(folder, there)
            raise typer.Exit(EXIT_FAILED)
        for name, text in wanted.items():
            _write(folder / name, text, mode=0o600 if name == CONFIG else 0o644)
    except OSError as error:
        say(f"not written: {error.filename}: {error.strerror}", to=err)
        raise typer.Exit(EXIT_FAILED) from None
    _tell_written(folder, list(wanted))


def tell_config(
    example: Annotated[
        bool, typer.Option("--example", help="Print an example with every key and its default.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Tell which configuration file is read, or print an example with every key."""
    if example:
        print(text_of(EXAMPLE), end="")
        return
    file = find_file(config, os.environ)
    if file is None:
        say("no configuration file is there: defaults and DADNS_ variables count (dadns init writes one)")
    else:
        say(f"{file.absolute()} is read" + ("" if file.is_file() else ", but it is not there"))
    say("dadns config --example prints every key with its default; dadns check tells every mistake")


def starters(program: Path) -> Mapping[str, str]:
    """What `init` writes, path below the folder and text; the unit starts `program`, the configuration has a password of its own."""
    texts = {name: text_of(source) for name, source in STARTERS.items()}
    texts[UNIT] = texts[UNIT].replace(UNIT_PROGRAM, in_unit(program))
    by = texts[CONFIG].replace("@BY@", "`dadns init`")
    return texts | {CONFIG: by.replace("@PASSWORD@", secrets.token_urlsafe(24))}


def in_unit(program: Path) -> str:
    """A path as the first word of ExecStart= (systemd.service(5), "Command lines"; systemd.unit(5), "Specifiers")."""
    text = str(program).replace("%", "%%")
    if re.fullmatch(r"[\w./+@:%-]+", text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _forced(names: Sequence[str]) -> frozenset[str]:
    given = frozenset(name.removeprefix("./") for name in names)
    if unknown := sorted(given - STARTERS.keys()):
        raise typer.BadParameter(f"{unknown[0]} is none of: {', '.join(STARTERS)}", param_hint="--force")
    return given


def _is_so(file: Path, text: str) -> bool:
    return file.is_file() and file.read_bytes() == text.encode()


def _write(file: Path, text: str, *, mode: int) -> None:
    """The whole file or nothing of it; what was there under this name, a link too, is replaced. Raises OSError."""
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as handle:  # noqa: PTH123 - of a descriptor
            handle.write(text)
        new.replace(file)
    finally:
        new.unlink(missing_ok=True)


def _tell_there(folder: Path, names: Sequence[str]) -> None:
    say(f"nothing was written, since there is already in {folder.absolute()}:", to=err)
    for name in names:
        say(f"  {name}", to=err)
    again = " ".join(f"--force {name}" for name in names)
    say(f"give another folder, or write these anew:  dadns init {shlex.quote(str(folder))} {again}", to=err)


def _tell_written(folder: Path, names: Sequence[str]) -> None:
    for name in names:
        about = "  (random password; only you can read it)" if name == CONFIG else ""
        say(f"wrote {folder / name}{about}")
    if not names:
        say("everything is there already")
    at = "" if folder == Path() else f"{shlex.quote(str(folder))}/"
    say("")
    for line in NEXT.format(at=at, config=f"{at}{CONFIG}").splitlines():
        say(line)
    if any(Path(sys.prefix).is_relative_to(hidden) for hidden in HIDDEN_FROM_UNIT):
        say(
            f"The unit does not see {sys.prefix}: install into an environment below /opt and call its dadns init.",
            to=err,
        )
