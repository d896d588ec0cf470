"""`make dist`: wheel, sdist, SBOM (CycloneDX 1.6), licence list and checksums in dist/.

Built twice from the same commit the files are the same to the octet: every time in them is the commit's.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT / "src")]  # a script, not a package

from lock import Locked, read_lock  # noqa: E402 - as above
from sbom import bill, licence_list  # noqa: E402

from directdnsonly import __version__  # noqa: E402


def build(folder: Path) -> list[Path]:
    """Everything of one release, in `folder`, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    commit_at = _commit_time()
    environment = os.environ | {"SOURCE_DATE_EPOCH": str(commit_at)}
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder.resolve())]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    locked = read_lock((ROOT / "requirements.lock").read_text(encoding="utf-8"))
    _write(folder / f"directdnsonly-{__version__}.cdx.json", json.dumps(bill(locked, commit_at), indent=2) + "\n")
    _write(folder / f"directdnsonly-{__version__}.licences.txt", licence_list(locked))
    files = sorted(file for file in folder.iterdir() if __version__ in file.name)
    _write(folder / "SHA256SUMS", "".join(f"{_digest(file)}  {file.name}\n" for file in files))
    _tell(files, locked)
    return files


def _commit_time() -> int:
    """Of HEAD, in seconds; a tree that came as an sdist has none, and the oldest time that a zip can hold is taken."""
    command = ["git", "log", "-1", "--format=%ct"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - fixed words
    return int(done.stdout) if done.returncode == 0 else 315532800


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _write(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")


def _tell(files: Iterable[Path], locked: Iterable[Locked]) -> None:
    for file in files:
        print(f"{file.stat().st_size / 1024:8.0f} KiB  {file}")
    print(f"{len(list(locked)):8d} pinned dependencies")


if __name__ == "__main__":
    build(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "dist")
