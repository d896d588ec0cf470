"""Configuration: the original's keys and variables, and every problem told at once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from directdnsonly.backends.registry import BACKENDS
from directdnsonly.config import Settings, load
from directdnsonly.errors import ConfigError
from directdnsonly.outbox.settings import OutboxSettings

ROOT = Path(__file__).parents[2]
GOOD = "app: {auth_password: s3cret}\ndns: {backends: {bind: {enabled: true}}}\n"


@pytest.fixture
def write(tmp_path: Path):
    def it(text: str) -> Path:
        file = tmp_path / "app.yml"
        file.write_text(text)
        return file

    return it


def problems(file: Path, **environ: str) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        load(file, environ=environ)
    assert "s3cret" not in str(caught.value)
    return {problem.path: str(problem) for problem in caught.value.problems}


def test_the_originals_file_works_unchanged(write, tmp_path):
    """Its topology A, key for key."""
    settings = load(
        write(
            "timezone: Pacific/Auckland\nlog_level: info\nqueue_location: ./data/queues\n"
            "app:\n  auth_username: directdnsonly\n  auth_password: your-secret\n"
            "dns:\n  default_backend: bind\n  backends:\n    bind:\n      type: bind\n      enabled: true\n"
            "      zones_dir: /etc/named/zones\n      named_conf: /etc/bind/named.conf.local\n"
        ),
        environ={},
    )

    bind = settings.enabled_backends()["bind"]
    assert (False, Path("/etc/bind/named.conf.local"), "INFO") == (bind.is_managed, bind.named_conf, settings.log_level)
    assert ("0.0.0.0", 2222, Path("data/queues")) == (
        settings.app.listen_host,
        settings.app.listen_port,
        settings.store_folder,
    )


def test_the_originals_topology_b_works_unchanged(write):
    """Two CoreDNS databases, key for key; the name tells the type as well."""
    stanza = (
        "    {name}:\n{kind}      enabled: true\n      host: {host}\n      port: 3306\n      database: coredns\n"
        "      username: coredns\n      password: your-db-password\n"
    )
    kind = "      type: coredns_mysql\n"
    settings = load(
        write(
            "app: {auth_username: directdnsonly, auth_password: your-secret}\n"
            "dns:\n  default_backend: coredns_mysql_dc1\n  backends:\n"
            + stanza.format(name="coredns_mysql_dc1", kind=kind, host="10.0.0.80")
            + stanza.format(name="coredns_mysql_dc2", kind="", host="10.0.1.29")
        ),
        environ={},
    )

    one, two = settings.enabled_backends().values()
    assert ("10.0.0.80:3306/coredns", "10.0.1.29:3306/coredns") == (one.place, two.place)
    assert ("mysql_extend", "coredns", "your-db-password") == (
        two.plugin,
        two.username,
        two.password.get_secret_value(),
    )


def test_the_example_loads_and_names_every_key():
    """config.example.yml is complete and true."""
    text = (ROOT / "config.example.yml").read_text()
    load(ROOT / "config.example.yml", environ={})
    tree = yaml.safe_load(text)
    for section in ("app", "outbox", "dispatch", "peering"):
        optional = {"listen_socket", "tls_certificate", "tls_key"} if section == "app" else set()
        assert set(Settings.model_fields[section].annotation.model_fields) == set(tree[section]) | optional
        assert all(re.search(rf"^  # {key}:", text, re.MULTILINE) for key in optional)
        defaults = Settings.model_fields[section].annotation().model_dump(mode="json")
        given = {key: value for key, value in tree[section].items() if key != "auth_password"}
        assert {key: defaults[key] for key in given} == given
    backends = [key for backend in BACKENDS.values() for key in backend.settings.model_fields]
    for key in [*Settings.model_fields, *backends]:
        assert re.search(rf"^\s*(# +)?{key}:", text, re.MULTILINE), key


@pytest.mark.parametrize(
    ("variable", "value", "found", "expected"),
    [
        ("DADNS_APP_AUTH_USERNAME", "bob", lambda s: s.app.auth_username, "bob"),
        ("DADNS_APP_AUTH_PASSWORD", "my-secret", lambda s: s.app.auth_password.get_secret_value(), "my-secret"),
        ("DADNS_APP_LISTEN_PORT", "2223", lambda s: s.app.listen_port, 2223),
        ("DADNS_LOG_LEVEL", "debug", lambda s: s.log_level, "DEBUG"),
        ("DADNS_TIMEZONE", "Pacific/Auckland", lambda s: s.timezone, "Pacific/Auckland"),
        ("DADNS_DATA_DIR", "/srv/d", lambda s: s.data_dir, Path("/srv/d")),
        ("DADNS_QUEUE_LOCATION", "/srv/q", lambda s: s.store_folder, Path("/srv/q")),
        ("DADNS_DNS_DEFAULT_BACKEND", "bind", lambda s: s.dns.default_backend, "bind"),
        ("DADNS_DNS_BACKENDS_BIND_PORT", "53", lambda s: s.dns.backends["bind"].port, 53),
        (
            "DADNS_DNS_BACKENDS_BIND_LISTEN",
            "127.0.0.1, ::1",
            lambda s: s.dns.backends["bind"].listen,
            ("127.0.0.1", "::1"),
        ),
        ("DADNS_DNS_BACKENDS_BIND_DC1_RNDC_PORT", "954", lambda s: s.dns.backends["bind_dc1"].rndc_port, 954),
        ("DADNS_OUTBOX_HISTORY_DAYS", "7", lambda s: s.outbox.history_days, 7),
        ("DADNS_DISPATCH_RETRY_DELAYS_S", "[1, 2]", lambda s: s.dispatch.retry_delays_s, (1.0, 2.0)),
    ],
)
def test_each_variable_has_its_effect(write, variable, value, found, expected):
    """Faults E10."""
    environ = {variable: value}
    if "BIND_DC1" in variable:
        environ["DADNS_DNS_BACKENDS_BIND_DC1_PORT"] = "5301"

    assert expected == found(load(write(GOOD), environ=environ))


@pytest.mark.parametrize(
    ("given", "name", "key", "expected"),
    [
        # Sorted by name MY_RNDC_PORT comes before MY_RNDC_TYPE, and `rndc_port` is a key of another type.
        ({"MY_RNDC_PORT": "5301", "MY_RNDC_TYPE": "nsd"}, "my_rndc", "port", 5301),
        ({"MY_RNDC_PORT": "954", "MY_TYPE": "bind"}, "my", "rndc_port", 954),
        ({"EDGE_NOTIFY_ADDRESSES": "10.0.0.1", "EDGE_TYPE": "nsd"}, "edge", "notify_addresses", ("10.0.0.1",)),
        ({"EDGE_API_URL": "http://a:1", "EDGE_TYPE": "powerdns", "EDGE_API_KEY": "k"}, "edge", "api_url", "http://a:1"),
    ],
)  # fmt: skip
def test_the_type_of_a_backend_counts_before_its_other_variables(write, given, name, key, expected):
    """Whatever their order: the type tells where the name ends, and what a value is."""
    environ = {f"DADNS_DNS_BACKENDS_{variable}": value for variable, value in given.items()}

    backends = load(write("app: {auth_password: s3cret}\n"), environ=environ).dns.backends

    assert [name] == list(backends)
    assert expected == getattr(backends[name], key)


def test_a_secret_can_come_from_a_file(write, tmp_path):
    """As containers hand it over."""
    secret = tmp_path / "secret"
    secret.write_text("from-file\n")

    settings = load(write(GOOD), environ={"DADNS_APP_AUTH_PASSWORD_FILE": str(secret)})

    assert "from-file" == settings.app.auth_password.get_secret_value()
    assert (
        "cannot be read"
        in problems(write(GOOD), DADNS_APP_AUTH_PASSWORD_FILE="/nowhere")["DADNS_APP_AUTH_PASSWORD_FILE"]
    )


def test_all_problems_are_told_at_once_with_the_nearest_key(write):
    """Faults E7."""
    found = problems(
        write(
            "app: {auth_pasword: s3cret, listen_port: 99999}\nloglevel: INFO\ntimezone: Mars/Base\n"
            "dns: {backends: {bind: {zone_dir: /x}, what: {type: whatever}}}\n"
        ),
        DADNS_APP_AUTH_PASWORD="s3cret",
    )

    assert "did you mean auth_password?" in found["app.auth_pasword"]
    assert "65535" in found["app.listen_port"]
    assert "did you mean log_level?" in found["loglevel"]
    assert "not a time zone" in found["timezone"]
    assert "did you mean zones_dir?" in found["dns.backends.bind.zone_dir"]
    assert "known types: bind" in found["dns.backends.what.type"]
    assert "did you mean DADNS_APP_AUTH_PASSWORD?" in found["DADNS_APP_AUTH_PASWORD"]


@pytest.mark.parametrize("password", ["changeme", "''"])
def test_a_default_password_is_refused_outside_of_loopback(write, password):
    """Faults E1."""
    text = f"app: {{auth_password: {password}}}\ndns: {{backends: {{bind: {{}}}}}}\n"

    assert "can be reached from outside" in problems(write(text))["app.auth_password"]
    assert load(write(text), environ={"DADNS_APP_LISTEN_HOST": "127.0.0.1"})


def test_without_an_enabled_backend_we_do_not_start(write):
    """Faults E7: never answer error=0 into the void."""
    assert "dns.backends" in problems(write("app: {auth_password: s3cret}\n"))
    assert "dns.backends" in problems(
        write("app: {auth_password: s3cret}\ndns: {backends: {bind: {enabled: false}}}\n")
    )


def test_other_mistakes_are_named(write):
    """Keys twice, broken YAML, a missing file, an unknown default, two backends in one place."""
    assert "stands twice" in str(problems(write("data_dir: a\ndata_dir: b\n" + GOOD)))
    assert problems(write("app: [\n"))
    assert "cannot be read" in str(problems(Path("/nowhere/app.yml")))
    assert (
        "no enabled backend"
        in problems(write(GOOD + "  \n").with_name("app.yml"), DADNS_DNS_DEFAULT_BACKEND="bnd")["dns.default_backend"]
    )
    text = "app: {auth_password: s3cret}\ndns: {backends: {bind: {}, bind_b: {}}}\n"
    assert "shares its port" in problems(write(text))["dns.backends.bind_b"]


def test_secrets_do_not_show_in_a_repr(write):
    """Promise 11."""
    assert "s3cret" not in repr(load(write(GOOD), environ={}))


def test_defaults_of_the_store_are_valid():
    """A default is checked like any value."""
    assert OutboxSettings(**OutboxSettings().model_dump())
