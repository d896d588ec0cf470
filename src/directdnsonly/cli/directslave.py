"""Import from DirectSlave: its list of domains with their masters, each zone by AXFR from its master or from named's files.

DirectSlave (3.x) keeps in `etc/directslave.conf` where its list is (`named_conf`, an include file of secondary zones), where named
stores what it has transferred (`named_workdir`), and in which form (`named_format`). It knows masters, no users. Reads, changes nothing.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from directdnsonly.cli.named_conf import Broken, Word, bare, block_of, is_whole, statements, value_of, words_of
from directdnsonly.cli.sources import Found, Left, NothingToImport, Source, only_once
from directdnsonly.errors import PushRefused
from directdnsonly.verify.content import read_zone
from directdnsonly.verify.transfer import TransferRefused
from directdnsonly.zone.name import ZoneName

CONF: Final = "directslave.conf"
SECONDARY: Final = ("slave", "secondary")
MASTERS: Final = ("masters", "primaries")
DNS_PORT: Final = 53
STALL_S: Final = 10.0  # for which nothing may come of a transfer
AT_ONCE: Final = 4  # transfers; named lets out ten by itself, and its secondaries need some


@dataclass(frozen=True, slots=True)
class Master:
    """The address and port from which a zone is transferred."""

    host: str
    port: int = DNS_PORT

    def __str__(self) -> str:
        """`host` or `host#port`, as dig writes it."""
        return self.host if self.port == DNS_PORT else f"{self.host}#{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transferred(Found):
    """A zone of the list, fetched from its master when it is read."""

    masters: tuple[Master, ...]

    @property
    def place(self) -> str:
        """Where it stands, for people."""
        return f"{self.zone} at {', '.join(map(str, self.masters))}"

    def read(self) -> bytes:
        """The zone by AXFR from the first master that grants it. Raises OSError with each master's answer. Not in an event loop."""
        reasons = []
        for master in self.masters:
            try:
                return asyncio.run(_transfer(self.zone, master))
            except TransferRefused as error:
                reasons.append(f"{master} answers {error}: allow the transfer from this machine, or use --files")
            except (OSError, PushRefused) as error:
                reasons.append(f"{master}: {error}")
        raise OSError(f"no transfer: {'; '.join(reasons)}")


async def _transfer(zone: str, master: Master) -> bytes:
    records = await read_zone(master.host, master.port, ZoneName.parse(zone), stall_s=STALL_S)
    return "".join(f"{one.owner} {one.ttl} IN {one.type} {one.rdata}\n" for one in records).encode()


def zones_of(folder: Path, *, owners: Mapping[str, str], files: bool = False) -> Source:
    """Every zone of the list. `owners`: DirectAdmin host names by master address; `files`: read named's stored files instead.

    Raises NothingToImport.
    """
    conf = next((file for file in (folder, folder / "etc" / CONF, folder / CONF) if file.is_file()), None)
    if conf is None:
        raise NothingToImport(
            f"{folder} holds no etc/{CONF}: give DirectSlave's folder, usually /usr/local/directslave"
        )
    try:
        told = _settings(conf.read_text(encoding="utf-8"))
        if "named_conf" not in told:
            raise NothingToImport(
                f"{conf} does not set named_conf: it is not DirectSlave's configuration, or only a part of it"
            )
        listed = _there(Path(told["named_conf"]), folder)
        words = words_of(listed.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise NothingToImport(f"the list cannot be read: {error}") from error
    read = _statements(words, listed)
    workdir = _there(Path(told.get("named_workdir", ".")), folder) if files else None
    binary = told.get("named_format", "text") != "text"
    found = [_zone(one, owners, workdir, binary=binary) for one in read if one[0] == "zone"]
    if not found:
        raise NothingToImport(f"{listed} lists no zones")
    return only_once(found)


def _statements(words: Sequence[Word], listed: Path) -> Sequence[Sequence[str]]:
    """The whole list or nothing: half a list would look like deleted zones. Raises NothingToImport."""
    if not is_whole(words):
        raise NothingToImport(f"{listed} ends in the middle of a zone: nothing is imported from it")
    read: list[Sequence[str]] = []
    for one in statements(words):
        if isinstance(one, Broken):
            raise NothingToImport(f"{listed}, line {one.line}: {one.reason}: nothing is imported from it")
        read.append(one)
    return read


def _settings(text: str) -> dict[str, str]:
    """The settings of directslave.conf: a key and its value on each line."""
    lines = (line.split(maxsplit=1) for line in text.splitlines() if not line.lstrip().startswith("#"))
    return {line[0]: line[1].strip() for line in lines if len(line) > 1}


def _there(place: Path, folder: Path) -> Path:
    """A configured path; if the folder is a copy, the same path or file name looked up below it."""
    copies = (place, folder / str(place).lstrip("/"), folder / place.name)
    return next((one for one in copies if one.exists()), place)


def _zone(statement: Sequence[str], owners: Mapping[str, str], workdir: Path | None, *, binary: bool) -> Found | Left:
    name = bare(statement[1]) if len(statement) > 1 else ""
    kind = value_of(statement, "type")
    if kind not in SECONDARY:
        return Left(place=f"zone {name}", reason=f"its type is {kind or 'not given'}, not secondary", wrong=False)
    try:
        masters = tuple(_masters(block_of(statement, MASTERS)))
    except ValueError as error:
        return Left(place=f"zone {name}", reason=str(error))
    if not masters:
        return Left(place=f"zone {name}", reason="it has no master")
    hostname = next((owners[one.host] for one in masters if one.host in owners), "")
    if workdir is None:
        return Transferred(zone=name, masters=masters, hostname=hostname)
    file = workdir / Path(value_of(statement, "file") or f"{name}.db").name
    if binary:
        return Left(
            place=str(file), reason="it is in named's binary format: transfer the zones instead, without --files"
        )
    return (
        Found(zone=name, file=file, hostname=hostname)
        if file.is_file()
        else Left(place=str(file), reason="it does not exist")
    )


def _masters(words: Sequence[str]) -> Iterator[Master]:
    """Masters by address and port. Raises ValueError for one that we cannot transfer from."""
    for item in " ".join(words).split(";"):
        parts = item.split()
        if not parts:
            continue
        try:
            host = str(ipaddress.ip_address(bare(parts[0])))
        except ValueError:
            raise ValueError(f"its master {bare(parts[0])} is the name of a list, not an address") from None
        rest = dict(zip(parts[1::2], parts[2::2], strict=False))
        if set(rest) - {"port"} or not rest.get("port", "53").isdigit():
            raise ValueError(f"its master {host} requires {' '.join(parts[1:])}, which we cannot provide")
        yield Master(host, int(rest.get("port", "53")))
