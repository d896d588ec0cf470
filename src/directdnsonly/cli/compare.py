"""`dadns compare`: whether two name servers serve the same content, zone by zone; to run before a switch."""

from __future__ import annotations

import ipaddress
import json
import socket
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Annotated, Any, Final

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from directdnsonly.cli.terminal import ConfigOption, JsonOption, UrlOption, err, run, say
from directdnsonly.cli.zonelists import NoList, Zones, client_of, held, is_there, listed, read_list, stored
from directdnsonly.errors import NameRefused, OutboxUnavailable
from directdnsonly.verify import both
from directdnsonly.verify.both import Patience, Server, Transfer, compare_zone
from directdnsonly.verify.parity import (
    MOST_TOLD,
    Compared,
    Difference,
    How,
    Kind,
    Parity,
    Side,
    Standing,
    Trust,
    exit_code,
    judged,
)
from directdnsonly.wording import counted
from directdnsonly.zone.name import ZoneName

EXIT_UNKNOWN: Final = 2
DNS_PORT: Final = 53
HIGHEST_PORT: Final = 65535
# The worst first; what is only told apart comes last.
ORDER: Final = (
    Parity.NEITHER, Parity.NOT_NEW, Parity.DIFFERENT, Parity.OLDER, Parity.NOT_OLD, Parity.UNKNOWN, Parity.NEWER, Parity.EQUAL,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One of the two servers: as given, and its address."""

    given: str
    host: str
    port: int

    def __str__(self) -> str:
        """As dig writes it; with the name that led there."""
        address = f"{self.host}#{self.port}"
        return address if self.given.startswith((self.host, f"[{self.host}")) else f"{self.given} ({address})"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of the whole run."""

    counts: Counter[Parity]
    how: Counter[How]
    seconds: float


def register(app: typer.Typer) -> None:
    """Add compare to `dadns`."""
    app.command()(compare)


def compare(
    old: Annotated[
        str, typer.Argument(help="The name server that is asked today: ADDRESS, ADDRESS:PORT, or its name.")
    ],
    new: Annotated[str, typer.Argument(help="The one that shall take its place. IPv6 with a port: [ADDRESS]:PORT.")],
    zones: Annotated[
        Path | None, typer.Option("--zones", help="File with a name a line, or a named.conf. /dev/stdin is one, too.")
    ] = None,
    zone: Annotated[list[str] | None, typer.Option("--zone", help="One zone; repeat it.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every zone that we hold.")] = False,
    transfer: Annotated[
        Transfer,
        typer.Option("--transfer", help="Compare whole zones by AXFR: where both allow it, never, or nothing else."),
    ] = Transfer.AUTO,
    ignore_serial: Annotated[
        bool, typer.Option("--ignore-serial", help="Equal records are enough, whichever serial is newer.")
    ] = False,
    at_once: Annotated[int, typer.Option("--at-once", min=1, max=256, help="Zones that are asked for at once.")] = 32,
    timeout: Annotated[float, typer.Option("--timeout", min=0.1, help="Seconds to wait for each DNS answer.")] = 3.0,
    limit: Annotated[int, typer.Option("--limit", min=0, help="Zones that are told one by one; JSON has all.")] = 100,
    url: UrlOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask two name servers for every zone, and tell what differs: the look before a switch.

    Exit code: 0 all is equal (NEW may have newer serials), 1 something differs, is missing or has an older serial, 2 nothing does, but
    something could not be judged.
    """
    if sum((zones is not None, bool(zone), every)) != 1:
        raise typer.BadParameter("say which zones: --zones FILE, --zone NAME or --all")
    try:
        names = read_list(zones) if zones else [ZoneName.parse(name) for name in zone or ()]
    except (NoList, NameRefused) as error:
        raise typer.BadParameter(str(error)) from None
    places = place_of(old), place_of(new)
    if (places[0].host, places[0].port) == (places[1].host, places[1].port):
        raise typer.BadParameter(f"OLD and NEW are the same name server, {places[0]}: it is equal to itself")
    patience = Patience(answer_s=timeout)
    with tempfile.TemporaryFile() as file:
        spool = Spool(file)
        work = _run(places, names, url, config, spool, transfer=transfer, at_once=at_once, patience=patience)
        try:
            trust, seconds = run(work)
        except (NoList, OutboxUnavailable) as error:
            say(str(error), to=err)
            raise typer.Exit(EXIT_UNKNOWN) from None
        counts = Counter(judged(seen, trust, ignore_serial=ignore_serial) for seen in spool)
        counts[Parity.EQUAL] += spool.equal
        outcome = Outcome(counts, spool.how, seconds)
        found = spool.sorted(trust, ignore_serial=ignore_serial)
        if as_json:
            _print_json(places, outcome, found)
        else:
            _print(places, outcome, found, limit=limit)
    raise typer.Exit(exit_code(counts))


def place_of(text: str) -> Place:
    """`192.0.2.1`, `192.0.2.1:5300` (or `#5300`), `2001:db8::1`, `[2001:db8::1]:5300`, `ns1.example.net:53`. Raises BadParameter."""
    host, port = _split(text)
    if not host or not (port.isdigit() and 0 < int(port) <= HIGHEST_PORT):
        raise typer.BadParameter(f"{text!r} is no name server: give ADDRESS, ADDRESS:PORT or [IPV6]:PORT")
    try:
        found = socket.getaddrinfo(host, int(port), type=socket.SOCK_DGRAM)
    except OSError as error:
        raise typer.BadParameter(f"{host!r} leads to no address: {error.strerror}") from None
    except UnicodeError:
        raise typer.BadParameter(f"{host!r} leads to no address: it is not a host name") from None
    return Place(given=text, host=str(found[0][4][0]), port=int(port))


def _split(text: str) -> tuple[str, str]:
    try:
        return str(ipaddress.ip_address(text)), str(DNS_PORT)
    except ValueError:
        pass
    if text.startswith("["):
        host, closed, rest = text[1:].partition("]")
        return (host if closed else ""), rest.lstrip(":#") or str(DNS_PORT)
    mark = "#" if "#" in text else ":"
    host, _, port = text.partition(mark)
    return host, port or str(DNS_PORT)


class Spool:
    """The results of zones that are not plainly equal, kept on disk so that memory does not grow with them."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._end = 0
        self._at: list[int] = []  # where each begins
        self.equal = 0
        self.how: Counter[How] = Counter()

    def add(self, seen: Compared) -> None:
        """Add the result of one zone."""
        self.how[seen.how] += 1
        if judged(seen, Trust(old=False, new=False)) is Parity.EQUAL:
            self.equal += 1
            return
        self._at.append(self._end)
        self._end += self._file.write(json.dumps(asdict(seen)).encode() + b"\n")

    def __iter__(self) -> Iterator[Compared]:
        """In the order in which they came."""
        for place in self._at:
            yield self._read(place)

    def sorted(self, trust: Trust, *, ignore_serial: bool) -> Iterator[tuple[Parity, Compared]]:
        """The results by finding, worst first, and name, without zones that turn out to be equal."""
        keys = []
        for place in self._at:
            seen = self._read(place)
            keys.append((ORDER.index(judged(seen, trust, ignore_serial=ignore_serial)), seen.zone, place))
        for number, _, place in sorted(keys):
            if ORDER[number] is not Parity.EQUAL:
                yield ORDER[number], self._read(place)

    def _read(self, place: int) -> Compared:
        self._file.seek(place)
        return _compared(json.loads(self._file.readline()))


def _compared(kept: dict[str, Any]) -> Compared:
    sides = {key: Side(**kept[key] | {"standing": Standing(kept[key]["standing"])}) for key in ("old", "new")}
    told = tuple(
        Difference(**one | {"kind": Kind(one["kind"]), "old": tuple(one["old"]), "new": tuple(one["new"])})
        for one in kept["differences"]
    )
    return Compared(**kept | sides | {"how": How(kept["how"]), "differences": told})


async def _run(
    places: tuple[Place, Place],
    names: list[ZoneName],
    url: str | None,
    config: Path | None,
    spool: Spool,
    *,
    transfer: Transfer,
    at_once: int,
    patience: Patience,
) -> tuple[Trust, float]:
    """Compare all; which of the servers can be trusted with a REFUSED, and how long it took. Raises NoService, Rejected, ConfigError."""
    began = time.monotonic()
    old, new = (Server(place.host, place.port, patience) for place in places)
    async with AsyncExitStack() as stack:
        found = listed(names) if names else await _held(stack, url, config)
        with _progress(found.count) as progress:
            bar = progress.add_task("compare", total=found.count, bad=0)

            async def one(zone: ZoneName, text: str | None) -> None:
                if text is None and found.text_of is not None:
                    text = await found.text_of(zone)
                spool.add(await compare_zone(zone, old, new, transfer=transfer, text=text))
                progress.update(bar, advance=1, bad=sum(spool.how.values()) - spool.equal)

            await both.run(found.each, one, at_once=at_once)
    return Trust(old=old.has_served, new=new.has_served), time.monotonic() - began


async def _held(stack: AsyncExitStack, url: str | None, config: Path | None) -> Zones:
    """Of the running service; of its store, when it is stopped."""
    client = await stack.enter_async_context(client_of(url, config))
    if url or await is_there(client):
        return await held(client)
    return stored(config)


def _progress(count: int) -> Progress:
    """With the time that is left, on a terminal."""
    columns = (
        TextColumn("comparing"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[bad]} to look at"),
        TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(),
    )  # fmt: skip
    return Progress(*columns, console=err, disable=not err.is_terminal or count < 2)  # noqa: PLR2004


def _print_json(places: tuple[Place, Place], outcome: Outcome, found: Iterable[tuple[Parity, Compared]]) -> None:
    """One object; zones that are equal are counted only. Written piece by piece."""
    head = {
        "old": str(places[0]), "new": str(places[1]), "seconds": round(outcome.seconds, 3),
        "counts": {parity.value: outcome.counts[parity] for parity in ORDER},
        "by_transfer": outcome.how[How.TRANSFER], "by_sample": outcome.how[How.SAMPLE],
    }  # fmt: skip
    print(json.dumps(head, indent=2).removesuffix("\n}") + ',\n  "zones": [', end="")
    mark = "\n    "
    for parity, seen in found:
        print(mark + json.dumps({"finding": parity.value, **asdict(seen)}), end="")
        mark = ",\n    "
    print("\n  ]\n}")


def _print(
    places: tuple[Place, Place], outcome: Outcome, found: Iterable[tuple[Parity, Compared]], *, limit: int
) -> None:
    say(f"OLD is {places[0]}, NEW is {places[1]}; what differs is told as OLD | NEW")
    told: Counter[Parity] = Counter()
    for parity, seen in found:
        if parity is Parity.NEWER:
            continue  # it is counted: nothing is to be done
        told[parity] += 1
        if told[parity] <= limit:
            for line in lines_of(parity, seen):
                say(line)
    for parity, number in told.items():
        if number > limit:
            say(f"{parity}: {number - limit} more (--limit, --json)")
    for line in summary(outcome):
        say(line)


def lines_of(parity: Parity, seen: Compared) -> Iterator[str]:
    """The lines about one zone: the finding, then each RRset that differs."""
    reasons = [f"{name}: {one.reason}" for name, one in (("OLD", seen.old), ("NEW", seen.new)) if one.reason]
    serials = f"serial {_or_dash(seen.old.serial)} | {_or_dash(seen.new.serial)}"
    records = "" if seen.old.records == seen.new.records else f", records {seen.old.records} | {seen.new.records}"
    yield f"{seen.zone}: {parity} ({'; '.join(reasons) or serials + records})"
    for one in seen.differences:
        yield f"  {one.owner} {one.type}: {_half(one.old_ttl, one.old)} | {_half(one.new_ttl, one.new)}"
    if seen.more:
        yield f"  and {counted(seen.more, 'difference')} more, after the first {MOST_TOLD}"


def _half(ttl: int | None, rdata: tuple[str, ...]) -> str:
    return " ".join([*([str(ttl)] if ttl is not None else []), ", ".join(rdata)]) or "-"


def _or_dash(serial: int | None) -> str:
    return "-" if serial is None else str(serial)


def summary(outcome: Outcome) -> Iterator[str]:
    """The last lines: the counts, and how the zones were compared."""
    total = sum(outcome.counts.values())
    counts = ", ".join(f"{outcome.counts[parity]} {parity}" for parity in reversed(ORDER) if outcome.counts[parity])
    yield f"{counted(total, 'zone')} in {outcome.seconds:.1f} s: {counts or 'nothing was compared'}"
    if outcome.counts[Parity.NEWER]:
        yield "newer serial: NEW has the same records and is ahead, so secondaries follow it"
    if outcome.how[How.SAMPLE]:
        yield (
            f"{counted(outcome.how[How.TRANSFER], 'zone')} by transfer, {outcome.how[How.SAMPLE]} by some of their records:"
            " what was not asked for is not compared"
        )
