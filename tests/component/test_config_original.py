"""A configuration of the original: each of its keys and variables starts us, or is refused with what to do instead."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from directdnsonly.config import Settings, Starter, load
from directdnsonly.config.original import PATHS
from directdnsonly.errors import ConfigError, ConfigProblem

PASSWORD = {"DADNS_APP_AUTH_PASSWORD": "of-my-own"}
# What the original 2.8.0 ships: its keys and values.
SHIPPED: Mapping[str, Any] = {
    "timezone": "Pacific/Auckland",
    "log_level": "INFO",
    "queue_location": "./data/queues",
    "datastore": {"type": "sqlite", "db_location": "./data/directdnsonly.db"},
    "app": {"auth_username": "directdnsonly", "auth_password": "changeme"},
    "dns": {
        "backends": {
            "bind": {
                "type": "bind",
                "enabled": True,
                "zones_dir": "./data/zones",
                "named_conf": "./data/named.conf.include",
            }
        }
    },
}
PEER = {"url": "http://ddo-2:2222", "username": "directdnsonly", "password": "s3cret"}
SERVER = {"hostname": "da1.example.com", "port": 2222, "username": "admin", "password": "s3cret", "ssl": True}
# Every variable of its README, with a value as it stands there.
VARIABLES: Mapping[str, str] = {
    "DADNS_TIMEZONE": "Pacific/Auckland",
    "DADNS_LOG_LEVEL": "debug",
    "DADNS_QUEUE_LOCATION": "/app/data/queues",
    "DADNS_APP_AUTH_USERNAME": "directdnsonly",
    "DADNS_APP_AUTH_PASSWORD": "s3cret",
    "DADNS_APP_LISTEN_PORT": "2222",
    "DADNS_APP_SSL_ENABLE": "false",
    "DADNS_APP_SSL_CERT": "/etc/ssl/fullchain.pem",
    "DADNS_APP_SSL_KEY": "/etc/ssl/privkey.pem",
    "DADNS_APP_SSL_BUNDLE": "",
    "DADNS_APP_PROXY_SUPPORT": "true",
    "DADNS_APP_PROXY_SUPPORT_BASE": "http://127.0.0.1",
    "DADNS_APP_CHECK_SUBDOMAIN_OWNER_IN_CLUSTER_DOMAINOWNERS": "1",
    "DADNS_DATASTORE_TYPE": "sqlite",
    "DADNS_DATASTORE_DB_LOCATION": "/app/data/directdns.db",
    "DADNS_DNS_DEFAULT_BACKEND": "bind",
    "DADNS_DNS_BACKENDS_BIND_ENABLED": "true",
    "DADNS_DNS_BACKENDS_BIND_ZONES_DIR": "/etc/named/zones",
    "DADNS_DNS_BACKENDS_BIND_NAMED_CONF": "/etc/bind/named.conf.local",
    "DADNS_DNS_BACKENDS_NSD_ENABLED": "false",
    "DADNS_DNS_BACKENDS_NSD_ZONES_DIR": "/etc/nsd/zones",
    "DADNS_DNS_BACKENDS_NSD_NSD_CONF": "/etc/nsd/nsd.conf.d/zones.conf",
    "DADNS_RECONCILIATION_ENABLED": "true",
    "DADNS_RECONCILIATION_DRY_RUN": "false",
    "DADNS_RECONCILIATION_INTERVAL_MINUTES": "60",
    "DADNS_RECONCILIATION_VERIFY_SSL": "true",
    "DADNS_PEER_SYNC_ENABLED": "true",
    "DADNS_PEER_SYNC_INTERVAL_MINUTES": "15",
    "DADNS_PEER_SYNC_AUTH_USERNAME": "peersync",
    "DADNS_PEER_SYNC_AUTH_PASSWORD": "s3cret",
    "DADNS_PEER_SYNC_PEER_URL": "http://ddo-2:2222",
    "DADNS_PEER_SYNC_PEER_USERNAME": "directdnsonly",
    "DADNS_PEER_SYNC_PEER_PASSWORD": "s3cret",
    "DADNS_LOG_FORMAT": "text",
}


def settings_of(folder: Path, tree: Mapping[str, Any], starter: Starter = Starter.IMAGE, **environ: str) -> Settings:
    file = folder / "app.yml"
    file.write_text(yaml.safe_dump(dict(tree)))
    return load(file, environ=environ, starter=starter)


def with_app(**keys: Any) -> dict[str, Any]:
    return {**SHIPPED, "app": {"auth_username": "u", "auth_password": "of-my-own", **keys}}


def notes(settings: Settings) -> dict[str, str]:
    told = {note.path: str(note) for note in settings.notes}
    assert "s3cret" not in str(told)
    return told


def problems(folder: Path, tree: Mapping[str, Any], **environ: str) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        settings_of(folder, tree, **environ)
    assert "s3cret" not in str(caught.value)
    return {problem.path: str(problem) for problem in caught.value.problems}


def test_its_own_file_lacks_nothing_but_a_password_of_ones_own(tmp_path):
    """As it is shipped, only the password that everybody knows is in the way."""
    assert ["app.auth_password"] == list(problems(tmp_path, SHIPPED))
    assert settings_of(tmp_path, SHIPPED, **PASSWORD)


def test_in_the_image_its_file_gives_port_53_on_every_address(tmp_path):
    """The image runs the named that its keys mean; the original's own files stay as they are, for the way back."""
    settings = settings_of(tmp_path, SHIPPED, **PASSWORD)

    bind = settings.enabled_backends()["bind"]
    assert (True, 53) == (bind.is_managed, bind.port)
    assert "0.0.0.0" in bind.listen
    assert (None, None) == (bind.zones_dir, bind.named_conf)
    assert Path("data/queues") == settings.store_folder
    told = notes(settings)
    assert {"datastore", "dns.backends.bind.named_conf", "dns.backends.bind.zones_dir"} == set(told)
    assert "dadns import original ./data/directdnsonly.db" in told["datastore"]


@pytest.mark.parametrize("starter", [Starter.ROOT, Starter.USER, Starter.MAKE])
def test_on_a_host_its_file_means_the_named_that_runs_there(tmp_path, starter):
    """As it did: the include file and the folder are the operator's, and so is the port."""
    settings = settings_of(tmp_path, SHIPPED, starter, **PASSWORD)

    bind = settings.enabled_backends()["bind"]
    assert (False, Path("data/zones"), Path("data/named.conf.include")) == (
        bind.is_managed, bind.zones_dir, bind.named_conf,
    )  # fmt: skip
    assert {"datastore"} == set(notes(settings))


def test_every_variable_of_its_readme_starts_us_in_the_image(tmp_path):
    """All at once, without a file: what has no effect here is told, each with what to do."""
    settings = load(None, environ=VARIABLES, starter=Starter.IMAGE)

    assert ["bind"] == list(settings.enabled_backends())
    assert ("DEBUG", "console", 60) == (
        settings.log_level, settings.log_format, settings.reconciliation.interval_minutes,
    )  # fmt: skip
    assert ("127.0.0.1", "::1") == settings.app.trusted_proxies
    assert settings.app.check_subdomain_owner_in_cluster_domainowners is True
    told = notes(settings)
    assert "ddo-2 is not asked: its password could be read on the way" in told["peer_sync.peer_url"]
    assert "DADNS_PEER_SYNC_PEER_URL" in told["peer_sync.peer_url"]
    assert ([], 900.0) == (settings.peers, settings.peering.interval_s)
    assert ["peersync"] == [one.name for one in settings.app.credentials]
    assert "dadns import original /app/data/directdns.db" in told["datastore"]


@pytest.mark.parametrize("variable", VARIABLES)
def test_each_variable_of_its_readme_alone_is_known(tmp_path, variable):
    """Beside its own file it starts us, and starts no second name server that nobody switched on."""
    settings = settings_of(tmp_path, SHIPPED, **(PASSWORD | {variable: VARIABLES[variable]}))

    assert ["bind"] == list(settings.enabled_backends())


def test_a_zones_dir_alone_is_the_originals_in_the_image(tmp_path):
    """Its include file had a default. Its zone files there are not ours: each push would be refused for their sake."""
    zones_dir = {"DADNS_DNS_BACKENDS_BIND_ZONES_DIR": "/etc/named/zones"}
    on = {"DADNS_DNS_BACKENDS_BIND_ENABLED": "true"}

    settings = load(None, environ=PASSWORD | zones_dir | on, starter=Starter.IMAGE)
    kept = load(None, environ=PASSWORD | zones_dir | {"DADNS_DNS_BACKENDS_BIND_MANAGED": "true"}, starter=Starter.IMAGE)

    assert (None, 53) == (settings.dns.backends["bind"].zones_dir, settings.dns.backends["bind"].port)
    assert "managed: true keeps" in notes(settings)["dns.backends.bind.zones_dir"]
    assert Path("/etc/named/zones") == kept.dns.backends["bind"].zones_dir
    with pytest.raises(ConfigError, match="enabled: true"):
        load(None, environ=PASSWORD | zones_dir, starter=Starter.IMAGE)


JUNK = st.one_of(
    st.none(), st.booleans(), st.integers(-1, 70_000), st.text("a1:/ \n\u00e9", max_size=8), st.lists(st.text("a1", max_size=3), max_size=2),
    st.dictionaries(st.text("abc", min_size=1, max_size=3), st.integers(), max_size=2),
)  # fmt: skip
KEYS = sorted({*(".".join(path) for path in PATHS), "log_format", "timezone", "dns.backends.bind.named_conf",
               "dns.backends.bind.enabled", "dns.backends.nsd.nsd_conf", "dns.backends.nsd.enabled", "dns", "app", "datastore",
               "dns.backends", "peer_sync", "dns.backends.nsd"})  # fmt: skip


@hypothesis_settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(KEYS), JUNK, max_size=6), st.sampled_from(list(Starter)))
def test_whatever_its_keys_hold_it_starts_or_tells_the_mistakes(tmp_path_factory, given_keys, starter):
    """Never anything else: no crash, and no problem without words."""
    tree: dict[str, Any] = {"app": {"auth_password": "of-my-own"}, "dns": {"backends": {"bind": {"enabled": True}}}}
    for path, value in sorted(given_keys.items()):
        place: Any = tree
        *sections, key = path.split(".")
        for section in sections:
            place = place.setdefault(section, {}) if isinstance(place, dict) else {}
        if isinstance(place, dict):
            place[key] = value
    told: list[ConfigProblem] = []
    with contextlib.suppress(ConfigError):
        told += settings_of(tmp_path_factory.getbasetemp(), tree, starter).notes

    assert all(note.path and note.problem for note in told)


def test_tls_that_is_switched_off_stays_off(tmp_path):
    """Its default; the names of the files are then of no use, and need not be there."""
    settings = settings_of(tmp_path, with_app(ssl_enable=False, ssl_cert="/nowhere.pem", ssl_key="/nowhere.key"))

    assert settings.app.tls_certificate is None
    assert "app.ssl_enable" in notes(settings)["app.ssl_cert"]


def test_tls_that_is_half_there_is_refused_whole(tmp_path):
    """A chain of its own, a missing key, both names of one thing, a value that is neither: all at once."""
    chain = tmp_path / "chain.pem"
    told = problems(
        tmp_path,
        with_app(
            ssl_enable="perhaps", proxy_support="perhaps", ssl_cert=str(chain), tls_certificate=str(chain)
        ),
    )  # fmt: skip
    assert "true or false" in told["app.ssl_enable"]
    assert "true or false" in told["app.proxy_support"]
    told = problems(
        tmp_path,
        with_app(ssl_enable=True, ssl_cert=str(chain), tls_certificate=str(chain), ssl_bundle="/etc/ssl/ca.pem"),
    )
    assert "choose one" in told["app.ssl_cert"]
    assert "is missing" in told["app.ssl_key"]
    assert "one file" in told["app.ssl_bundle"]


def test_proxies_are_believed_on_this_machine_only(tmp_path):
    """There everybody's X-Forwarded-For was: that would let anybody choose his address."""
    settings = settings_of(tmp_path, with_app(proxy_support=True, proxy_support_base="http://127.0.0.1"))
    named = settings_of(tmp_path, with_app(proxy_support=True, trusted_proxies=["192.0.2.1"]))
    off = settings_of(tmp_path, with_app(proxy_support=False))

    assert ("127.0.0.1", "::1") == settings.app.trusted_proxies
    assert "app.trusted_proxies" in notes(settings)["app.proxy_support"]
    assert (("192.0.2.1",), ()) == (named.app.trusted_proxies, off.app.trusted_proxies)


def test_what_has_no_effect_is_told_with_its_line(tmp_path):
    """One line each, with what takes its place."""
    told = notes(
        settings_of(
            tmp_path,
            {
                **with_app(log_level="debug", log_to="file", token_valid_for_days=30, queue_location="conf/queues"),
                "peer_sync": {"enabled": True, "auth_password": "s3cret", "peers": [PEER]},
                "reconciliation": {"enabled": True, "directadmin_servers": [SERVER]},
                "environment": "production",
            },
        )
    )

    assert {
        "app.log_level",
        "app.log_to",
        "app.token_valid_for_days",
        "app.queue_location",
        "peer_sync.peers.0",
    } <= set(told)
    assert all(re.search(r"\(line \d+; ", text) for text in told.values()), told


def test_a_datastore_of_mysql_is_told_with_the_command_that_takes_it_over(tmp_path):
    """Without its password."""
    values = {"type": "mysql", "host": "10.0.0.80", "port": "3307", "name": "dns", "user": "ddo", "pass": "s3cret"}

    told = notes(settings_of(tmp_path, {**with_app(), "datastore": values}))

    assert "dadns import original mysql://ddo@10.0.0.80:3307/dns" in told["datastore"]


def test_a_slip_in_its_sections_is_told_and_nothing_is_lost_in_silence(tmp_path):
    """Unknown keys there, a section that is none, and ours beside them: every mistake in one go."""
    told = problems(
        tmp_path,
        {
            **with_app(ssl_enabel=True),
            "datastore": {"db_locaton": "x"},
            "peer_sync": "yes",
            "log_level": "loud",
            "dns": {"backends": {"nsd": {"nsd_conf": "/etc/nsd/nsd.conf.d/zones.conf", "zone_dir": "/x"}}},
        },
    )

    assert "did you mean ssl_enable?" in told["app.ssl_enabel"]
    assert "did you mean db_location?" in told["datastore.db_locaton"]
    assert "holds no keys and values" in told["peer_sync"]
    assert {"log_level", "dns.backends.nsd.zone_dir"} <= set(told)


def test_on_a_host_its_nsd_is_refused_with_the_way_to_reach_it(tmp_path):
    """Its list of zones is nothing that we write: an nsd that runs is reached by its control socket."""
    tree = {**with_app(), "dns": {"backends": {"nsd": {"enabled": True, "nsd_conf": "/etc/nsd/nsd.conf.d/zones.conf"}}}}
    with pytest.raises(ConfigError) as caught:
        settings_of(tmp_path, tree, Starter.ROOT)

    assert "control_socket" in str(caught.value)
    nsd = settings_of(tmp_path, tree, Starter.IMAGE).enabled_backends()["nsd"]
    assert (True, 53, None) == (nsd.is_managed, nsd.port, nsd.nsd_conf)


def test_variables_of_an_older_form_are_told(tmp_path):
    """They did nothing there, and whoever still has them believes otherwise."""
    settings = settings_of(tmp_path, SHIPPED, **PASSWORD, DNS_BACKENDS__BIND__ENABLED="true")

    assert "DADNS_DNS_BACKENDS_BIND_ENABLED" in notes(settings)["DNS_BACKENDS__BIND__ENABLED"]


@pytest.mark.parametrize(
    ("starter", "door", "listen", "port"),
    [
        (Starter.IMAGE, "127.0.0.1", True, 53),
        (Starter.ROOT, "0.0.0.0", True, 53),
        (Starter.ROOT, "127.0.0.1", False, 5300),  # a trial
        (Starter.USER, "0.0.0.0", False, 5300),
        (Starter.MAKE, "0.0.0.0", False, 5300),
    ],
)
def test_who_starts_us_decides_where_a_name_server_answers(tmp_path, starter, door, listen, port):
    """Only what the configuration leaves open: keys that are there win, each by itself."""
    tree = {"app": {"auth_password": "x1", "listen_host": door}, "dns": {"backends": {"bind": {}}}}

    bind = settings_of(tmp_path, tree, starter).enabled_backends()["bind"]
    tree["dns"] = {"backends": {"bind": {"listen": ["192.0.2.1"]}, "knot": {"port": 5302}}}
    chosen = settings_of(tmp_path, tree, starter).enabled_backends()

    assert (listen, port) == ("0.0.0.0" in bind.listen, bind.port)
    assert (("192.0.2.1",), port) == (chosen["bind"].listen, chosen["bind"].port)
    assert (listen, 5302) == ("0.0.0.0" in chosen["knot"].listen, chosen["knot"].port)


def test_who_starts_us_must_be_a_word_that_we_know(tmp_path):
    """A misspelt one would move the name server to another port."""
    assert "image, make" in problems_of_starter(tmp_path, "imagge")["DADNS_STARTED_BY"]
    assert settings_of(tmp_path, with_app(), starter=Starter.USER, DADNS_STARTED_BY="image")


def problems_of_starter(folder: Path, word: str) -> dict[str, str]:
    file = folder / "app.yml"
    file.write_text(yaml.safe_dump(with_app()))
    with pytest.raises(ConfigError) as caught:
        load(file, environ={"DADNS_STARTED_BY": word})
    return {problem.path: str(problem) for problem in caught.value.problems}


@pytest.mark.parametrize("name", ["app.yml", "app.yaml", "config/app.yaml"])
def test_its_file_is_found_where_it_looked_for_it(tmp_path, monkeypatch, name):
    """The working folder and ./config; a second one that is not read is told."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").mkdir()
    (tmp_path / name).write_text(yaml.safe_dump(with_app()))
    assert Path(name) == load(None, environ={}, starter=Starter.USER).source_file

    (tmp_path / "config/app.yml").write_text(yaml.safe_dump(with_app()))
    settings = load(None, environ={}, starter=Starter.USER)
    assert Path("config/app.yml") == settings.source_file
    assert "is not read" in notes(settings)[name]


def test_its_peers_become_ours_with_a_credential_that_they_ask_us_by(tmp_path):
    """By HTTPS; each called by its host. Without a user name it is the original's own."""
    peers = [
        {"url": "https://ddo-2:2222/", "username": "directdnsonly", "password": "s3cret"},
        {"url": "https://ddo-2:2223", "password": "s3cret"},
        {"url": "http://127.0.0.1:2224", "password": "s3cret"},
    ]
    values = {"enabled": "yes", "interval_minutes": 1, "auth_username": "p", "auth_password": "s3cret", "peers": peers}

    settings = settings_of(tmp_path, {**with_app(), "peer_sync": values})

    assert [
        ("ddo-2", "https://ddo-2:2222", "directdnsonly"),
        ("ddo-2-2", "https://ddo-2:2223", "peersync"),
        ("127.0.0.1", "http://127.0.0.1:2224", "peersync"),
    ] == [(one.name, one.url, one.username) for one in settings.peers]
    assert {"s3cret"} == {one.password.get_secret_value() for one in settings.peers}
    assert 60.0 == settings.peering.interval_s
    (credential,) = settings.app.credentials
    assert ("p", "s3cret", ("peer",)) == (credential.name, credential.password.get_secret_value(), credential.roles)
    assert not [path for path in notes(settings) if path.startswith("peer_sync")]


def test_slips_in_its_peers_are_told_each_by_its_key(tmp_path):
    peers = [{"username": "u"}, "x", {"url": "https://[::1", "password": "p"}, {"url": "ftp://ddo-3", "password": "p"}]
    values = {"enabled": True, "interval_minutes": "often", "peers": peers}

    told = problems(tmp_path, {**with_app(), "peer_sync": values})
    both = problems(
        tmp_path,
        {
            **with_app(),
            "peer_sync": {"enabled": True, "peers": [{"url": "https://a", "password": "p"}]},
            "peers": [{"name": "a", "url": "https://a", "token": "t"}],
        },
    )

    assert {
        "peer_sync.peers.0", "peer_sync.peers.1", "peer_sync.peers.2", "peer_sync.interval_minutes", "peers.0.url"
    } == set(told)  # fmt: skip
    assert "choose one" in both["peer_sync.peers"]


def test_a_name_that_is_known_already_keeps_its_password_and_a_default_one_makes_none(tmp_path):
    known = {"enabled": True, "auth_username": "u", "auth_password": "s3cret"}
    default = {"enabled": True, "auth_password": "changeme"}

    told = [settings_of(tmp_path, {**with_app(), "peer_sync": one}) for one in (known, default)]

    assert [(), ()] == [one.app.credentials for one in told]
    assert "known already" in notes(told[0])["peer_sync.auth_username"]
    assert "no peer may ask" in notes(told[1])["peer_sync.auth_password"]
