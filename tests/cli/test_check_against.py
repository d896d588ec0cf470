"""`dadns check --against`: the zones that a newer name server would not load are named before an upgrade."""

from __future__ import annotations

import json

import pytest

from directdnsonly.clock import SystemClock
from directdnsonly.outbox.changes import NewVersion, Origin, Priority, Source
from directdnsonly.outbox.settings import OutboxSettings
from directdnsonly.outbox.sqlite.store import open_store
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.text import parse
from tests.support.made import H1, a_change_id

HEAD = "@ 60 IN SOA ns.host.example. h.host.example. 1 60 60 60 60\n@ 60 IN NS ns.host.example.\n"
ZONES = {
    "good.example": "www 60 IN A 192.0.2.1\n",
    "ds.example": "sub 60 IN DS 1 13 2 " + "ab" * 32 + "\n",
    "svcb.example": "_dns 60 IN SVCB 1 svc.example.\n",
    "uri.example": 'u 60 IN URI 1 1 ""\n',
}
CONFIG = "app: {{auth_password: x}}\ndata_dir: data\ndns: {{backends: {{bind: {{type: bind, {keys}}}}}}}\n"
EXTERNAL = "managed: false, verify_address: '127.0.0.1#9', rndc_port: 9"


@pytest.fixture
async def store(tmp_path):
    """A store with these zones, that nobody has open."""
    async with open_store(
        tmp_path / "data/queues", backends=["bind"], clock=SystemClock(), settings=OutboxSettings()
    ) as made:
        for name, records in ZONES.items():
            origin = Origin(change_id=a_change_id(), source=Source.DIRECTADMIN, owner=H1)
            zone = parse(HEAD + records, ZoneName.parse(name))
            await made.recording.record_push(NewVersion(zone=zone, origin=origin, priority=Priority.INTERACTIVE))


async def test_the_zones_that_an_external_named_would_lose_are_named(dadns, tmp_path, store):
    """With what to do, and exit code 1; in JSON all of them."""
    (tmp_path / "config.yml").write_text(CONFIG.format(keys=EXTERNAL))

    told = dadns("check", "--against", "9.20")
    as_json = json.loads(dadns("check", "--against", "debian-13", "--json").stdout)

    assert 1 == told.returncode
    assert [
        "wrong  bind: 1 zone has a DS where nothing is delegated: ds.example; BIND 9.20 does not load them: add `check-integrity no;` to its options, or correct them before you upgrade",
        "wrong  bind: 1 zone has SVCB without what RFC 9460 and RFC 9461 ask for: svcb.example; BIND 9.20 does not load them: add `check-svcb no;` to its options, or correct them before you upgrade",
        "wrong  bind: 1 zone has URI without a target: uri.example; BIND 9.20 does not load them: correct them before you upgrade",
    ] == told.stdout.splitlines()
    assert [["ds.example"], ["svcb.example"], ["uri.example"]] == [one["zones"] for one in as_json]


async def test_of_a_bundled_named_only_what_no_option_saves_is_wrong(dadns, tmp_path, store):
    """Of the rest it is told by us."""
    (tmp_path / "config.yml").write_text(CONFIG.format(keys="managed: true"))

    found = json.loads(dadns("check", "--against", "debian-14", "--json").stdout)

    assert [(True, ["ds.example"]), (True, ["svcb.example"]), (False, ["uri.example"])] == [
        (one["ok"], one["zones"]) for one in found
    ]
    assert 0 == dadns("check", "--against", "debian-12").returncode


async def test_check_itself_tells_of_an_external_named_that_there_is_something(dadns, tmp_path, store):
    """Before anybody thinks of an upgrade: one line, and the command that names them."""
    (tmp_path / "config.yml").write_text(CONFIG.format(keys=EXTERNAL))

    told = dadns("check").stdout

    assert (
        "bind: 3 zones are not loaded by BIND 9.20, unless an option allows them or they are corrected: dadns check --against bind-9.20 names them"
        in told
    )


@pytest.mark.parametrize("word", ["trixie", "bind", "postfix-3.1", "9"])
def test_a_version_that_nobody_knows_is_a_slip(dadns, tmp_path, word):
    """With what could be meant."""
    (tmp_path / "config.yml").write_text(CONFIG.format(keys="managed: true"))

    told = dadns("check", "--against", word)

    assert 2 == told.returncode, told
    assert "debian-13" in told.stderr


def test_a_store_that_is_not_there_is_told(dadns, tmp_path):
    """Nothing was looked at: no "as far as we know"."""
    (tmp_path / "config.yml").write_text(CONFIG.format(keys="managed: true"))

    told = dadns("check", "--against", "9.20")

    assert (1, True) == (told.returncode, "cannot be read" in told.stdout)
    assert not (tmp_path / "data").exists()
