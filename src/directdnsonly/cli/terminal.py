"""What all commands share: options, exit codes, output to the terminal, and calls to the service."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Coroutine, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import typer
from rich.console import Console
from rich.text import Text

from directdnsonly.cli.client import LONGEST_ANSWER_S, Client, Hangs, NoService, Rejected, find_target
from directdnsonly.config import load
from directdnsonly.errors import ConfigError

T = TypeVar("T")
EXIT_FAILED, EXIT_CONFIG, EXIT_NO_SERVICE, EXIT_INTERRUPTED = 1, 2, 3, 130
EXIT_HANGS: Final = 2
LOOK_S: Final = 10.0
AT_ONCE: Final = 16  # requests of one command
CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
out, err = Console(), Console(stderr=True)

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="Configuration file (default: DADNS_CONFIG, then the usual places).")
]
UrlOption = Annotated[
    str | None, typer.Option("--url", help="URL of the service (default: DADNS_URL, then the configuration).")
]
LookOption = Annotated[
    float, typer.Option("--timeout", min=0.1, help="Longest wait for each answer of the service, in seconds.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def settings_of(config: Path | None) -> Any:
    """The configuration; if it is wrong, prints every problem and exits with code 2."""
    try:
        return load(config)
    except ConfigError as error:
        tell_wrong_configuration(error)
        raise typer.Exit(EXIT_CONFIG) from None


def tell_wrong_configuration(error: ConfigError) -> None:
    """Print every problem of a wrong configuration."""
    where = error.file or "no file found: defaults and environment variables"
    err.print(f"wrong configuration ({where})", style="red", markup=False, highlight=False, soft_wrap=True)
    for problem in error.problems:
        err.print(f"  {problem}", markup=False, highlight=False, soft_wrap=True)


def given_path(text: str) -> Path:
    """The given path. Raises BadParameter if it is empty: an unset variable must not mean the current folder."""
    if not text.strip():
        raise typer.BadParameter("it is empty: name a file or a folder; . is the current folder")
    return Path(text)


def to_people() -> bool:
    """Whether standard output is a terminal; output to a pipe or file is neither wrapped nor cut."""
    return out.file.isatty()


def tell_reasons(backends: Sequence[dict[str, Any]]) -> None:
    """Print why backends are paused or not well, below their table, where lines may be long."""
    for each in backends:
        pause = each.get("pause")
        if each["state"] == "paused" and pause:
            by = f" by {pause['by']}" if pause["by"] else ""
            say(
                f"{each['name']} is paused{by} since {when(pause['at'])}"
                + (f": {pause['reason']}" if pause["reason"] else "")
            )
        elif each["reason"]:
            ask = f" (to ask it now: dadns probe {each['name']})" if each["state"] == "down" else ""
            say(f"{each['name']} is {each['state']}: {each['reason']}{ask}")


def standing_of(place: dict[str, Any]) -> str:
    """The state of a change on one backend, with the reason; if nobody can be asked for proof, only that."""
    if place["state"] == "stored":
        return str(place["reason"])
    return f"{place['state']}: {place['reason']}" if place["reason"] else str(place["state"])


def say(line: str, *, to: Console | None = None) -> None:
    """Print one line verbatim: no markup, no wrapping, no control characters."""
    (to or out).print(Text(CONTROL.sub("?", line)), soft_wrap=True)


def run(work: Coroutine[Any, Any, T]) -> T:
    """The result of a request to the service; on failure prints the error and exits with the documented code."""
    try:
        return asyncio.run(work)
    except ConfigError as error:
        tell_wrong_configuration(error)
        say("or say where the service is: --url or DADNS_URL, with DADNS_USERNAME and DADNS_PASSWORD", to=err)
        raise typer.Exit(EXIT_CONFIG) from None
    except NoService as error:
        say(str(error), to=err)
        raise typer.Exit(EXIT_HANGS if isinstance(error, Hangs) else EXIT_NO_SERVICE) from None
    except Rejected as error:
        say(str(error), to=err)
        raise typer.Exit(EXIT_FAILED) from None
    except KeyboardInterrupt:
        raise typer.Exit(EXIT_INTERRUPTED) from None


async def call(
    url: str | None, config: Path | None, method: str, path: str, *, limit_s: float = LONGEST_ANSWER_S
) -> Any:
    """Send one request to the service; returns its decoded answer."""
    async with Client(find_target(url, config), limit_s=limit_s) as client:
        return await client.call(method, path)


async def fetch_items(
    url: str | None, config: Path | None, path: str, *, limit_s: float, most: int | None = None, **query: Any
) -> list[Any]:
    """The entries of one of the service's lists: `most` of them, or all."""
    async with Client(find_target(url, config), limit_s=limit_s) as client:
        return await client.items(path, most=most, **query)


async def fetch(url: str | None, config: Path | None, path: str, *, limit_s: float) -> Any:
    """The decoded answer to a GET."""
    return await call(url, config, "GET", path, limit_s=limit_s)


def short_id(version_id: str) -> str:
    """A version id for people: its first twelve digits, and how often the same was pushed again."""
    again = int(version_id[-4:] or "0", 16)
    return version_id[:12] + (f"+{again}" if again else "")


def when(moment: str | None) -> str:
    """A timestamp of the API in this machine's time zone."""
    return datetime.fromisoformat(moment).astimezone().strftime("%Y-%m-%d %H:%M:%S") if moment else ""


def moment_of(text: str) -> str:
    """A point in time for the API: `30m`, `24h`, `7d` mean that long ago; anything else is passed on as it is."""
    found = re.fullmatch(r"(\d{1,6})([mhd])", text)
    if found is None:
        return text
    ago = int(found[1]) * {"m": 60, "h": 3600, "d": 86_400}[found[2]]
    return datetime.fromtimestamp(time.time() - ago, UTC).isoformat(timespec="seconds")


def with_line(text: str, line: int) -> str:
    """`text` preceded by its line in the zone file; line 0 means that it concerns none."""
    return f"line {line}: {text}" if line else text


def tell_warnings(warnings: Iterable[dict[str, Any]], *, to: Console | None = None, zone: str = "") -> None:
    """Print a zone's warnings, one per line, indented below it or preceded by its name."""
    for each in warnings:
        head = f"{zone}: warning" if zone else "  warning"
        say(f"{head}: {with_line(each['text'], each['line'])} (rule {each['rule']})", to=to)


def tell_refusal(zone: str, reason: str, faults: Sequence[dict[str, Any]] = ()) -> None:
    """Print why a zone was refused: the first reason after its name, the others below."""
    say(f"{zone}: refused: {reason}", to=err)
    for each in faults[1:]:
        say(f"  also: {with_line(each['reason'], each['line'])} (rule {each['rule']})", to=err)
