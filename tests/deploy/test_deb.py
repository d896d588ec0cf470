"""The Debian package's tree and control file. That it installs, serves, upgrades and goes is shown by `make test-deb` (root)."""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from directdnsonly import __version__
from directdnsonly.config import load
from tests.support.programs import require_program

ROOT = Path(__file__).parents[2]
SCRIPTS = ("postinst", "prerm", "postrm")


@pytest.fixture(scope="module")
def stage() -> ModuleType:
    """deploy/deb/stage.py, a script."""
    spec = importlib.util.spec_from_file_location("deb_stage", ROOT / "deploy/deb/stage.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def tree(stage, tmp_path_factory) -> Path:
    """As of Debian 12, with an environment of one library."""
    place = tmp_path_factory.mktemp("stage")
    about = place / "usr/lib/directdnsonly/lib/python3.11/site-packages/dnspython-9.9.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.4\nName: dnspython\nVersion: 9.9\nLicense-Expression: ISC\n")
    stage.stage(place, 12)
    return place


def test_the_control_file_wants_the_python_that_made_the_environment(tree):
    """And no newer one: its packages would not be found. A name server is recommended, since another machine may have it."""
    fields = dict(line.split(": ", 1) for line in (tree / "DEBIAN/control").read_text().splitlines() if ": " in line)
    major, minor = sys.version_info[:2]

    assert "directdnsonly" == fields["Package"]
    assert f"python3 (>= {major}.{minor}), python3 (<< {major}.{minor + 1})" in fields["Depends"]
    assert "adduser | systemd-sysusers" in fields["Depends"]
    assert "bind9 | nsd | knot" == fields["Recommends"]
    assert int(fields["Installed-Size"]) > 0


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        (("3.0.0.dev0", 12), ("3.0.0.dev1", 12)),
        (("3.0.0.dev1", 13), ("3.0.0rc1", 12)),
        (("3.0.0rc1", 12), ("3.0.0", 12)),
        (("3.0.0", 12), ("3.0.0", 13)),  # so that an upgrade of Debian takes the one that has its Python
        (("3.0.0", 13), ("3.0.1", 12)),
    ],
)
def test_versions_of_the_package_are_in_the_order_of_ours(stage, older, newer):
    """As dpkg compares them."""
    words = [stage.debian_version(*older), "lt", stage.debian_version(*newer)]

    assert 0 == subprocess.run([require_program("dpkg"), "--compare-versions", *words], check=False).returncode, words
    assert __version__ == stage.project_version()


def test_unit_user_and_folders_are_those_of_the_recipe(tree):
    """One source: the unit starts the package's own environment, and nothing else of it is different."""
    recipe = (ROOT / "deploy/systemd/directdnsonly.service").read_text()
    unit = (tree / "lib/systemd/system/directdnsonly.service").read_text()

    assert re.sub("(?m)^(Exec[A-Z][a-z]+)=/opt/", r"\1=/usr/lib/", recipe) == unit
    for kind in ("sysusers", "tmpfiles"):
        assert (ROOT / f"deploy/systemd/{kind}.conf").read_text() == (
            tree / f"usr/lib/{kind}.d/directdnsonly.conf"
        ).read_text()


def test_a_newer_debian_has_its_unit_below_usr(stage, tmp_path):
    """/lib is a link there, and packages must not write through it."""
    stage.stage(tmp_path, 13)

    assert (tmp_path / "usr/lib/systemd/system/directdnsonly.service").is_file()
    assert not (tmp_path / "lib").exists()


def test_the_configuration_is_not_in_the_package(tree, tmp_path):
    """It is made at installation with a password of its own, and a second call leaves it alone; nothing of ours is below /etc."""
    assert not (tree / "etc").exists()
    assert not (tree / "DEBIAN/conffiles").exists()
    share, file = tree / "usr/share/directdnsonly", tmp_path / "app.yml"

    written = [
        subprocess.run([share / "write-config.sh", share / "app.yml", file], check=True) and file.read_text()
        for _ in "12"
    ]

    assert written[0] == written[1]
    assert re.fullmatch("[0-9a-f]{40}", load(file, environ={}).app.auth_password.get_secret_value())
    assert 0o600 == file.stat().st_mode & 0o777


def test_every_program_is_linked_and_has_its_manual(tree):
    """The commands of pyproject.toml, and the configuration's page."""
    programs = re.findall(r'(?m)^(\w+) = "directdnsonly\.cli:\w+"$', (ROOT / "pyproject.toml").read_text())

    assert {"dadns", "directdnsonly"} == set(programs)
    for program in programs:
        assert f"../lib/directdnsonly/bin/{program}" == str((tree / "usr/bin" / program).readlink())
        assert gzip.decompress((tree / f"usr/share/man/man1/{program}.1.gz").read_bytes()).startswith(b'.\\"')
    assert (tree / "usr/share/man/man5/directdnsonly.yml.5.gz").is_file()


def test_copyright_names_ours_and_every_library(tree):
    """Debian wants to know of each."""
    text = (tree / "usr/share/doc/directdnsonly/copyright").read_text()

    assert "dnspython 9.9: ISC" in text
    assert "License: Expat" in text
    assert (ROOT / "LICENSE").read_text().splitlines()[-1] in text


def test_the_examples_and_documents_are_there(tree):
    """TLS, monitoring, every key; the changelogs zipped as Debian wants them."""
    doc = tree / "usr/share/doc/directdnsonly"

    for example in (
        "nginx/directdnsonly.conf",
        "caddy/Caddyfile",
        "prometheus/directdnsonly.rules.yml",
        "grafana/directdnsonly.json",
    ):
        assert (ROOT / "deploy" / example).read_bytes() == (doc / "examples" / example).read_bytes()
    assert (doc / "examples/config.example.yml").is_file()
    assert (ROOT / "CHANGELOG.md").read_bytes() == gzip.decompress((doc / "changelog.gz").read_bytes())
    assert gzip.decompress((doc / "changelog.Debian.gz").read_bytes()).startswith(b"directdnsonly (")


def test_the_sums_are_those_of_the_files(tree):
    """`dpkg --verify` compares with them."""
    lines = (tree / "DEBIAN/md5sums").read_text().splitlines()

    told = {name: digest for digest, name in (line.split("  ") for line in lines)}
    found = [
        file for file in tree.rglob("*") if file.is_file() and not file.is_symlink() and "DEBIAN" not in file.parts
    ]
    assert {str(file.relative_to(tree)): hashlib.md5(file.read_bytes()).hexdigest() for file in found} == told


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_maintainer_scripts_parse_and_stop_at_an_error(tree, script):
    """Read by sh; the first comment tells what each does."""
    text = (tree / "DEBIAN" / script).read_text()

    subprocess.run(["sh", "-n", tree / "DEBIAN" / script], check=True)
    assert re.match(rf"#!/bin/sh\n# {script} of directdnsonly", text)
    assert "\nset -e\n" in text


def test_dpkg_makes_a_package_of_it(tree, tmp_path):
    """Without root; it reads its own fields back."""
    file = tmp_path / "it.deb"

    subprocess.run(
        [require_program("dpkg-deb"), "--root-owner-group", "-Znone", "--build", tree, file],
        check=True,
        capture_output=True,
    )

    fields = subprocess.run(["dpkg-deb", "--field", file, "Package"], check=True, capture_output=True, text=True).stdout
    assert "directdnsonly\n" == fields


def test_a_tidied_environment_has_its_packages_and_no_foreign_command(tmp_path):
    """What pip leaves beside them is gone; a library still tells its version."""
    packages = tmp_path / "lib/python3.11/site-packages"
    about = packages / "it-1.dist-info"
    for folder in (tmp_path / "bin", packages / "it/__pycache__", about, tmp_path / "share/man"):
        folder.mkdir(parents=True)
    kept = [tmp_path / "bin/python3", packages / "it/__init__.py", about / "METADATA"]
    gone = [
        tmp_path / "bin/uvicorn",
        packages / "it/__pycache__/it.pyc",
        about / "RECORD",
        packages / "it/it.pyi",
        tmp_path / "share/man/it.1",
    ]
    for file in kept + gone:
        file.write_text("")
        file.chmod(0o700)

    subprocess.run([ROOT / "deploy/deb/tidy.sh", tmp_path], check=True)

    assert {file for file in tmp_path.rglob("*") if file.is_file()} == set(kept)
    assert 0o644 == (packages / "it/__init__.py").stat().st_mode & 0o777
