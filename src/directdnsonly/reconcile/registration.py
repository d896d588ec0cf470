"""Registers us in a DirectAdmin server's Multi Server Setup. Idempotent: correct settings are left alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from directdnsonly.reconcile.answers import NoList
from directdnsonly.reconcile.directadmin_client import DirectAdminClient

# Zones and domain checks are what we are for; users, mail and statistics we do not have.
SWITCHES: Mapping[str, str] = {
    "dns": "yes",
    "domain_check": "yes",
    "user_check": "no",
    "email": "no",
    "show_all_users": "no",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ourselves:
    """The address, port and credentials by which DirectAdmin reaches us."""

    address: str
    port: int
    username: str
    password: str
    ssl: bool


async def register(client: DirectAdminClient, us: Ourselves) -> list[str]:
    """Register us; returns what was done, one line each, empty if nothing was needed. Raises NoList with the reason."""
    cluster = await client.multi_server()
    done: list[str] = []
    if str(cluster.get("CLUSTER_ON", "")).lower() not in {"yes", "on", "1"}:
        _require(await client.multi_server({"action": "onoff", "cluster": "yes"}), "turn the cluster on")
        done.append("turned Multi Server Setup on")
    entry = _entry(cluster, us.address)
    if entry is None:
        form = {
            "action": "add",
            "ip": us.address,
            "port": str(us.port),
            "user": us.username,
            "passwd": us.password,
            "ssl": _yes(us.ssl),
        }
        _require(await client.multi_server(form), "add us")
        done.append(f"added {us.address} port {us.port}")
        entry = _entry(await client.multi_server(), us.address)
        if entry is None:
            raise NoList(f"it said that {us.address} was added, but does not list it")
    wanted = {"port": str(us.port), "user": us.username, "ssl": _yes(us.ssl), **SWITCHES}
    wrong = {key: value for key, value in wanted.items() if str(entry.get(key, "no")) != value}
    if wrong:
        await _save(client, us, wanted)
        done.append("set " + ", ".join(f"{key}={value}" for key, value in wrong.items()))
    return done


async def _save(client: DirectAdminClient, us: Ourselves, wanted: Mapping[str, str]) -> None:
    """Save our settings and check the result; an empty `passwd` keeps the stored password."""
    form = {"action": "multiple", "save": "yes", "passwd": "", "select0": us.address}
    form |= {f"{key}-{us.address}": value for key, value in wanted.items()}
    _require(await client.multi_server(form), "save our settings")
    entry = _entry(await client.multi_server(), us.address) or {}
    if str(entry.get("dns", "")) != "yes":
        raise NoList("it took the settings, but Zone Transfer is still off: switch it on by hand")


def _entry(cluster: Mapping[str, Any], address: str) -> Mapping[str, Any] | None:
    servers = cluster.get("servers")
    entry = servers.get(address) if isinstance(servers, dict) else None
    return entry if isinstance(entry, dict) else None


def _require(answer: Mapping[str, Any], what: str) -> None:
    """Raise NoList unless the answer to a change says success."""
    if not answer.get("success"):
        raise NoList(
            f"it did not {what}: {str(answer.get('result') or answer.get('error') or 'no reason given')[:200]}"
        )


def _yes(value: bool) -> str:
    return "yes" if value else "no"
