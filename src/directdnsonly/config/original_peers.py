"""The original's `peer_sync`, as peers, their interval and a credential of ours. Pure.

There any instance believed another one's list of zones, over HTTP too. Here a peer's answer is compared by what each side has
had; over HTTP to another machine none is asked, as its password would be read on the way.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from directdnsonly.networks import is_loopback

USERNAME: Final = "peersync"  # the original's default, of both sides
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_.-]+")


@dataclass(slots=True)
class PeerSync:
    """What becomes of the section. `notes` and `problems`: of one of its keys each."""

    peers: list[dict[str, Any]] = field(default_factory=list)
    interval_s: float | None = None
    credential: dict[str, Any] | None = None
    notes: list[tuple[str, str, str]] = field(default_factory=list)  # key, what, what to do
    problems: list[tuple[str, str]] = field(default_factory=list)


def convert(values: Mapping[str, Any]) -> PeerSync:
    """Of a section that is enabled."""
    done = PeerSync()
    for key, entry in _entries(values, done):
        _one(key, entry, done)
    _interval(values.get("interval_minutes"), done)
    _credential(values, done)
    if not done.peers and not done.notes and not done.problems:
        done.notes.append(("peers", "names no peer", "peers: docs/peers.md"))
    return done


def _entries(values: Mapping[str, Any], done: PeerSync) -> Iterator[tuple[str, Any]]:
    listed = values.get("peers") or []
    if isinstance(listed, str):  # of a variable
        try:
            listed = json.loads(listed)
        except ValueError:
            listed = None
    if not isinstance(listed, list):
        done.problems.append(("peers", "is not a list of peers"))
        listed = []
    for number, entry in enumerate(listed):
        yield f"peers.{number}", entry
    if url := values.get("peer_url"):
        yield (
            "peer_url",
            {"url": url, "username": values.get("peer_username"), "password": values.get("peer_password")},
        )


def _one(key: str, entry: Any, done: PeerSync) -> None:
    url = entry.get("url") if isinstance(entry, Mapping) else None
    if not isinstance(entry, Mapping) or not isinstance(url, str) or not url:
        done.problems.append((key, "names no url"))
        return
    try:
        split = urlsplit(url)
        host = split.hostname or ""
    except ValueError:
        host, split = "", urlsplit("")
    if not host:
        done.problems.append((key, "its url must be https://host:port"))
    elif split.scheme == "http" and not is_loopback(host):
        what = f"{host} is not asked: its password could be read on the way"
        done.notes.append((key, what, "serve HTTPS there (app.tls_certificate) and write https://"))
    else:
        peer = {"name": _name(host, done), "url": url, "username": str(entry.get("username") or USERNAME)}
        done.peers.append({**peer, "password": str(entry.get("password") or "")})


def _name(host: str, done: PeerSync) -> str:
    """The host, as a name that no peer has yet."""
    plain = _NOT_IN_A_NAME.sub("-", host).strip("-_.")[:50] or "peer"
    taken = {one["name"] for one in done.peers}
    return next(name for name in (plain, *(f"{plain}-{count}" for count in range(2, 10_000))) if name not in taken)


def _interval(minutes: Any, done: PeerSync) -> None:
    if minutes is None:
        return
    try:
        done.interval_s = float(minutes) * 60
    except (TypeError, ValueError):
        done.problems.append(("interval_minutes", "must be a number of minutes"))


def _credential(values: Mapping[str, Any], done: PeerSync) -> None:
    """By which others ask this instance."""
    password = values.get("auth_password")
    if password in (None, "", "changeme"):
        if "auth_username" in values or password is not None:
            done.notes.append(
                ("auth_password", "is the default or empty: no peer may ask this instance by it", "choose one")
            )
        return
    done.credential = {"name": str(values.get("auth_username") or USERNAME), "password": str(password)}
    done.credential["roles"] = ["peer"]
