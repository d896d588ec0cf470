"""What a reload would do: every setting is classified, and goes where its own mark says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from directdnsonly.backends.registry import BACKENDS
from directdnsonly.config import Settings, load
from directdnsonly.config.plan import Change, Plan, What, misfits, plan
from directdnsonly.config.settings import section_of
from directdnsonly.config.starter import Starter
from directdnsonly.effect import Effect, effect_of

OTHER = object()  # than any value
BASE = """
app:
  auth_password: s3cret
  listen_host: 127.0.0.1
  credentials:
    - {name: da1, password: first-secret, hostname: s1.example}
    - {name: da2, password: second-secret}
dns:
  backends:
    bind: {port: 5301}
    ns2: {type: powerdns, api_url: "http://127.0.0.1:8081", api_key: k}
reconciliation:
  directadmin_servers:
    - {hostname: s1.example, password: p}
peers:
  - {name: ns2, url: "https://ns2.example", token: t}
"""


@pytest.fixture
def read(tmp_path: Path):
    """Settings of a text; what is replaced in it."""

    def it(*replaced: tuple[str, str]) -> Settings:
        text = BASE
        for old, new in replaced:
            assert old in text
            text = text.replace(old, new)
        file = tmp_path / "app.yml"
        file.write_text(text)
        return load(file, environ={}, starter=Starter.USER)

    return it


def keys_of(model: type[BaseModel], path: str = "") -> Iterator[tuple[str, Any]]:
    """Every setting outside of the backends, with its field."""
    for name, field in model.model_fields.items():
        section = section_of(field.annotation)
        if section is not None:
            yield from keys_of(section, f"{path}{name}.")
        elif f"{path}{name}" != "dns.backends":
            yield f"{path}{name}", field


KEYS = dict(keys_of(Settings))
BACKEND_KEYS = [(kind, key) for kind, backend in BACKENDS.items() for key in backend.settings.model_fields]


def with_other(settings: Any, path: str) -> Any:
    """The same, with another value at that key."""
    head, _, rest = path.partition(".")
    value = with_other(getattr(settings, head), rest) if rest else OTHER
    return settings.model_copy(update={head: value})


@pytest.mark.parametrize("key", KEYS)
def test_every_setting_says_when_it_takes_effect_and_the_plan_obeys(key, read):
    """A setting that does not say so fails here: AtReload or AtRestart, in its type."""
    old = read()

    found = plan(old, with_other(old, key))

    applied = effect_of(KEYS[key]) is Effect.RELOAD
    waits = () if applied else (Change(path=key),)
    if effect_of(KEYS[key]) is Effect.SWITCH:  # it is not set in the base: this sets it
        waits = (Change(path=key),)
    assert waits == found.needs_restart
    assert applied is bool(found.changed)
    assert {one.path for one in found.changed} <= {key}


@pytest.mark.parametrize(("kind", "key"), BACKEND_KEYS)
def test_every_setting_of_a_backend_says_when_it_takes_effect(kind, key):
    """The same for each type of backend."""
    assert effect_of(BACKENDS[kind].settings.model_fields[key]) in {Effect.RELOAD, Effect.BUNDLED}


def told(found: Plan) -> tuple[list[str], list[str]]:
    return [str(one) for one in found.changed], [str(one) for one in found.needs_restart]


def test_nothing_changes_when_nothing_has_changed(read):
    """The same file twice; secrets compare by what they are."""
    assert ([], []) == told(plan(read(), read()))


def test_credentials_and_servers_are_told_by_their_names_and_never_by_a_value(read):
    """Added, removed and changed ones; no password is in the plan's text."""
    new = read(
        ("{name: da1, password: first-secret", "{name: da1, password: other-secret"),
        ("{name: da2, password: second-secret}", "{name: da3, password: third-secret}"),
        ("{hostname: s1.example, password: p}", "{hostname: s2.example, password: p}"),
        ('{name: ns2, url: "https://ns2.example", token: t}', '{name: ns2, url: "https://ns2.example", token: secret}'),
    )

    found = plan(read(), new)

    assert [
        "app.credentials.da1",
        "app.credentials.da2 (removed)",
        "app.credentials.da3 (added)",
        "reconciliation.directadmin_servers.s1.example (removed)",
        "reconciliation.directadmin_servers.s2.example (added)",
        "peers.ns2",
    ] == told(found)[0]
    assert "secret" not in repr(found.changed)
    assert new.app == found.result.app


def test_backends_come_and_go_and_one_that_is_not_enabled_is_none(read):
    """By `enabled`, and by being there at all."""
    gone = read(("bind: {port: 5301}", "bind: {port: 5301, enabled: false}"))
    more = read(("bind: {port: 5301}", "bind: {port: 5301}\n    ns3: {type: nsd, port: 5303}"))

    assert (["dns.backends.bind (removed)"], []) == told(plan(read(), gone))
    assert (["dns.backends.bind (added)"], []) == told(plan(gone, read()))
    assert (["dns.backends.ns3 (added)"], []) == told(plan(read(), more))


def test_what_the_configuration_of_our_own_name_server_holds_waits(read):
    """Its port stays as it is, the rest is applied; of an external one everything is."""
    new = read(
        ("bind: {port: 5301}", "bind: {port: 5302, batch_size: 7, verify: serial}"),
        ('"http://127.0.0.1:8081"', '"http://127.0.0.2:8081"'),
    )

    found = plan(read(), new)

    assert (
        ["dns.backends.bind.verify", "dns.backends.bind.batch_size", "dns.backends.ns2.api_url"],
        ["dns.backends.bind.port"],
    ) == told(found)
    bind = found.result.dns.backends["bind"]
    assert (5301, 7, "serial") == (bind.port, bind.batch_size, bind.verify)


def test_another_name_server_under_the_same_name_waits_whole(read):
    """From ours to an external one, and from one program to another."""
    for other in ("bind: {named_conf: /etc/bind/x.conf, batch_size: 7}", "bind: {type: nsd, port: 5301}"):
        found = plan(read(), read(("bind: {port: 5301}", other)))

        assert not found.changed
        assert found.needs_restart
        assert read().dns.backends["bind"] == found.result.dns.backends["bind"]


def test_tls_is_switched_by_a_restart_and_its_files_change_by_a_reload(read):
    """Both ways, and from one path to another."""
    off = read()
    on, other = (
        off.model_copy(update={"app": off.app.model_copy(update={"tls_certificate": Path(f), "tls_key": Path(k)})})
        for f, k in (("a", "b"), ("c", "b"))
    )

    keys = ["app.tls_certificate", "app.tls_key"]
    assert ([], keys) == told(plan(off, on))
    assert ([], keys) == told(plan(on, off))
    assert (["app.tls_certificate"], []) == told(plan(on, other))


def test_what_waits_for_a_restart_is_asked_for_again_the_next_time(read):
    """The settings in force hold the old value, so that no reload forgets it."""
    new = read(("listen_host: 127.0.0.1", "listen_host: 127.0.0.1\n  listen_port: 2223\n  takeover: hold"))

    first = plan(read(), new)
    second = plan(first.result, new)

    assert (["app.takeover"], ["app.listen_port"]) == told(first)
    assert ([], ["app.listen_port"]) == told(second)
    assert 2222 == second.result.app.listen_port


def test_a_mixture_that_opens_the_door_is_a_mistake(read):
    """A default password is right on loopback only, and the door is still open to all until a restart."""
    outside = read(("listen_host: 127.0.0.1", "listen_host: 0.0.0.0"))
    inside = read(("auth_password: s3cret", "auth_password: changeme"))

    (found,) = misfits(plan(outside, inside))

    assert ("app.auth_password", True) == (found.path, "app.listen_host waits for a restart" in str(found))
    assert [] == misfits(plan(outside, read()))
    assert [] == misfits(plan(read(), inside))


def test_a_plan_knows_what_it_touches(read):
    """By key or section, not by the beginning of a word."""
    found = plan(read(), read(("auth_password: s3cret", "auth_password: other-secret")))

    assert found.touches("app")
    assert found.touches("dispatch", "app.auth_password")
    assert not found.touches("app.auth")
    assert What.CHANGED is found.changed[0].what
