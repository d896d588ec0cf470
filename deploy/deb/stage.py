"""The tree of the Debian package: stage.py STAGE DEBIAN [VERSION], beside the environment that lies in STAGE/usr/lib/directdnsonly.

Runs with the Python of the release, without any package. Unit, user, folders and first configuration are those of deploy/systemd.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
NAME = "directdnsonly"
HOME = f"usr/lib/{NAME}"
SHARE = f"usr/share/{NAME}"
DOC = f"usr/share/doc/{NAME}"
RECIPE_PROGRAM = "/opt/directdnsonly/bin/dadns"  # in the unit as it stands in deploy/systemd
MERGED_SINCE = 13  # from this Debian on units belong below /usr/lib
EXAMPLES = (
    "config.example.yml", "deploy/nginx/directdnsonly.conf", "deploy/caddy/Caddyfile", "deploy/prometheus/prometheus.yml",
    "deploy/prometheus/directdnsonly.rules.yml", "deploy/grafana/directdnsonly.json",
)  # fmt: skip
SCRIPTS = ("postinst", "prerm", "postrm")


def stage(place: Path, debian: int, *, version: str = "") -> None:
    """Everything but the environment. `debian`: the release's number; `version`: of the package, else the project's."""
    version = version or debian_version(project_version(), debian)
    _systemd(place, debian)
    for name in ("systemd/app.yml", "systemd/write-config.sh", "apparmor/allow-named.sh"):
        _copy(ROOT / "deploy" / name, place / SHARE / Path(name).name)
    for program in ("dadns", "directdnsonly"):
        link = place / "usr/bin" / program
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(f"../lib/{NAME}/bin/{program}")
    for page in sorted((ROOT / "docs/man").iterdir()):
        _zipped(page.read_bytes(), place / f"usr/share/man/man{page.suffix[1:]}/{page.name}.gz")
    for example in EXAMPLES:
        _copy(ROOT / example, place / DOC / "examples" / example.removeprefix("deploy/"))
    _documents(place, version)
    _control(place, version)


def debian_version(version: str, debian: int) -> str:
    """Of a Python version: 3.0.0.dev1 is 3.0.0~dev1-1+deb12, which is older than 3.0.0. The same on a newer Debian is newer."""
    return re.sub(r"\.?(dev|a|b|rc)(?=\d)", r"~\1", version) + f"-1+deb{debian}"


def project_version() -> str:
    """As the package tells it."""
    text = (ROOT / "src/directdnsonly/__init__.py").read_text(encoding="utf-8")
    return re.findall(r'__version__ = "(.+)"', text)[0]


def control(version: str, architecture: str, size_kib: int, python: tuple[int, int]) -> str:
    """The control file; the environment wants the very Python that made it."""
    major, minor = python
    name, address = (
        os.environ.get("DEBFULLNAME", "DirectDNSOnly"),
        os.environ.get("DEBEMAIL", "directdnsonly@example.com"),
    )
    return f"""\
Package: {NAME}
Version: {version}
Architecture: {architecture}
Maintainer: {name} <{address}>
Installed-Size: {size_kib}
Depends: python3 (>= {major}.{minor}), python3 (<< {major}.{minor + 1}), libc6, init-system-helpers (>= 1.51), adduser | systemd-sysusers
Recommends: bind9 | nsd | knot
Suggests: bind9-dnsutils, nginx | caddy, prometheus
Section: net
Priority: optional
Description: extra DNS server of DirectAdmin's Multi Server Setup
 It receives the zones that DirectAdmin pushes, commits each to disk before
 it says so, publishes it on every name server of its configuration (BIND,
 NSD and Knot, which it can run itself, PowerDNS, CoreDNS) and asks each of
 them by DNS until the zone is proven to be served.
 .
 The package has a Python environment of its own in /{HOME}.
"""


def _systemd(place: Path, debian: int) -> None:
    unit = (ROOT / "deploy/systemd/directdnsonly.service").read_text(encoding="utf-8")
    assert RECIPE_PROGRAM in unit
    where = "usr/lib/systemd/system" if debian >= MERGED_SINCE else "lib/systemd/system"
    _write(unit.replace(RECIPE_PROGRAM, f"/{HOME}/bin/dadns"), place / where / f"{NAME}.service")
    for kind in ("sysusers", "tmpfiles"):
        _copy(ROOT / f"deploy/systemd/{kind}.conf", place / f"usr/lib/{kind}.d/{NAME}.conf")


def _documents(place: Path, version: str) -> None:
    _write(copyright_of(place), place / DOC / "copyright")
    _copy(HERE / "README.Debian", place / DOC / "README.Debian")
    _copy(HERE / "lintian-overrides", place / f"usr/share/lintian/overrides/{NAME}")
    _zipped((ROOT / "CHANGELOG.md").read_bytes(), place / DOC / "changelog.gz")
    at = datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH", "315532800")), UTC).strftime(
        "%a, %d %b %Y %H:%M:%S +0000"
    )
    maintainer = re.findall(r"Maintainer: (.*)", control(version, "", 0, (3, 11)))[0]
    entry = f"{NAME} ({version}) unstable; urgency=medium\n\n  * See changelog.gz.\n\n -- {maintainer}  {at}\n"
    _zipped(entry.encode(), place / DOC / "changelog.Debian.gz")


def copyright_of(place: Path) -> str:
    """Ours, and that of each library in the environment."""
    licence = "".join(
        f" {line}\n" if line else " .\n" for line in (ROOT / "LICENSE").read_text(encoding="utf-8").splitlines()
    )
    found = metadata.distributions(path=[str(path) for path in place.glob(f"{HOME}/lib/python3*/site-packages")])
    lines = sorted({f"   {one.metadata['Name']} {one.version}: {_licence(one)}\n" for one in found})
    return (
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: DirectDNSOnly\nComment:\n"
        f" Libraries in /{HOME}, whose licences lie beside each in its .dist-info:\n{''.join(lines)}\n"
        f"Files: *\nCopyright: the authors of DirectDNSOnly\nLicense: Expat\n{licence}"
    )


def _licence(one: metadata.Distribution) -> str:
    """The SPDX expression where the library gives one, else its classifiers."""
    if expression := one.metadata.get("License-Expression"):
        return str(expression)
    named = [
        line.rpartition(" :: ")[2] for line in one.metadata.get_all("Classifier") or () if line.startswith("License ::")
    ]
    return ", ".join(named) or (one.metadata.get("License") or "not told").splitlines()[0]


def _control(place: Path, version: str) -> None:
    files = [file for file in _files(place) if not file.is_symlink()]
    sums = "".join(f"{hashlib.md5(file.read_bytes()).hexdigest()}  {file.relative_to(place)}\n" for file in files)  # noqa: S324 - what dpkg --verify compares
    size = sum(-(-file.stat().st_size // 1024) for file in files) + len(files) // 4
    _write(control(version, _architecture(), size, sys.version_info[:2]), place / "DEBIAN/control")
    _write(sums, place / "DEBIAN/md5sums")
    # bind9 may come, or come back, after us.
    _write("interest-noawait /etc/apparmor.d/usr.sbin.named\n", place / "DEBIAN/triggers")
    for script in SCRIPTS:
        _copy(HERE / script, place / "DEBIAN" / script)
        (place / "DEBIAN" / script).chmod(0o755)


def _architecture() -> str:
    command = ["dpkg", "--print-architecture"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603 - fixed words


def _files(place: Path) -> Iterator[Path]:
    yield from (
        path
        for path in sorted(place.rglob("*"))
        if (path.is_file() or path.is_symlink()) and "DEBIAN" not in path.parts
    )


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(0o755 if source.suffix == ".sh" else 0o644)


def _write(text: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    target.chmod(0o644)


def _zipped(content: bytes, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(gzip.compress(content, 9, mtime=0))
    target.chmod(0o644)


if __name__ == "__main__":
    os.umask(0o022)
    stage(Path(sys.argv[1]), int(sys.argv[2]), version="".join(sys.argv[3:]))
