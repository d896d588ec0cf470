"""The compose files: read by the real compose, with secrets made as we document it, and by our own settings."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from directdnsonly.config import load

ROOT = Path(__file__).parents[2]
OURS = {"a": ("ns1", "ns2"), "b": ("receiver",)}


@pytest.fixture(params=["a", "b"])
def topology(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of the folder, prepared by the first lines of its compose.yml."""
    shutil.copytree(ROOT / "deploy/compose", tmp_path / "compose", ignore=shutil.ignore_patterns("secrets", ".env"))
    folder = tmp_path / "compose" / str(request.param)
    subprocess.run(["../make-secrets.sh", f"../{request.param}"], cwd=folder, check=True, capture_output=True)
    shutil.copy(folder / ".env.example", folder / ".env")
    return folder


def test_compose_takes_the_file(topology):
    """And it does find a misspelt key."""
    assert 0 == _compose(topology, "config", "-q").returncode

    file = topology / "compose.yml"
    file.write_text(file.read_text().replace("restart:", "restrat:", 1))

    assert 0 != _compose(topology, "config", "-q").returncode


def test_a_missing_address_is_told_by_name(topology):
    """Nothing starts on an address that nobody has chosen."""
    (topology / ".env").unlink()

    done = _compose(topology, "config", "-q")

    assert 0 != done.returncode
    assert "copy .env.example to .env" in done.stderr


def test_our_services_are_locked_down_and_keep_their_data(topology):
    """Read-only root, no capability, no new privileges, a health check, a named volume for /app/data."""
    model = _model(topology)

    for name in OURS[topology.name]:
        service = model["services"][name]
        assert service["read_only"]
        assert ["ALL"] == service["cap_drop"]
        assert ["no-new-privileges:true"] == service["security_opt"]
        assert service["healthcheck"]["test"][-1].endswith("healthcheck.py")
        (data,) = [volume for volume in service["volumes"] if volume["target"] == "/app/data"]
        assert "volume" == data["type"]
        assert data["source"] in model["volumes"]
        assert "unless-stopped" == service["restart"]


def test_no_secret_stands_in_the_model_and_no_two_are_equal(topology):
    """Secrets come as files: what compose shows, and a process list, tell nothing."""
    secrets = {file.name: file.read_text() for file in (topology / "secrets").iterdir()}
    model = _model(topology)

    assert len(secrets) == len(set(secrets.values()))
    assert not [name for name, value in secrets.items() if value in json.dumps(model)]
    assert 0o700 == (topology / "secrets").stat().st_mode & 0o777


def test_secrets_are_made_once(topology):
    """A second run changes nothing."""
    before = {file.name: file.read_text() for file in (topology / "secrets").iterdir()}

    subprocess.run(["../make-secrets.sh", f"../{topology.name}"], cwd=topology, check=True, capture_output=True)

    assert before == {file.name: file.read_text() for file in (topology / "secrets").iterdir()}


def test_our_settings_take_the_configuration_with_its_variables(topology):
    """Every variable of the compose file is a setting, every key of app.yml too."""
    for name in OURS[topology.name]:
        service = _model(topology)["services"][name]
        variables = {
            key: value.replace("/run/secrets", str(topology / "secrets"))
            for key, value in service["environment"].items()
        }

        settings = load(topology / "app.yml", environ=variables)

        mounted = {secret["source"] for secret in service["secrets"]}
        assert {Path(value).name for value in variables.values()} == mounted
        assert (topology / "secrets" / f"{name}_password").read_text() == settings.app.auth_password.get_secret_value()


def _compose(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("docker-compose")
    plain = {"PATH": os.environ["PATH"], "HOME": str(folder)}  # no variable of this machine fills a gap
    return subprocess.run(
        [program, *words], cwd=folder, capture_output=True, text=True, check=False, timeout=60, env=plain
    )


def _model(folder: Path) -> dict[str, Any]:
    done = _compose(folder, "config", "--format", "json")
    assert 0 == done.returncode, done.stderr
    return dict(json.loads(done.stdout))
