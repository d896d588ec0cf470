"""The client's address behind a reverse proxy: X-Forwarded-For, believed only from trusted proxies."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from directdnsonly.door.place import place_of

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

LONGEST_CHAIN: Final = 32  # addresses; nobody has that many proxies in a row, so what is left of them is a stranger's


def client_address(peer: str, forwarded: Sequence[str], trusted: Sequence[Network]) -> str:
    """The rightmost address of the chain that is not a trusted proxy, which is the last one that a trusted proxy has seen.

    `forwarded` are the values of X-Forwarded-For, in their order. Each proxy appends the address that spoke to it, so
    what stands further left was only claimed. A word that is no address ends the chain: who wrote it is told instead.
    """
    address = _parsed(peer)
    if address is None or not _is_trusted(address, trusted):
        return peer
    chain = [word.strip() for value in forwarded for word in value.split(",") if word.strip()]
    for word in reversed(chain[-LONGEST_CHAIN:]):
        claimed = _parsed(word)
        if claimed is None:
            break
        address = claimed
        if not _is_trusted(address, trusted):
            break
    return str(address)


def is_proxy(peer: str, trusted: Sequence[Network]) -> bool:
    """Whether this is the address of a trusted proxy."""
    address = _parsed(peer) if trusted else None
    return address is not None and _is_trusted(address, trusted)


def networks_of(trusted: Iterable[str]) -> tuple[Network, ...]:
    """The configured addresses and networks, parsed."""
    return tuple(ipaddress.ip_network(network, strict=False) for network in trusted)


class BehindProxies:
    """ASGI middleware that replaces the peer's address by the client's; does nothing without trusted proxies."""

    def __init__(self, app: ASGIApp, trusted: Iterable[str]) -> None:
        self._app = app
        self._trusted = networks_of(trusted)

    def trust(self, trusted: Iterable[str]) -> None:
        """These proxies from now on, and no others."""
        self._trusted = networks_of(trusted)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on, with the client's address."""
        client = scope.get("client")
        if self._trusted and client:
            values = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
            if values:
                scope["client"] = (client_address(client[0], values, self._trusted), client[1])
                place_of(scope).came_from(scope["client"][0])
        await self._app(scope, receive, send)


def _parsed(word: str) -> Address | None:
    """An address as proxies write it: bare, or with its port as `192.0.2.1:4711` or `[2001:db8::1]:4711`."""
    if word.startswith("["):
        word = word[1:].partition("]")[0]
    elif word.count(":") == 1:
        word = word.partition(":")[0]
    try:
        address = ipaddress.ip_address(word)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _is_trusted(address: Address, trusted: Sequence[Network]) -> bool:
    return any(address in network for network in trusted)
