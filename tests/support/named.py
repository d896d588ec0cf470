"""A real named for tests: bundled (our own supervisor) or external (somebody else's configuration)."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bench.service import free_port

from directdnsonly.backends.bind import BindBackend, build
from directdnsonly.backends.bind_settings import BindSettings
from directdnsonly.clock import SystemClock
from directdnsonly.nameservers import named
from directdnsonly.nameservers.contract import DaemonPhase
from tests.support.programs import require_program


class Daemon:
    """Stops and starts the named of a backend under test."""

    def __init__(self, folder: Path, settings: BindSettings) -> None:
        self.folder, self.settings = folder, settings
        self._task: asyncio.Task[None] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        if self.settings.is_managed:
            supervisor = named.build(
                name="bind", layout=self.settings.layout("bind", self.folder), clock=SystemClock(), notify=False,
                allow_transfer=(), on_phase=lambda _status: None,
            )  # fmt: skip
            self._task = asyncio.create_task(supervisor.run(), name="named")
            async with asyncio.timeout(20):
                while supervisor.status.phase is not DaemonPhase.RUNNING:
                    assert not self._task.done(), self._task.exception()
                    await asyncio.sleep(0.01)
            return
        conf = self.folder / "external" / "named.conf"
        self._process = await asyncio.to_thread(
            subprocess.Popen, [require_program("named"), "-f", "-n", "1", "-c", str(conf)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        await asyncio.sleep(0.3)

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        if self._process is not None:
            self._process.terminate()
            await asyncio.to_thread(self._process.wait)
            self._process = None


EXTERNAL = """
key "k" {{ algorithm hmac-sha256; secret "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0MTI="; }};
controls {{ inet 127.0.0.1 port {control} allow {{ 127.0.0.1; }} keys {{ "k"; }}; }};
options {{ directory "{folder}"; pid-file "{folder}/named.pid"; session-keyfile none; lock-file none;
  listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; recursion no; dnssec-validation no;
  empty-zones-enable no; allow-transfer {{ none; }}; {options} }};
logging {{ channel f {{ file "{folder}/named.log"; }}; category default {{ f; }}; }};
{include}
"""


@asynccontextmanager
async def bind_under_test(folder: Path, kind: str) -> AsyncIterator[tuple[BindBackend, Daemon]]:
    """`kind`: managed-native, managed-rndc, external-include, external-addzone."""
    require_program("named")
    folder.chmod(0o755)
    port, control = free_port(), free_port()
    if kind.startswith("managed"):
        settings = BindSettings(port=port, rndc_port=control, control=kind.split("-")[1], run_as="")
    else:
        place = folder / "external"
        place.mkdir()
        include = place / "zones.conf"
        include.write_text('zone "foreign.example" { type primary; file "nowhere.db"; };\n')
        listed = kind == "external-include"
        text = EXTERNAL.format(
            folder=place, port=port, control=control, options="" if listed else "allow-new-zones yes;",
            include=f'include "{include}";' if listed else "",
        )  # fmt: skip
        (place / "named.conf").write_text(text)
        (place / "rndc.key").write_text(text.splitlines()[1])
        settings = BindSettings(
            managed=False, named_conf=include if listed else None, zones_dir=place / "zones", rndc_port=control,
            rndc_key_file=place / "rndc.key", verify_address=f"127.0.0.1#{port}",
        )  # fmt: skip
    daemon = Daemon(folder, settings)
    await daemon.start()
    backend = build("bind", settings, folder)
    try:
        yield backend, daemon
    finally:
        await backend.aclose()
        await daemon.stop()
