"""Checks across keys: the default password on a public address, no backend, two backends in one place."""

from __future__ import annotations

import difflib
import ipaddress
import itertools
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from directdnsonly.door.settings import AppSettings
from directdnsonly.door.tls import make_context, why_unusable
from directdnsonly.errors import ConfigProblem
from directdnsonly.networks import is_loopback

DEFAULT_PASSWORDS = frozenset({"", "changeme"})
ANY_ADDRESS = {4: "0.0.0.0", 6: "::"}  # noqa: S104 - compared, not bound


def door(app: AppSettings) -> Iterator[ConfigProblem]:
    """Refuse a well-known password unless we listen on loopback only."""
    if app.auth_password.get_secret_value().strip() in DEFAULT_PASSWORDS and not is_loopback(app.listen_host):
        yield ConfigProblem(
            "app.auth_password",
            f"is the default or empty, and {app.listen_host} can be reached from outside",
            "set DADNS_APP_AUTH_PASSWORD, or listen on 127.0.0.1",
        )


def credentials(app: AppSettings) -> Iterator[ConfigProblem]:
    """Check that each user name occurs once, and that no password is well known."""
    seen = {app.auth_username}
    for number, one in enumerate(app.credentials):
        if one.name in seen:
            yield ConfigProblem(f"app.credentials.{number}.name", f"{one.name!r} occurs twice")
        seen.add(one.name)
        weak = one.password is not None and one.password.get_secret_value().strip() in DEFAULT_PASSWORDS
        if weak and not is_loopback(app.listen_host):
            yield ConfigProblem(
                f"app.credentials.{number}.password", f"is a default or empty, and {app.listen_host} can be reached"
            )


def tls(app: AppSettings) -> Iterator[ConfigProblem]:
    """Check that certificate and key are both given, readable, and match."""
    if (app.tls_certificate is None) != (app.tls_key is None):
        yield ConfigProblem("app.tls_key", "and app.tls_certificate are only valid together")
    elif app.tls_certificate is not None and app.tls_key is not None:
        unreadable = [
            *_unreadable("app.tls_certificate", app.tls_certificate),
            *_unreadable("app.tls_key", app.tls_key),
        ]
        yield from unreadable
        if not unreadable:
            try:
                make_context(app.tls_certificate, app.tls_key)
            except OSError as error:
                yield ConfigProblem("app.tls_certificate", f"cannot be used with app.tls_key: {why_unusable(error)}")


def _unreadable(key: str, file: Path) -> Iterator[ConfigProblem]:
    try:
        file.read_bytes()
    except OSError as error:
        yield ConfigProblem(key, f"{file} cannot be read: {error.strerror}")


def somewhere_to_go(enabled: Collection[str], default: str | None, broken: Collection[str]) -> Iterator[ConfigProblem]:
    """Check that a backend is enabled; otherwise pushes would be acknowledged and never served. `broken`: backends already reported."""
    if not enabled and not broken:
        yield ConfigProblem("dns.backends", "no backend is enabled: pushes would go nowhere", "set enabled: true")
    if default is not None and default not in enabled and default not in broken:
        near = difflib.get_close_matches(default, enabled, n=1)
        hint = f"did you mean {near[0]}?" if near else ""
        yield ConfigProblem("dns.default_backend", f"{default!r} is no enabled backend", hint)


def apart(enabled: Mapping[str, Any], app: AppSettings | None) -> Iterator[ConfigProblem]:
    """Check that no two backends share a place, and that no name server uses our own port."""
    for (one, first), (other, second) in itertools.combinations(enabled.items(), 2):
        for key in ("zones_dir", "named_conf"):
            here, there = getattr(first, key, None), getattr(second, key, None)
            if here is not None and there is not None and here.resolve() == there.resolve():
                yield ConfigProblem(f"dns.backends.{other}", f"shares its {key} with {one}")
        if any(_meet(a, b) for a in _bound(first) for b in _bound(second)):
            hint = "give one of them another port, or enabled: false"
            yield ConfigProblem(f"dns.backends.{other}", f"shares its port with {one}", hint)
    for name, backend in enabled.items():
        if app is not None and any(_meet(place, (app.listen_host, app.listen_port)) for place in _bound(backend)):
            yield ConfigProblem(f"dns.backends.{name}.port", "is the port on which pushes are accepted")


def _bound(backend: Any) -> list[tuple[str, int]]:
    """The addresses and ports that a backend's own name server listens on."""
    if not getattr(backend, "is_managed", False):
        return []
    return [(address, backend.port) for address in backend.listen]


def _meet(one: tuple[str, int], other: tuple[str, int]) -> bool:
    if one[1] != other[1]:
        return False
    try:
        here, there = ipaddress.ip_address(one[0]), ipaddress.ip_address(other[0])
    except ValueError:
        return one[0] == other[0]
    any_address = ANY_ADDRESS[here.version]
    return here.version == there.version and (here == there or any_address in (str(here), str(there)))
