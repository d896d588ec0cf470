"""python -m tests.upgrade fill FOLDER ZONES BACKEND... | judge FOLDER RELEASE | compare FOLDER TITLE

`fill` starts a service, gives it zones of every kind, and notes what each name server serves. `judge` asks, with the old
release still there, which zones the next would not load. `compare` starts the same folder on the next one: every zone must be
served as before, or have been named; then zones are changed and deleted. Exit code 1, with the zones, where that is not so.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bench.load import delete, drive, push_blocking, rawsave, zone_text

from tests.upgrade.installation import Installation, found, made
from tests.upgrade.serving import served
from tests.upgrade.zones import HEAD, LEAST_PLAIN, SERIAL, Given, plain, special

FATES = ("pinned", "held", "deleted", "history")  # of every tenth of the plain ones, each; the rest just stands
VERSIONS = 5  # of a zone with a history


def fill(folder: Path, count: int, backends: Sequence[str]) -> None:
    """A new installation with that many zones; what it serves is written down."""
    odd = list(special())
    whole = odd + list(plain(max(count - len(odd), LEAST_PLAIN)))
    installation = made(folder, backends)
    with installation.running():
        refused = _push_each(installation, [one for one in whole if one.kind != "plain"])
        many = [one for one in whole if one.kind == "plain"]
        asyncio.run(drive(installation.port, (_push(one.zone, one.text, kept=True) for one in many), clients=4, keep_alive=True))  # fmt: skip
        fates = _lead_lives(installation, [one.zone for one in many])
        installation.wait_settled()
        taken = [one for one in whole if one.zone not in refused]
        _note(installation, {"zones": {one.zone: fates.get(one.zone, one.kind) for one in taken}})
    print(f"| zones | {len(taken)} ({_counted(taken, fates)}); refused at the door: {len(refused)} odd ones |")


def _push(zone: str, text: bytes, *, kept: bool = False) -> bytes:
    return rawsave(quote(zone, safe=""), text, keep_alive=kept)


def _push_each(installation: Installation, zones: Sequence[Given]) -> dict[str, str]:
    """One by one; those that are refused, with the reason."""
    refused = {}
    for one in zones:
        try:
            push_blocking(installation.port, _push(one.zone, one.text))
        except RuntimeError as error:
            refused[one.zone] = str(error)
    return refused


def _lead_lives(installation: Installation, zones: Sequence[str]) -> dict[str, str]:
    """Some are pinned, held back, deleted, or changed several times; by zone, which."""
    fates = {zone: FATES[number % 10] for number, zone in enumerate(zones) if number % 10 < len(FATES)}
    installation.wait_settled()
    for zone, fate in fates.items():
        if fate == "pinned":
            installation.ask(f"zones/{zone}/pin", method="PUT")
        if fate == "deleted":
            push_blocking(installation.port, delete(zone))
        elif fate == "held":
            push_blocking(installation.port, _push(zone, HEAD.replace(str(SERIAL), str(SERIAL + 1)).encode()))
        else:
            for number in range(1, VERSIONS):
                push_blocking(installation.port, _push(zone, _changed(zone, number)))
    return fates


def _changed(zone: str, number: int) -> bytes:
    return zone_text(zone, SERIAL + number, address=f"198.51.{number // 250}.{number % 250}")


def judge(folder: Path, release: str) -> None:
    """The service is stopped; what `dadns check --against` says is written down."""
    installation = found(folder)
    named = installation.named_before(release)
    _write(installation, _noted(installation) | {"named": named})
    print(f"| `dadns check --against {release}` names | {_by_backend(named)} |")


def compare(folder: Path, title: str) -> bool:
    """Start it on what is installed now; whether all is served as before, or was named."""
    installation = found(folder)
    before = _noted(installation)
    began = time.perf_counter()
    with installation.running() as accepting:
        ready = time.perf_counter() - began
        print(f"| **{title}**: pushes accepted, every name server there | {accepting:.1f} s, {ready:.1f} s |")
        faults = _differences(installation, before, "at once")
        installation.wait_settled()
        faults += _differences(installation, before, "when all was swept")
        kept = installation.kept()
        faults += [f"the store: {key} are others" for key in kept if kept[key] != before["kept"][key]]
        faults += _changeable(installation, before)
        _note(installation, {"zones": before["zones"]})
    for fault in faults:
        print(fault, file=sys.stderr)
    return not faults


def _differences(installation: Installation, before: dict[str, Any], when: str) -> list[str]:
    """Lost though not named, named though not lost, or served otherwise."""
    faults = []
    for backend, port in installation.ports.items():
        was, now = before["served"][backend], served(before["served"][backend], port)
        stood = {zone for zone, told in was.items() if _is_served(told)}
        lost = {zone for zone in stood if not _is_served(now[zone])}
        named = stood & set(before["named"].get(backend, ()))
        faults += [f"{when}: {backend} does not serve {zone} ({now[zone]}), not named" for zone in sorted(lost - named)]
        faults += [f"{when}: {backend} serves {zone}, which was named" for zone in sorted(named - lost)]
        other = {zone for zone in stood - lost if now[zone] != was[zone]}
        faults += [f"{when}: {backend}, {zone}: {was[zone]} became {now[zone]}" for zone in sorted(other)]
        gone = {zone for zone, kind in before["zones"].items() if kind == "deleted"}
        faults += [f"{when}: {backend} serves {zone}, which was deleted" for zone in gone if _is_served(now[zone])]
        same = len(stood) - len(other) - len(lost)
        print(
            f"| {backend}, {when} | {same} of {len(stood)} as before, {len(lost)} not served, {len(lost & named)} of these named |"
        )
    return faults


def _changeable(installation: Installation, before: dict[str, Any]) -> list[str]:
    """A change of a plain zone, the delete of another and a new one arrive at every name server."""
    first, second, *_ = (zone for zone, kind in before["zones"].items() if kind == "plain")
    new = f"new-{len(before['zones'])}.plain.example"
    for zone in (first, new):
        push_blocking(installation.port, _push(zone, _changed(zone, len(before["zones"]))))
        before["zones"][zone] = "plain"
    push_blocking(installation.port, delete(second))
    before["zones"][second] = "deleted"
    installation.wait_settled()
    faults = []
    for backend, port in installation.ports.items():
        now = served((first, second, new), port)
        if not _is_served(now[first]) or now[first] == before["served"][backend][first]:
            faults.append(f"{backend}: the change of {first} did not arrive: {now[first]}")
        if _is_served(now[second]) or not _is_served(now[new]):
            faults.append(f"{backend}: deleted {second}: {now[second]}; new {new}: {now[new]}")
    return faults


def _is_served(told: str) -> bool:
    return " " in told  # else the word of an answer: REFUSED, SERVFAIL, NXDOMAIN


def _note(installation: Installation, known: dict[str, Any]) -> None:
    """Beside what is known: what is served, and what the store holds."""
    now = {backend: served(known["zones"], port) for backend, port in installation.ports.items()}
    _write(installation, known | {"served": now, "kept": installation.kept()})


def _write(installation: Installation, noted: dict[str, Any]) -> None:
    (installation.folder / "noted.json").write_text(json.dumps(noted))


def _noted(installation: Installation) -> dict[str, Any]:
    return dict(json.loads((installation.folder / "noted.json").read_text()))


def _counted(zones: Sequence[Given], fates: dict[str, str]) -> str:
    count = Counter(fates.get(one.zone, one.kind) for one in zones)
    return ", ".join(f"{number} {kind}" for kind, number in count.most_common())


def _by_backend(named: dict[str, list[str]]) -> str:
    return "; ".join(f"{backend}: {', '.join(sorted(set(zones)))}" for backend, zones in named.items()) or "none"


def main(words: Sequence[str]) -> int:
    """The exit code."""
    match words:
        case ["fill", folder, count, *backends]:
            fill(Path(folder), int(count), backends)
        case ["judge", folder, release]:
            judge(Path(folder), release)
        case ["compare", folder, title]:
            return 0 if compare(Path(folder), title) else 1
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


sys.exit(main(sys.argv[1:]))
