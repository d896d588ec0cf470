"""A small real HTTP server that speaks the JSON API, for tests of the command line.

It answers from `answers` and keeps what was asked; e2e tests show that the real service answers alike.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

USER, PASSWORD = "directdnsonly", "s3cret-word"
Answer = tuple[int, Any]


@dataclass
class Asked:
    """One request as it came."""

    method: str
    path: str  # undecoded
    query: dict[str, str]
    body: bytes


@dataclass
class ApiServer:
    """A running server: what it was asked, and what it answers."""

    url: str
    answer: Callable[[Asked], Answer]
    asked: list[Asked] = field(default_factory=list)


@contextmanager
def api_server(answer: Callable[[Asked], Answer]) -> Iterator[ApiServer]:
    """Listens on a free port while the block runs. An answer that is text is sent as HTML."""
    expected = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            parts = urlsplit(self.path)
            asked = Asked(
                self.command, parts.path, {key: values[0] for key, values in parse_qs(parts.query).items()}, body
            )
            server.asked.append(asked)
            if self.headers.get("Authorization") == expected:
                status, content = server.answer(asked)
            else:
                status, content = 401, {"title": "Unauthorized", "status": 401, "detail": "who are you?"}
            sent = content.encode() if isinstance(content, str) else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/html" if isinstance(content, str) else "application/json")
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        do_GET = do_PUT = do_POST = do_DELETE = _any  # noqa: N815 - the names that http.server looks for

        def log_message(self, *_arguments: Any) -> None:
            """Quiet."""

    class Listener(ThreadingHTTPServer):
        daemon_threads = True

    http = Listener(("127.0.0.1", 0), Handler)
    server = ApiServer(url=f"http://127.0.0.1:{http.server_address[1]}", answer=answer)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


def receipt(zone: str, **more: Any) -> dict[str, Any]:
    """What PUT answers."""
    return {
        "change_id": f"id-{zone}", "zone": zone, "version": 3, "kind": "put", "changed": True, "serial": 2026112301,
        "ignored": "", "warnings": [], **more,
    }  # fmt: skip


def placement(state: str = "verified", reason: str = "") -> dict[str, Any]:
    """One zone on one backend."""
    return {
        "backend": "bind", "state": state, "want_version": 3, "want_kind": "put", "verified_version": 3,
        "applied_version": 3, "served_serial": 2026112301, "attempts": 0, "due_at": None, "verified_at": None,
        "reason": reason,
    }  # fmt: skip


def change(zone: str, *, done: bool = True, **more: Any) -> dict[str, Any]:
    """What GET of a change answers."""
    places = [placement()] if done else [placement("pending", "no answer in 5 s")]
    return {**receipt(zone), "done": done, "verified": done, "placements": places, **more}
