"""A real headless Chromium, driven over a pipe by its DevTools protocol: pages that live longer than one look."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue
from typing import Any

from tests.support.programs import end, require_program

BROWSER = "chromium-headless-shell"
LIMIT_S = 120.0


class Page:
    """One tab. `complaints`: what a person would see in its console: errors, refusals by the policy, failed requests."""

    def __init__(self, read: int, write: int, login: tuple[str, str] | None) -> None:
        self._read, self._write = os.fdopen(read, "rb"), os.fdopen(write, "wb")
        self._login = login
        self._numbers = iter(range(1, 1_000_000))
        self._answers: dict[int, Queue[dict[str, Any]]] = {}
        self._lock = threading.Lock()
        self._session = ""
        self.complaints: list[str] = []
        self.loaded = threading.Event()
        self._listener = threading.Thread(target=self._listen, name="chromium", daemon=True)
        self._listener.start()
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._ask(f"{domain}.enable")
        if login:
            self._ask("Fetch.enable", handleAuthRequests=True)

    def close(self) -> None:
        """The browser ends, and with it what listens to it."""
        self._session = ""
        self._send(next(self._numbers), "Browser.close", {})
        self._listener.join(LIMIT_S)
        assert not self._listener.is_alive(), "the browser did not end"
        self._read.close()
        with contextlib.suppress(BrokenPipeError):
            self._write.close()

    def go(self, url: str) -> None:
        """Open an address and wait until it is loaded."""
        self.loaded.clear()
        self._ask("Page.navigate", url=url)
        assert self.loaded.wait(LIMIT_S), f"{url} was not loaded"

    def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        answer = self._ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait(self, script: str, *, what: str = "") -> Any:
        """Until the expression is true; its value."""
        until = time.monotonic() + LIMIT_S
        while not (value := self.run(script)):
            assert time.monotonic() < until, f"never came: {what or script}\n{self.text()}"
            time.sleep(0.05)
        return value

    def text(self) -> str:
        """What a person reads."""
        return str(self.run("document.body.innerText"))

    def size(self, width: int, height: int = 900) -> None:
        """Of the window."""
        self._ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )

    def prefer(self, scheme: str) -> None:
        """`dark` or `light`."""
        self._ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def without_scripts(self) -> None:
        """From the next page on."""
        self._ask("Emulation.setScriptExecutionDisabled", value=True)

    def picture(self, file: Path) -> None:
        """The whole page as PNG."""
        shot = self._ask("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        file.write_bytes(base64.b64decode(shot["data"]))

    def _ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        number, answer = next(self._numbers), Queue[dict[str, Any]]()
        self._answers[number] = answer
        self._send(number, method, parameters)
        try:
            found = answer.get(timeout=LIMIT_S)
        except Empty:
            raise AssertionError(f"the browser does not answer {method}") from None
        assert "error" not in found, (method, found)
        return dict(found["result"])

    def _send(self, number: int, method: str, parameters: dict[str, Any]) -> None:
        message: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        with self._lock:
            self._write.write(json.dumps(message).encode() + b"\0")
            self._write.flush()

    def _listen(self) -> None:
        rest = b""
        while octets := self._read.read1(65536):  # type: ignore[attr-defined]
            *whole, rest = (rest + octets).split(b"\0")
            for one in whole:
                message = json.loads(one)
                if "id" in message:
                    if queue := self._answers.pop(message["id"], None):
                        queue.put(message)
                else:
                    self._happened(message["method"], message["params"])

    def _happened(self, event: str, facts: dict[str, Any]) -> None:
        tell: Callable[[str], None] = self.complaints.append
        match event:
            case "Page.loadEventFired":
                self.loaded.set()
            case "Runtime.exceptionThrown":
                tell(f"exception: {facts['exceptionDetails']}")
            case "Runtime.consoleAPICalled" if facts["type"] in ("error", "warning", "assert"):
                tell(f"console: {facts['args']}")
            case "Log.entryAdded" if facts["entry"]["level"] in ("error", "warning"):
                tell(f"log: {facts['entry'].get('text')} {facts['entry'].get('url', '')}")
            case "Fetch.requestPaused":
                self._send(next(self._numbers), "Fetch.continueRequest", {"requestId": facts["requestId"]})
            case "Fetch.authRequired":
                assert self._login is not None
                user, password = self._login
                answer = {"response": "ProvideCredentials", "username": user, "password": password}
                known = {"requestId": facts["requestId"], "authChallengeResponse": answer}
                self._send(next(self._numbers), "Fetch.continueWithAuth", known)


@contextmanager
def chromium(folder: Path, *, login: tuple[str, str] | None = None) -> Iterator[Page]:
    """A browser with one tab, without any network but loopback; `login` is what a person types when they are asked."""
    to_browser, we_write = os.pipe()
    we_read, from_browser = os.pipe()
    program = require_program(BROWSER)
    arguments = [
        "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", f"--user-data-dir={folder}/profile",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    ]  # fmt: skip
    # The browser reads descriptor 3 and writes descriptor 4.
    script = f'exec "$0" "$@" 3<&{to_browser} 4>&{from_browser}'
    process = subprocess.Popen(
        ["bash", "-c", script, program, *arguments],
        pass_fds=(to_browser, from_browser),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    os.close(to_browser)
    os.close(from_browser)
    try:
        page = Page(we_read, we_write, login)
        yield page
        page.close()
    finally:
        # The program may be a shell around the browser: a signal to it alone would leave the browser behind.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        end(process)
