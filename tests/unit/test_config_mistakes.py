"""Configuration: whatever an operator may write by mistake is told, and never ends in a traceback or shows a secret."""

from __future__ import annotations

import enum
import ipaddress
import json
import types
import typing
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
from pydantic import BaseModel, SecretStr

from directdnsonly.backends.registry import BACKENDS
from directdnsonly.config import Settings, load
from directdnsonly.config.settings import key_paths, section_of
from directdnsonly.door.settings import CredentialSettings
from directdnsonly.errors import ConfigError
from directdnsonly.peers.settings import PeerSettings
from directdnsonly.reconcile.settings import DirectAdminServer

SECRET = "hunter2"
GOOD_DOOR = "app: {auth_password: x}\n"
GOOD = GOOD_DOOR + "dns: {backends: {bind: {}}}\n"


@pytest.fixture
def told(tmp_path: Path):
    """The problems of a file and variables, one a line."""

    def it(text: str | bytes, **environ: str) -> str:
        file = tmp_path / "app.yml"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        with pytest.raises(ConfigError) as caught:
            load(file, environ=environ)
        whole = "\n".join(str(problem) for problem in caught.value.problems)
        assert SECRET not in whole
        assert SECRET not in str(caught.value)
        return whole

    return it


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"app: {{auth_password: {SECRET}, auth_password: {SECRET}}}", "app.auth_password: stands twice (line 1"),
        (f"app:\n  auth_password: {SECRET}: x\n", "is not YAML in line 2, column 25: mapping values are not allowed"),
        (f"app:\n  auth_password: '{SECRET}\n", "is not YAML in line 3"),
        (f"app: {{auth_password: !{SECRET} }}", "is not YAML in line 1, column 22"),
        (f"app: {{auth_password: *{SECRET} }}", "found undefined alias (quote values"),
        (f"app: {{auth_password: [{SECRET}]}}", "app.auth_password: Input should be a valid string (line 1"),
        ("app: {auth_password: 12345678}", "put it in quotes"),
        ("app: {auth_password: 2026-13-45}", "an impossible date"),
        (f"app: {SECRET}", "app: holds no keys and values (line 1)"),
        ("dns: 3", "dns: holds no keys and values"),
        ("dns: {backends: bind}", "dns.backends: holds no keys and values"),
        ("dns: {backends: {bind: true}}", "dns.backends.bind: holds no keys and values"),
        ("- a\n- b", "holds no keys and values"),
        ("? [a, b]\n: c\n", "a key must be a word (line 1)"),
        ("1: 2\n", "1: is not a key (line 1)"),
        ("_env_file: /etc/passwd\n", "_env_file: is not a key"),
        ("app: &a {b: *a}\n", "app.b: is not a key"),
        (b"app: \xff\xfe", "is not a text file in UTF-8"),
        (b"\x00\x01", "is not a text file in UTF-8"),
        ("data_dir: ''", "data_dir: is empty"),
        ("timezone: ../../etc/passwd", "is not a time zone"),
        ("app: {request_timeout_s: .inf}", "app.request_timeout_s: Input should be a finite number"),
        ("app: {listen_host: 'not a host!'}", "app.listen_host: is neither an IP address nor a host name"),
        ("app: {listen_host: 300.1.2.3}", "app.listen_host: is neither an IP address nor a host name"),
        ("app: {auth_password: '  '}", "app.auth_password: is the default or empty"),
        ("dns: {backends: {bnd: {type: bnd}}}", "dns.backends.bnd.type: 'bnd' is not a type (line 1; did you mean bind?)"),
        ("dns: {backends: {ns1: {}}}", "dns.backends.ns1.type: is missing"),
        ("dns: {backends: {powerdns_x: {}}}", "one of api_key and api_key_file must be set"),
        ("dns: {backends: {'../../etc': {type: bind}}}", "a backend's name may have letters, digits"),
        ("dns: {default_backend: bnd, backends: {bind: {}}}", "'bnd' is no enabled backend (line 1; did you mean bind?)"),
        ("dns: {default_backend: bind, backends: {bind: {enabled: false}, bind_2: {}}}", "'bind' is no enabled backend"),
    ],
)  # fmt: skip
def test_each_mistake_is_named(told, text, expected):
    """With its key and line, and without what the file holds."""
    assert expected in told(text)


@pytest.mark.parametrize(
    ("backends", "expected"),
    [
        ("bind: {}, bind_2: {}", "dns.backends.bind_2: shares its port with bind"),
        ("bind: {listen: [0.0.0.0]}, bind_2: {}", "shares its port with bind"),
        ("bind: {listen: [127.0.0.1, 127.0.0.2]}, bind_2: {listen: [127.0.0.2]}", "shares its port with bind"),
        ("bind: {zones_dir: /z}, bind_2: {port: 53, zones_dir: /y/../z}", "shares its zones_dir with bind"),
        ("bind: {named_conf: /n, zones_dir: /a}, bind_2: {named_conf: /n, zones_dir: /b}", "shares its named_conf"),
        ("bind: {port: 2222}", "dns.backends.bind.port: is the port on which pushes are accepted"),
    ],
)
def test_two_in_one_place_are_refused(told, backends, expected):
    """Also where one of them listens on every address."""
    assert expected in told(f"{GOOD_DOOR}dns: {{backends: {{{backends}}}}}")


def test_a_disabled_backend_is_in_nobodys_way(tmp_path):
    """Neither its port nor its folder counts."""
    file = tmp_path / "app.yml"
    file.write_text(f"{GOOD_DOOR}dns: {{backends: {{bind: {{}}, bind_2: {{enabled: false}}}}}}")

    assert ["bind"] == list(load(file, environ={}).enabled_backends())


def test_one_problem_does_not_hide_another(told):
    """A wrong value, an open door, an unknown default: all in one go; and nothing that only follows from another."""
    whole = told("log_level: loud\ndns: {default_backend: nope, backends: {bind: {prot: 53}}}\n")

    assert "log_level: " in whole
    assert "app.auth_password: is the default" in whole
    assert "dns.default_backend: 'nope'" in whole
    assert "dns.backends.bind.prot: is not a key (line 2; did you mean port?)" in whole
    assert "no backend is enabled" not in whole


def test_what_cannot_be_read_is_the_only_problem(told):
    """Nothing else can be judged then."""
    assert 1 == len(told("app: [").splitlines())


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"DADNS_APP_AUTH_PASSWORD_FILE": "{empty}"}, "DADNS_APP_AUTH_PASSWORD_FILE: the file {empty} is empty"),
        ({"DADNS_APP_AUTH_PASSWORD_FILE": "{binary}"}, "is not text in UTF-8"),
        ({"DADNS_APP_AUTH_PASSWORD_FILE": "/tmp"}, "cannot be read: Is a directory"),
        ({"DADNS_APP_AUTH_PASSWORD_FILE": "{empty}", "DADNS_APP_AUTH_PASSWORD": SECRET}, "are both set: choose one"),
        ({"DADNS_LOG_LEVEL": ""}, "log_level: Input should be 'DEBUG', 'INFO', 'WARNING', 'ERROR' or 'CRITICAL' (DADNS_LOG_LEVEL)"),
        ({"DADNS_QUEUE_LOCATION": ""}, "queue_location: is empty: name a folder, or leave it out (DADNS_QUEUE_LOCATION)"),
        ({"DADNS_DISPATCH_RETRY_DELAYS_S": "1,two"}, "dispatch.retry_delays_s.1: "),
        ({"DADNS_DISPATCH_RETRY_DELAYS_S": "[1,"}, "dispatch.retry_delays_s: "),
        ({"DADNS_APP": "x"}, "DADNS_APP: is not a setting"),
        ({"DADNS_DNS_BACKENDS": "x"}, "DADNS_DNS_BACKENDS: is not a setting"),
        ({"DADNS_LOGLEVEL": "x"}, "did you mean DADNS_LOG_LEVEL?"),
        ({"DADNS_DNS_BACKENDS_BIND_PROT": "1"}, "did you mean DADNS_DNS_BACKENDS_BIND_PORT?"),
    ],
)  # fmt: skip
def test_each_mistake_in_a_variable_is_named(told, tmp_path, environ, expected):
    """By the name of the variable."""
    places = {"empty": tmp_path / "empty", "binary": tmp_path / "binary"}
    places["empty"].write_bytes(b"")
    places["binary"].write_bytes(b"\xff\xfe\x00")

    whole = told(GOOD, **{key: value.format(**places) for key, value in environ.items()})

    assert expected.format(**places) in whole


@pytest.mark.parametrize("text", ["dns: {backends: {bind: }}\n", "", "dns:\n"])
def test_a_variable_completes_what_the_file_leaves_open(tmp_path, text):
    """Empty sections, a backend without keys, no file content at all."""
    file = tmp_path / "app.yml"
    file.write_text(text)

    settings = load(file, environ={"DADNS_APP_AUTH_PASSWORD": "x", "DADNS_DNS_BACKENDS_BIND_PORT": "5301"})

    assert 5301 == settings.dns.backends["bind"].port
    assert file == settings.source_file


def test_variables_alone_can_make_a_backend(tmp_path, monkeypatch):
    """Also one whose name does not tell its type; a dash in a known name is an underscore."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yml").write_text("dns: {backends: {bind-main: {}}}\n")
    made = load(
        environ={
            "DADNS_APP_AUTH_PASSWORD": "x",
            "DADNS_DNS_BACKENDS_NS_ONE_PORT": "5301",
            "DADNS_DNS_BACKENDS_NS_ONE_TYPE": "bind",
            "DADNS_DNS_BACKENDS_BIND_MAIN_PORT": "5302",
            "DADNS_DNS_BACKENDS_BIND_DC1_RNDC_PORT": "5303",
            "DADNS_DNS_BACKENDS_BIND_DC1_ENABLED": "no",
        }
    ).dns.backends

    assert {"ns_one", "bind-main", "bind_dc1"} == set(made)
    assert (5301, 5302, 5303) == (made["ns_one"].port, made["bind-main"].port, made["bind_dc1"].rndc_port)
    assert not made["bind_dc1"].enabled


# -- every documented variable is set, and its effect is seen


def other_value(model: type[BaseModel], key: str) -> Any:
    """A valid value of a key that is not its default."""
    special = {
        "type": "bind", "trusted_proxies": ("192.0.2.0/24",), "timezone": "Pacific/Auckland", "listen_host": "127.0.0.9", "listen": ("127.0.0.8", "::1"),
        "allow_transfer": ("192.0.2.1",), "notify_addresses": ("192.0.2.3",), "verify_address": ("127.0.0.1#54", "::1#53"), "rndc_host": "192.0.2.2",
        "retry_delays_s": (1.0, 2.0), "default_backend": "bind", "run_as": "nobody", "retry_jitter": 0.5,
        "metrics_networks": (ipaddress.ip_network("192.0.2.0/24"),),
        "credentials": (CredentialSettings(name="b", password=SecretStr("x"), roles=("read",)),),
        "visible_within_s": 3.0, "api_url": "http://192.0.2.9:8082", "api_urls": ("http://192.0.2.9:8082", "http://192.0.2.10:8082"),
        "on_delete": ("systemctl", "restart", "coredns"),
        "least_share": 0.25, "max_orphan_share": 0.25, "max_delete_share": 0.25,
        "peers": [PeerSettings(name="ns2", url="https://ns2.example:2222", token=SecretStr("t"))],
        "directadmin_servers": [DirectAdminServer(hostname="da1.example.com", password=SecretStr("a-key"), port=443)],
    }  # fmt: skip
    if key in special:
        return special[key]
    field = model.model_fields[key]
    kinds = get_args(field.annotation) if get_origin(field.annotation) in (types.UnionType, typing.Union) else ()
    kind = next((one for one in kinds if one is not type(None)), field.annotation)
    if get_origin(kind) is Literal:
        return next(value for value in get_args(kind) if value not in (field.default, "include"))
    if kind is bool:
        return not field.default
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return next(value for value in kind if value is not field.default)
    if kind in (int, float):
        return (field.default or 953) + 1
    return {str: "other", Path: Path("/other"), SecretStr: SecretStr("other")}[kind]


def as_text(value: Any) -> str:
    if isinstance(value, tuple) and isinstance(value[0], CredentialSettings):
        return json.dumps([{"name": one.name, "password": "x", "roles": list(one.roles)} for one in value])
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, list) and isinstance(value[0], PeerSettings):
        return json.dumps([{"name": one.name, "url": one.url, "token": "t"} for one in value])
    if isinstance(value, list):
        return json.dumps([{"hostname": one.hostname, "password": "a-key", "port": one.port} for one in value])
    return (
        ",".join(map(str, value))
        if isinstance(value, tuple)
        else str(value).lower()
        if value in (True, False)
        else str(value)
    )


TLS = ("tls_certificate", "tls_key")  # they need each other and real files: tests/e2e/test_doors.py sets them


@pytest.mark.parametrize("path", [path for path in key_paths() if path[-1] not in TLS], ids=".".join)
def test_the_variable_of_each_key_has_its_effect(tmp_path, path):
    """Nothing that docs/configuration.md lists is ignored."""
    model = section_of(Settings.model_fields[path[0]].annotation) or Settings
    expected = other_value(model, path[-1])
    file = tmp_path / "app.yml"
    file.write_text(GOOD)

    settings = load(file, environ={f"DADNS_{'_'.join(path)}".upper(): as_text(expected)})

    section = getattr(settings, path[0]) if len(path) > 1 else settings
    assert expected == getattr(section, path[-1])
    assert expected != model.model_fields[path[-1]].get_default(call_default_factory=True)


STANZAS = {
    "coredns_mysql": {"database": "d", "username": "u"},
    "coredns_file": {"batch_size": "99"},
    "powerdns": {"api_key": "k"},
    "powerdns_mysql": {"database": "d", "username": "u"},
}
NEEDS = {
    ("bind", "named_conf"): {"managed": "false"},
    ("coredns_mysql", "ssl_ca"): {"ssl": "true"},
    ("powerdns", "api_key_file"): {"api_key": ""},
    ("powerdns_mysql", "ssl_ca"): {"ssl": "true"},
    ("powerdns_mysql", "api_urls"): {"api_key": "k"},
    ("powerdns_mysql", "api_key"): {"api_urls": "http://127.0.0.1:8081"},
    ("powerdns_mysql", "api_key_file"): {"api_urls": "http://127.0.0.1:8081"},
}


@pytest.mark.parametrize(
    ("kind", "key"), [(kind, key) for kind, backend in BACKENDS.items() for key in backend.settings.model_fields]
)
def test_the_variable_of_each_key_of_a_backend_has_its_effect(tmp_path, kind, key):
    """For a backend in the file, and for one that the variables make."""
    expected = kind if key == "type" else other_value(BACKENDS[kind].settings, key)
    stanza = STANZAS.get(kind, {"port": "5309"})
    needs = {**STANZAS.get(kind, {}), **NEEDS.get((kind, key), {})}
    for name in (kind, f"{kind}_dc1"):
        file = tmp_path / "app.yml"
        file.write_text(
            f"{GOOD_DOOR}dns: {{backends: {{{kind}: {json.dumps(stanza)}, spare: {{type: bind, port: 5310}}}}}}\n"
        )
        environ = {f"DADNS_DNS_BACKENDS_{name}_{part}".upper(): value for part, value in needs.items()}

        settings = load(file, environ={**environ, f"DADNS_DNS_BACKENDS_{name}_{key}".upper(): as_text(expected)})

        assert expected == getattr(settings.dns.backends[name], key)
