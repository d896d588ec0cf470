"""What `make dist` makes is whole, the same each time, and runs where there is no checkout."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import time
import venv
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from bench.load import answer_to, dns_socket, large_zone, wait_served
from bench.service import free_port

from directdnsonly import __version__
from directdnsonly.cli.shipped import CONFIG, EXAMPLE, STARTERS
from tests.support.programs import end, require_program
from tests.support.wire import DirectAdmin

ROOT = Path(__file__).parents[2]
MAN = ROOT / "docs/man"


@dataclass(frozen=True)
class Release:
    """The files by their kind."""

    folder: Path
    wheel: Path
    sdist: Path
    bill: Path
    licences: Path


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    return _make(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def dadns(release: Release, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command from the wheel in a virtual environment of its own.

    Its dependencies are those of this environment: installing the lock is tried by the image and by `make test-systemd`.
    """
    place = tmp_path_factory.mktemp("clean")
    venv.create(place, with_pip=False, symlinks=True)
    packages = next(place.glob("lib/python3*/site-packages"))
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--prefix", str(place)]
    subprocess.run([*install, str(release.wheel)], check=True, capture_output=True)
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    for script in (place / "bin/dadns", place / "bin/directdnsonly"):
        script.write_text(re.sub(r"^#!.*", f"#!{place}/bin/python", script.read_text()))
    return [str(place / "bin/dadns")]


def test_the_same_commit_gives_the_same_files(release, tmp_path):
    """To the octet, so that anybody can check what we publish."""
    again = _make(tmp_path)

    assert (release.folder / "SHA256SUMS").read_text() == (again.folder / "SHA256SUMS").read_text()


def test_the_checksums_are_those_of_the_files(release):
    """And every file has one."""
    lines = (release.folder / "SHA256SUMS").read_text().splitlines()
    told = {name: digest for digest, name in (line.split() for line in lines)}

    found = {file.name: file for file in release.folder.iterdir() if file.name != "SHA256SUMS"}
    assert {name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in found.items()} == told


def test_the_wheel_carries_the_package_and_nothing_else(release):
    """All modules and migrations, what `dadns init` writes, the manuals, the licence; no tests, no secrets."""
    names = zipfile.ZipFile(release.wheel).namelist()
    source = {str(file.relative_to(ROOT / "src")) for file in (ROOT / "src").rglob("*") if _is_source(file)}
    shipped = {f"directdnsonly/shipped/{name}" for name in (EXAMPLE, *STARTERS.values())}
    data = {
        f"directdnsonly-{__version__}.data/data/share/man/man{page.suffix[1:]}/{page.name}" for page in MAN.iterdir()
    }

    assert source | shipped | data == {name for name in names if ".dist-info/" not in name}
    assert any(name.endswith("/licenses/LICENSE") for name in names)


def test_the_sdist_holds_what_a_packager_needs(release):
    """And nothing that belongs to a machine: no config/, no data/, no secrets."""
    with tarfile.open(release.sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}

    needed = {"Dockerfile", "Makefile", "LICENSE", "SECURITY.md", "requirements.lock", "deploy/compose/a/.env.example"}
    assert needed <= names
    assert not [name for name in names if re.match(r"config/|data/|dist/|\.venv|.*/secrets/|.*/\.env$", name)]


def test_the_bill_of_materials_names_what_the_lock_pins(release):
    """Every package of requirements.lock with its digests, and a licence for all that is installed here."""
    bill = json.loads(release.bill.read_text())
    pins = dict(re.findall(r"(?m)^([A-Za-z0-9._-]+)==([^\s;\\]+)", (ROOT / "requirements.lock").read_text()))

    assert pins == {one["name"]: one["version"] for one in bill["components"]}
    assert all(one["properties"] for one in bill["components"])
    references = {one["bom-ref"] for one in bill["components"]} | {bill["metadata"]["component"]["bom-ref"]}
    for node in bill["dependencies"]:
        assert {node["ref"], *node["dependsOn"]} <= references
    assert "fastapi" in json.dumps(bill["dependencies"][0])
    assert not re.search(r"(?i)GPL|not told", release.licences.read_text()), "a licence to look at"


def test_the_command_runs_from_the_wheel(dadns, tmp_path):
    """`--version` tells the one version; `check` names what is wrong and what is right."""
    require_program("named")
    config = tmp_path / "app.yml"
    config.write_text(_config(tmp_path, free_port(), free_port()))

    place = Path(dadns[0]).parents[1]
    where = "import directdnsonly; print(directdnsonly.__file__)"
    assert _run(f"{place}/bin/python", "-c", where).startswith(str(place)), "this is the checkout, not the wheel"
    assert __version__ == _run(*dadns, "--version")
    checked = _run(*dadns, "check", "--config", str(config))
    assert "named" in checked
    assert "wrong" not in checked


def test_the_wheel_alone_is_enough(dadns, tmp_path):
    """`dadns init` in an empty folder, then `directdnsonly`: pushes are accepted and served by its own configuration; the example, the manuals."""
    require_program("named")
    place = Path(dadns[0]).parent
    tmp_path.chmod(0o755)
    written = _run(*dadns, "init", str(tmp_path))
    found = re.search(r"auth_password: (\S+)", (tmp_path / CONFIG).read_text())
    port, dns_port = free_port(), free_port()

    assert found is not None
    assert f"\nExecStart={place}/dadns serve" in (tmp_path / "systemd/directdnsonly.service").read_text()
    assert f"directdnsonly --config {tmp_path}/{CONFIG}" in written
    assert (ROOT / EXAMPLE).read_text().strip() == _run(*dadns, "config", "--example")
    assert (place.parent / "share/man/man1/dadns.1").is_file()
    ports = {
        "DADNS_APP_LISTEN_PORT": str(port),
        "DADNS_DNS_BACKENDS_BIND_PORT": str(dns_port),
    }  # others are in use here
    with _served([str(place / "directdnsonly"), "--stop-name-servers"], tmp_path, port, ports):
        master = DirectAdmin("127.0.0.1", port, "directdnsonly", found[1])
        with dns_socket(dns_port) as sock:
            assert b"error=0" == master.rawsave("small.example", large_zone("small.example", 1, 2_000)).body
            wait_served(sock, "small.example", 1)


def test_the_service_runs_from_the_wheel(dadns, tmp_path):
    """Migrations and the page's assets are in it: pushes are accepted and served, large ones too."""
    require_program("named")
    port, dns_port = free_port(), free_port()
    master = DirectAdmin("127.0.0.1", port, "directdnsonly", "of-my-own")
    config = tmp_path / "app.yml"
    config.write_text(_config(tmp_path, port, dns_port))
    tmp_path.chmod(0o755)
    with (
        _served([*dadns, "serve", "--stop-name-servers", "--config", str(config)], tmp_path, port, {}),
        dns_socket(dns_port) as sock,
    ):
        for octets in (90_000, 800_000):
            assert b"error=0" == master.rawsave("large.example", large_zone("large.example", octets, octets)).body
            wait_served(sock, "large.example", octets)


@contextlib.contextmanager
def _served(words: list[str], folder: Path, port: int, environ: dict[str, str]) -> Iterator[None]:
    """The service started in `folder`, from when it is ready until it has ended well."""
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log, cwd=folder, env=os.environ | environ)
    try:
        until = time.monotonic() + 120
        while True:
            with contextlib.suppress(OSError), answer_to(f"http://127.0.0.1:{port}/readyz", limit_s=5) as answer:
                if answer.status == 200:
                    break
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < until, (folder / "log").read_text()
            time.sleep(0.05)
        yield
    finally:
        assert 0 == end(process)


def _config(folder: Path, port: int, dns_port: int) -> str:
    return (
        f"data_dir: {folder}/data\napp: {{auth_password: of-my-own, listen_host: 127.0.0.1, listen_port: {port}}}\n"
        f"dns: {{backends: {{bind: {{managed: true, port: {dns_port}}}}}}}\n"
    )


def _run(*words: str) -> str:
    plain = {"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
    done = subprocess.run(words, capture_output=True, text=True, env=plain, cwd="/", check=False, timeout=60)
    assert 0 == done.returncode, done.stdout + done.stderr
    return done.stdout.strip()


def _make(folder: Path) -> Release:
    made = subprocess.run(
        [sys.executable, ROOT / "deploy/release/dist.py", folder], capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stdout + made.stderr
    name = f"directdnsonly-{__version__}"
    return Release(
        folder=folder,
        wheel=next(folder.glob("*.whl")),
        sdist=next(folder.glob("*.tar.gz")),
        bill=folder / f"{name}.cdx.json",
        licences=folder / f"{name}.licences.txt",
    )


def _is_source(file: Path) -> bool:
    return file.is_file() and "__pycache__" not in file.parts
