"""`peers` and `peering` in the configuration: what is wrong is told, each by its key, without a secret."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from directdnsonly.config import Settings, load
from directdnsonly.errors import ConfigError
from directdnsonly.peers.settings import PeerSettings

GOOD = {"name": "ns2", "url": "https://ns2.example:2222", "token": "dadns_s3cret"}
TREE = {
    "app": {"auth_password": "x-y-z", "listen_host": "127.0.0.1"},
    "dns": {"backends": {"bind": {"port": 5301}}},
}


def loaded(folder: Path, *peers: Any, **peering: Any) -> Settings:
    file = folder / "app.yml"
    file.write_text(yaml.safe_dump({**TREE, "peers": list(peers), "peering": peering}))
    return load(file, environ={})


def told(folder: Path, *peers: Any, **peering: Any) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        loaded(folder, *peers, **peering)
    assert "s3cret" not in str(caught.value)
    return {one.path: str(one) for one in caught.value.problems}


@pytest.mark.parametrize(
    ("change", "path", "why"),
    [
        ({"url": "http://ns2.example:2222"}, "url", "must be https://"),
        ({"url": "http://192.0.2.1"}, "url", "must be https://"),
        ({"url": "ns2.example:2222"}, "url", "must be https://host:port"),
        ({"url": "https://"}, "url", "must be https://host:port"),
        ({"url": "https://ns2.example:99999"}, "url", "is no URL"),
        ({"url": "https://ns2.example:0"}, "url", "must be https://host:port"),
        ({"url": "https://[::1"}, "url", "is no URL"),
        ({"url": "https://u:s3cret@ns2.example"}, "url", "nothing else"),
        ({"url": "https://ns2.example/api"}, "url", "nothing else"),
        ({"url": "https://ns2.example?x"}, "url", "nothing else"),
        ({"url": "https://ns2.example#"}, "url", "nothing else"),
        ({"url": "https://ns2.example\r\nX: y"}, "url", "https://host:port"),
        ({"url": "unix:/run/x"}, "url", "must be https://host:port"),
        ({"url": "https://\N{SNOWMAN}.example"}, "url", "cannot be asked"),
        ({"url": "https://xn--zzzzzzzz9999.example"}, "url", "cannot be asked"),
        ({"url": "https://xn--a.example"}, "url", "cannot be asked"),
        ({"url": 7}, "url", "string"),
        ({"name": ""}, "name", "pattern"),
        ({"name": "a b"}, "name", "pattern"),
        ({"name": "x" * 64}, "name", "pattern"),
        ({"token": ""}, "token", "is no token"),
        ({"token": "a b"}, "token", "is no token"),
        ({"token": "s3cret\nX: y"}, "token", "is no token"),
        ({"token_file": "/nowhere"}, "", "both set"),
        ({"token": None}, "", "needs one of"),
        ({"username": "u", "password": "s3cret"}, "", "needs one of"),
        ({"token": None, "username": "u"}, "", "only valid together"),
        ({"token": None, "username": "u:v", "password": "s3cret"}, "", "colon"),
        ({"fingerprint": "ab"}, "fingerprint", "64 hex digits"),
        ({"ca_file": "/nowhere.pem"}, "ca_file", "cannot be used"),
        ({"url": "http://127.0.0.1:1", "fingerprint": "ab" * 32}, "", "are of https://"),
        ({"interval": 5}, "interval", "is not a key"),
    ],
    ids=str,
)  # fmt: skip
def test_a_wrong_peer_is_told_by_its_key(tmp_path, change, path, why):
    problems = told(tmp_path, GOOD, {**GOOD, "name": "ns3", "url": "https://ns3.example", **change})

    (found,) = problems
    assert f"peers.1.{path}".rstrip(".") == found
    assert why in problems[found]


def test_all_that_is_wrong_is_told_at_once(tmp_path):
    problems = told(tmp_path, {**GOOD, "url": "x"}, {**GOOD, "name": ""}, interval_s=0, timeout_s="long")

    assert {"peers.0.url", "peers.1.name", "peering.interval_s", "peering.timeout_s"} == set(problems)


@pytest.mark.parametrize("change", [{"url": "https://NS2.example:2222/"}, {"name": "other"}])
def test_two_peers_of_one_name_or_address_are_refused(tmp_path, change):
    problems = told(
        tmp_path, GOOD, {**GOOD, "url": "https://other", **change} if "name" not in change else {**GOOD, **change}
    )

    assert "occurs twice" in problems["peers"]


def test_a_token_is_read_from_its_file_and_a_file_that_is_none_is_told(tmp_path):
    (tmp_path / "token").write_text("dadns_s3cret\n")
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    entry = {"name": "ns2", "url": "https://ns2.example"}

    (peer,) = loaded(tmp_path, {**entry, "token_file": str(tmp_path / "token")}).peers

    assert "Bearer dadns_s3cret" == peer.authorization
    assert "s3cret" not in repr(peer)
    for name, why in (("empty", "is no token"), ("binary", "not text"), ("nowhere", "No such file"), ("", "needs one")):
        problems = told(tmp_path, {**entry, "token_file": str(tmp_path / name) if name else ""})
        assert why in str(problems), name


def test_a_peer_on_this_machine_may_be_asked_in_clear_and_by_a_password():
    peer = PeerSettings.model_validate(
        {"name": "b", "url": "http://[::1]:2222/", "username": "u", "password": "s3cret"}
    )

    assert ("http://[::1]:2222", "Basic dTpzM2NyZXQ=") == (peer.url, peer.authorization)


def test_none_is_the_default(tmp_path):
    settings = loaded(tmp_path)

    assert ([], 30.0, 30.0) == (settings.peers, settings.peering.interval_s, settings.peering.timeout_s)
