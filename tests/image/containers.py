"""The engine that built the image, and one container of it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from bench.load import answer_to
from bench.service import free_port

ROOT = Path(__file__).parents[2]
HARDENED = (
    *("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
    *(
        "--sysctl",
        "net.ipv4.ip_unprivileged_port_start=0",
        "--tmpfs",
        "/tmp",
        "--memory",
        "512m",
        "--pids-limit",
        "100",
    ),
)


class Engine:
    """docker or podman."""

    def __init__(self) -> None:
        chosen = subprocess.run([ROOT / "deploy/container/engine.sh"], check=True, capture_output=True, text=True)
        self.name = chosen.stdout.strip()
        self.environment = dict(os.environ)
        if self.name == "podman" and not Path("/run/systemd/system").is_dir():
            self.environment["CONTAINERS_CONF"] = str(ROOT / "deploy/container/podman-without-systemd.conf")

    def run(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """One command of the engine."""
        command = [self.name, *words]
        done = subprocess.run(command, capture_output=True, text=True, env=self.environment, timeout=600, check=False)
        assert not check or done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
        return done

    def inspect(self, what: str, thing: str) -> dict[str, Any]:
        """What the engine knows about an image or a container."""
        return dict(json.loads(self.run(what, "inspect", thing).stdout)[0])


class Container:
    """One running container of the image, as docs/deploy/container.md runs it; removed on leaving, with its volume."""

    def __init__(self, engine: Engine, image: str, folder: Path, config: str) -> None:
        self.engine, self.port, self.dns_port = engine, free_port(), free_port()
        self.name = f"dadns-test-{self.port}"
        folder.chmod(0o755)
        (folder / "app.yml").write_text(config)
        ports = (
            *("-p", f"127.0.0.1:{self.port}:2222"),
            *("-p", f"127.0.0.1:{self.dns_port}:53/udp", "-p", f"127.0.0.1:{self.dns_port}:53/tcp"),
        )
        volumes = ("-v", f"{folder}:/app/config:ro", "-v", f"{self.name}:/app/data")
        self._create = ("run", "-d", "--name", self.name, *HARDENED, *ports, *volumes, image)
        self.began = 0.0

    def __enter__(self) -> Container:
        self.began = time.perf_counter()
        self.engine.run(*self._create)
        return self

    def wait_accepting(self) -> float:
        """Seconds from its start until pushes are accepted."""
        while True:
            with contextlib.suppress(OSError), answer_to(f"http://127.0.0.1:{self.port}/readyz", limit_s=2) as answer:
                if answer.status == 200:
                    return time.perf_counter() - self.began
            assert time.perf_counter() - self.began < 60, self.logs()
            time.sleep(0.02)

    def logs(self) -> str:
        """Everything it has said."""
        done = self.engine.run("logs", self.name, check=False)
        return done.stdout + done.stderr

    def healthy(self) -> bool:
        """What its HEALTHCHECK says now."""
        image = self.engine.inspect("image", self.engine.inspect("container", self.name)["Image"])
        words = (image["Config"].get("Healthcheck") or image["Healthcheck"])["Test"]  # docker's place, podman's
        assert words[0] == "CMD", words
        return self.engine.run("exec", self.name, *words[1:], check=False).returncode == 0

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            print(self.logs()[-4000:])
        self.engine.run("rm", "-f", self.name, check=False)
        self.engine.run("volume", "rm", "-f", self.name, check=False)
