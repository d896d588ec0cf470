"""The installation that is upgraded: `dadns serve` in a folder that stays, with bundled name servers on free ports."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.load import AUTH, PASSWORD, USER
from bench.service import free_port

DADNS = Path(sys.executable).with_name("dadns")
LIMIT_S = 600.0
CONFIG = """\
data_dir: {folder}/data
log_format: json
app:
  auth_username: {user}
  auth_password: {password}
  listen_host: 127.0.0.1
  listen_port: {port}
  hold_losses: true
dns:
  backends:
"""
BACKEND = '    {name}:\n      type: {name}\n      managed: true\n      listen: ["127.0.0.1"]\n      port: {port}\n'


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """What its folder says of it; `ports` of the name servers, by backend."""

    folder: Path
    port: int
    ports: Mapping[str, int]

    @property
    def config(self) -> Path:
        return self.folder / "app.yml"

    @contextmanager
    def running(self) -> Iterator[float]:
        """Started until every name server is there, stopped in the end; seconds until pushes were accepted."""
        began = time.perf_counter()
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen([DADNS, "serve", "--config", self.config], stdout=log, stderr=subprocess.STDOUT)
        try:
            accepting = self._wait_ready(process, began)
            yield accepting
        finally:
            process.terminate()
            code = process.wait(timeout=120)
        if code:
            raise RuntimeError(f"the service ended with {code}: {self.end_of_log()}")

    def _wait_ready(self, process: subprocess.Popen[bytes], began: float) -> float:
        accepting = 0.0
        while time.perf_counter() - began < LIMIT_S and process.poll() is None:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=10) as answer:
                    accepting = accepting or time.perf_counter() - began
                    if set(json.load(answer)["backends"].values()) <= {"ok"}:
                        return accepting
            except OSError:
                pass
            time.sleep(0.05)
        raise RuntimeError(f"the service was not ready: {self.end_of_log()}")

    def end_of_log(self) -> str:
        """For a person."""
        return (self.folder / "log").read_text()[-4000:]

    def ask(self, path: str, *, method: str = "GET") -> Any:
        """Of /api/v1."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/api/v1/{path}", method=method)
        request.add_header("Authorization", f"Basic {AUTH}")
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def wait_settled(self) -> None:
        """Until nothing is outstanding: all is proven, or given up."""
        until = time.monotonic() + LIMIT_S
        while any(one["pending"] + one["leased"] for one in self.ask("status")["backends"]):
            if time.monotonic() > until:
                raise RuntimeError(f"deliveries are still outstanding: {self.ask('status')}")
            time.sleep(0.2)

    def kept(self) -> dict[str, Any]:
        """What the store says of every zone, every held push and every pin, to be compared later."""
        zones = self._dadns("zones", "--json")
        held = self._dadns("held", "--json")
        return {
            "zones": {one["zone"]: [one["version"], one["kind"], one["serial"], one["digest"]] for one in zones},
            "held": sorted([one["zone"], one["digest"]] for one in held),
        }

    def named_before(self, release: str) -> dict[str, list[str]]:
        """By backend, the zones that `dadns check --against` says would be lost."""
        lost: dict[str, list[str]] = {}
        for one in self._dadns("check", "--against", release, "--json", codes=(0, 1)):
            if not one["ok"]:
                lost.setdefault(one["about"].partition(":")[0], []).extend(one["zones"])
        return lost

    def _dadns(self, *words: str, codes: Sequence[int] = (0,)) -> Any:
        done = subprocess.run(
            [DADNS, *words, "--config", self.config], capture_output=True, text=True, timeout=LIMIT_S, check=False
        )
        if done.returncode not in codes:
            raise RuntimeError(f"dadns {' '.join(words)}: {done.returncode} {done.stderr}")
        return json.loads(done.stdout)


def made(folder: Path, backends: Sequence[str]) -> Installation:
    """A new one, configured."""
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    port, ports = free_port(), {name: free_port() for name in backends}
    text = CONFIG.format(folder=folder, user=USER, password=PASSWORD, port=port)
    text += "".join(BACKEND.format(name=name, port=number) for name, number in ports.items())
    (folder / "app.yml").write_text(text)
    (folder / "ports.json").write_text(json.dumps({"port": port, "ports": ports}))
    return found(folder)


def found(folder: Path) -> Installation:
    """One that is there."""
    known = json.loads((folder / "ports.json").read_text())
    return Installation(folder=folder, port=known["port"], ports=known["ports"])
