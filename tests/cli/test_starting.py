"""`dadns init` and `dadns config`: the first day, also from a wheel alone (tests/deploy/test_dist.py)."""

from __future__ import annotations

import json
import os
import re
import shlex
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from directdnsonly.cli.shipped import CONFIG, EXAMPLE, STARTERS, UNIT
from directdnsonly.cli.starting import in_unit
from directdnsonly.config import load

ROOT = Path(__file__).parents[2]
DADNS = Path(sys.executable).with_name("dadns")


def dadns(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    plain = {key: value for key, value in os.environ.items() if not key.startswith("DADNS_")}
    environ = plain | {"TERM": "dumb", "COLUMNS": "400", "NO_COLOR": "1"}
    return subprocess.run(
        [DADNS, *words], cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=60
    )


def content(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_init_writes_what_a_new_installation_needs(tmp_path):
    """Every file, the configuration as it is read at once, with a password of its own that nobody else can read."""
    done = dadns(tmp_path, "init")

    assert 0 == done.returncode, done.stderr
    assert set(STARTERS) == set(content(tmp_path))
    settings = load(tmp_path / CONFIG, environ={})
    assert ["bind"] == list(settings.enabled_backends())
    assert "127.0.0.1" == settings.app.listen_host
    assert len(settings.app.auth_password.get_secret_value()) >= 32
    assert 0o600 == stat.S_IMODE((tmp_path / CONFIG).stat().st_mode)
    assert yaml.safe_load((tmp_path / "prometheus/directdnsonly.rules.yml").read_text())["groups"]
    assert json.loads((tmp_path / "grafana/directdnsonly.json").read_text())["panels"]
    assert "@" not in (tmp_path / CONFIG).read_text()


def test_every_installation_has_a_password_of_its_own(tmp_path):
    """Two calls, two passwords."""
    dadns(tmp_path, "init", "one")
    dadns(tmp_path, "init", "two")

    one, two = (
        load(tmp_path / name / CONFIG, environ={}).app.auth_password.get_secret_value() for name in ("one", "two")
    )
    assert one != two


def test_the_unit_starts_the_environment_that_wrote_it(tmp_path):
    """Everything else of it is that of deploy/systemd."""
    dadns(tmp_path, "init")

    written, shipped = (tmp_path / UNIT).read_text(), (ROOT / STARTERS[UNIT]).read_text()
    assert f"\nExecStart={DADNS} serve --config /etc/directdnsonly/app.yml\n" in written
    assert f"\nExecReload={DADNS} reload --config /etc/directdnsonly/app.yml\n" in written
    assert re.sub("(?m)^Exec(Start|Reload)=.*", "", shipped) == re.sub("(?m)^Exec(Start|Reload)=.*", "", written)


@pytest.mark.parametrize(
    ("program", "word"),
    [
        ("/opt/a-b/bin/dadns", "/opt/a-b/bin/dadns"),
        ("/opt/a b/bin/dadns", '"/opt/a b/bin/dadns"'),
        ('/opt/a"b\\c/dadns', '"/opt/a\\"b\\\\c/dadns"'),
        ("/opt/100%/dadns", "/opt/100%%/dadns"),
    ],
)
def test_a_path_is_one_word_of_the_unit(program, word):
    """As systemd reads it, with spaces and percent signs too."""
    assert word == in_unit(Path(program))


def test_the_files_that_init_tells_of_are_there(tmp_path):
    """Whatever its next steps name below the folder; also when the folder has a space."""
    done = dadns(tmp_path, "init", "new one")

    named = {word for line in done.stdout.splitlines() for word in _words(line) if word.startswith("new one/")}
    assert f"new one/{CONFIG}" in named
    assert f"new one/{UNIT}" in named
    assert [] == [word for word in named if not (tmp_path / word.rstrip("/")).exists()]


def _words(line: str) -> list[str]:
    try:
        return [word.rstrip(";,.") for word in shlex.split(line)]
    except ValueError:  # prose
        return []


def test_init_overwrites_nothing(tmp_path):
    """One file with other content: it is named, and nothing at all is written, so that nobody has half of an installation."""
    (tmp_path / "nginx").mkdir()
    (tmp_path / "nginx/directdnsonly.conf").write_text("mine\n")

    done = dadns(tmp_path, "init")

    assert 1 == done.returncode
    assert "nginx/directdnsonly.conf" in done.stderr
    assert {"nginx/directdnsonly.conf": b"mine\n"} == content(tmp_path)


def test_force_writes_anew_what_it_names_and_nothing_else(tmp_path):
    """The configuration with its password stays, though other files are written anew."""
    dadns(tmp_path, "init")
    before = content(tmp_path)
    (tmp_path / UNIT).write_text("mine\n")

    refused = dadns(tmp_path, "init", "--force", UNIT)
    forced = dadns(tmp_path, "init", "--force", UNIT, "--force", f"./{CONFIG}")

    assert (1, 0) == (refused.returncode, forced.returncode)
    assert CONFIG in refused.stderr
    assert UNIT not in refused.stderr
    after = content(tmp_path)
    assert {CONFIG} == {name for name in before if before[name] != after[name]}


def test_force_names_a_file_that_init_writes(tmp_path):
    """A slip is told, not ignored."""
    done = dadns(tmp_path, "init", "--force", "app.yml")

    assert 2 == done.returncode
    assert CONFIG in done.stderr
    assert {} == content(tmp_path)


def test_a_link_in_the_way_is_not_followed(tmp_path):
    """It may point to somebody's file; forced, the link gives way and its target stays."""
    (tmp_path / "target").write_text("mine\n")
    (tmp_path / "it/caddy").mkdir(parents=True)
    (tmp_path / "it/caddy/Caddyfile").symlink_to(tmp_path / "target")

    refused = dadns(tmp_path, "init", "it")
    forced = dadns(tmp_path, "init", "it", "--force", "caddy/Caddyfile")

    assert (1, 0) == (refused.returncode, forced.returncode)
    assert "mine\n" == (tmp_path / "target").read_text()
    assert not (tmp_path / "it/caddy/Caddyfile").is_symlink()


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    """With its name and the reason, no traceback."""
    (tmp_path / "file").write_text("")

    done = dadns(tmp_path, "init", "file")

    assert 1 == done.returncode
    assert re.fullmatch(r"not written: \S*file\S*: [^\n]+\n", done.stderr)


def test_config_prints_the_example(tmp_path):
    """To the octet, so that it can be redirected into a file; it is read as it stands."""
    done = dadns(tmp_path, "config", "--example")

    assert (ROOT / EXAMPLE).read_text() == done.stdout
    (tmp_path / "app.yml").write_text(done.stdout)
    load(tmp_path / "app.yml", environ={})


def test_config_tells_which_file_is_read(tmp_path):
    """None, the usual place, a file that is not there."""
    nothing = dadns(tmp_path, "config")
    (tmp_path / "config").mkdir()
    (tmp_path / CONFIG).write_text("")
    usual, away = dadns(tmp_path, "config"), dadns(tmp_path, "config", "--config", "away.yml")

    assert "no configuration file is there" in nothing.stdout or "/etc/directdnsonly" in nothing.stdout
    assert f"{tmp_path / CONFIG} is read\n" in usual.stdout
    assert f"{tmp_path}/away.yml is read, but it is not there" in away.stdout


def test_what_init_writes_is_in_the_wheel_and_in_the_image():
    """pyproject.toml and the Dockerfile list the same files, at the paths where they are looked for."""
    shipped = {EXAMPLE, *STARTERS.values()}
    project = (ROOT / "pyproject.toml").read_text()
    docker = (ROOT / "Dockerfile").read_text()
    allowed = (ROOT / ".dockerignore").read_text().splitlines()

    assert shipped == {
        found for found, at in re.findall(r'(?m)^"(.+)" = "directdnsonly/shipped/(.+)"$', project) if found == at
    }
    copied = {
        source: f"{target}{Path(source).name}"
        for sources, target in re.findall(r"(?m)^COPY (.+) app/directdnsonly/shipped/(.*)$", docker)
        for source in sources.split()
    }
    assert {name: name for name in shipped} == copied
    assert shipped <= {line.removeprefix("!") for line in allowed}
