"""The page about the original is walked: each key of its table does what the table says."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import SecretStr

from directdnsonly.config import Settings, Starter, load
from directdnsonly.config.original import ASIDE, PATHS, SECTIONS
from directdnsonly.errors import ConfigError
from tests.component.test_config_original import VARIABLES
from tests.support.programs import require_program

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/migrate-from-original.md"
STARTERS = (Starter.IMAGE, Starter.ROOT, Starter.USER)
# What a key needs beside it, so that it means anything.
BESIDE: Mapping[str, Mapping[str, Any]] = {
    "app.ssl_enable": {"ssl_cert": "fullchain.pem", "ssl_key": "privkey.pem"},
    "app.ssl_cert": {"ssl_enable": True, "ssl_key": "privkey.pem"},
    "app.ssl_key": {"ssl_enable": True, "ssl_cert": "fullchain.pem"},
    "app.ssl_bundle": {"ssl_enable": True, "ssl_cert": "fullchain.pem", "ssl_key": "privkey.pem"},
    "dns.backends.bind.zones_dir": {"enabled": True},
    "dns.backends.bind.named_conf": {"enabled": True},
    "dns.backends.nsd.zones_dir": {"enabled": True, "control_socket": "/run/nsd/nsd.ctl"},
    "dns.backends.nsd.nsd_conf": {"enabled": True},
}
NSD_IN_THE_IMAGE = {"enabled": True, "nsd_conf": "/etc/nsd/nsd.conf.d/zones.conf"}
PEERS = {"enabled": True}
PEER_BESIDE = {
    "auth_username": {"auth_password": "your-secret"},
    "peer_url": {"peer_password": "your-secret"},
    "peer_username": {"peer_url": "https://ddo-2:2222", "peer_password": "your-secret"},
    "peer_password": {"peer_url": "https://ddo-2:2222"},
}
DATABASE = {"database": "coredns", "username": "coredns"}


@dataclass(frozen=True)
class Row:
    """One line of the table of keys."""

    key: str
    value: Any
    outcome: Mapping[Starter, str]
    instead: str


def cells_of(heading: str) -> Iterator[list[str]]:
    """The rows of the table below a heading, without its first two lines."""
    section = PAGE.read_text().split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    for line in lines[2:]:
        yield [cell.strip() for cell in line.strip("|").split("|")]


def rows() -> list[Row]:
    found = []
    for key, value, image, host, instead in cells_of("Keys"):
        outcome = {Starter.IMAGE: image, Starter.ROOT: host, Starter.USER: host}
        found.append(Row(key.strip("`"), yaml.safe_load(value.strip("`")), outcome, instead))
    return found


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a certificate and its key, by the names of the table."""
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        [require_program("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-subj", "/CN=ns.example", "-keyout", folder / "privkey.pem", "-out", folder / "fullchain.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    (folder / "chain.pem").write_bytes((folder / "fullchain.pem").read_bytes())
    return folder


def configured(row: Row, starter: Starter, tls: Path) -> dict[str, Any]:
    """A configuration of the original's with this key."""
    section, _, key = row.key.rpartition(".")
    beside = dict(BESIDE.get(row.key, {}))
    if row.key == "dns.backends.nsd.zones_dir" and starter is Starter.IMAGE:
        beside = NSD_IN_THE_IMAGE
    if section == "peer_sync":
        beside = PEERS | PEER_BESIDE.get(key, {})
    if section == "dns.backends.coredns_mysql":
        beside = DATABASE
    values = {
        name: str(tls / one) if str(one).endswith(".pem") else one for name, one in {**beside, key: row.value}.items()
    }
    tree: dict[str, Any] = {
        "app": {"auth_password": "of-my-own"},
        "dns": {"backends": {"bind": {"type": "bind", "enabled": True, "port": 5309}}},
    }
    place = tree
    for part in section.split(".") if section else ():
        place = place.setdefault(part, {})
    place.update(values)
    return tree


def value_at(settings: Settings, path: str) -> Any:
    found: Any = settings
    for part in path.split("."):
        found = found[part] if isinstance(found, dict) else getattr(found, part)
    return found


def same(found: Any, value: Any) -> bool:
    """Whether a setting is what was written: secrets, paths, levels and lists of servers have forms of their own."""
    if isinstance(value, list):
        return len(found) == len(value) and all(
            one.hostname == each["hostname"] for one, each in zip(found, value, strict=True)
        )
    if isinstance(found, SecretStr):
        return bool(found.get_secret_value() == value)
    if isinstance(found, Path):
        return found == Path(value)
    return bool(found == value or str(found).lower() == str(value).lower())


@pytest.mark.parametrize("starter", STARTERS)
@pytest.mark.parametrize("row", rows(), ids=lambda row: row.key)
def test_each_key_does_what_the_table_says(tmp_path, tls, row, starter):
    """As it was, no effect (and told), refused (and named), or one of our keys has its value."""
    file = tmp_path / "app.yml"
    file.write_text(yaml.safe_dump(configured(row, starter, tls)))
    outcome = row.outcome[starter]
    if outcome == "refused":
        with pytest.raises(ConfigError) as caught:
            load(file, environ={}, starter=starter)
        assert [row.key] == [problem.path for problem in caught.value.problems]
        assert all(problem.hint for problem in caught.value.problems), "and what to do instead"
        return

    settings = load(file, environ={}, starter=starter)

    noted = {note.path for note in settings.notes} | {note.path.split(".")[0] for note in settings.notes}
    section = row.key.split(".")[0]
    if outcome == "no effect":
        assert noted & {row.key, section}, noted
    elif outcome == "as it was":
        assert row.key not in noted
        assert same(value_at(settings, row.key), row.value)
    else:
        assert value_at(settings, outcome.strip("`")), outcome


def test_every_key_that_is_not_ours_is_in_the_table():
    """Those that the code knows, and those of every variable of its README."""
    listed = {row.key for row in rows()}
    known = {
        *ASIDE,
        *(".".join(path) for path in PATHS),
        *(f"{s}.{key}" for s, keys in SECTIONS.items() for key in keys),
    }
    variables = {f"DADNS_{key}".replace(".", "_").upper() for key in listed}

    assert known <= listed
    assert set(VARIABLES) <= variables


def test_each_address_of_the_original_is_in_the_page():
    """tests/e2e/test_original_image.py asks them."""
    assert {
        "/CMD_API_LOGIN_TEST", "/CMD_API_DNS_ADMIN", "/health", "/queue_status", "/", "/status", "/internal/zones",
    } == {cells[0].strip("`") for cells in cells_of("Addresses")}  # fmt: skip
