"""A real Chromium at the running service, without any network but loopback."""

from __future__ import annotations

import html
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
from bench.load import PASSWORD, USER, zone_text
from bench.service import Service

from tests.support.programs import require_program

AUTH = (USER, PASSWORD)
BROWSER = "chromium-headless-shell"


def test_the_api_page_shows_every_operation_without_the_internet(service: Service, tmp_path) -> None:
    with _answering(lambda path: _fetched(service, path)) as port:
        page = _dom(f"http://127.0.0.1:{port}/docs", tmp_path)

    schema = httpx.get(f"{service.url}/openapi.json", auth=AUTH, trust_env=False, timeout=60).json()
    shown = re.findall(r'class="opblock-summary-path[^"]*"[^>]*data-path="([^"]+)"', page)
    operations = [path for path, methods in schema["paths"].items() for one in methods.values() for _tag in one["tags"]]
    assert len(operations) > 30
    assert sorted(operations) == sorted(html.unescape(path) for path in shown)


def test_a_page_of_another_site_cannot_delete_a_zone_by_somebodys_browser(service: Service, tmp_path) -> None:
    """The browser knows the password, as after a look at /docs, and sends the form for the foreign page."""
    name = "kept.example"
    query = f"action=rawsave&domain={name}"
    address = f"{service.url}/CMD_API_DNS_ADMIN?{query}"
    stored = httpx.post(address, content=zone_text(name, 2026112300), auth=AUTH, trust_env=False, timeout=60)
    known = service.url.replace("//", f"//{USER}:{PASSWORD}@")
    form = (
        f'<form method="post" action="{known}/CMD_API_DNS_ADMIN">'
        f'<input name="action" value="delete"><input name="select0" value="{name}"></form>'
        "<script>document.forms[0].submit()</script>"
    )

    with _answering(lambda _path: ("text/html", form.encode())) as port:
        page = _dom(f"http://localhost:{port}/", tmp_path)

    assert "error=0" in stored.text
    assert "another site" in page.replace("%20", " ").replace("+", " ")
    kept = httpx.get(f"{service.url}/api/v1/zones/{name}", auth=AUTH, trust_env=False, timeout=60)
    assert "put" == kept.json()["kind"]
    same = httpx.post(
        f"{service.url}/CMD_API_DNS_ADMIN", data={"action": "delete", "select0": name}, auth=AUTH, trust_env=False
    )
    assert "error=0" in same.text
    gone = httpx.get(f"{service.url}/api/v1/zones/{name}", auth=AUTH, trust_env=False, timeout=60)
    assert 404 == gone.status_code or "delete" == gone.json()["kind"]  # the same request by a script is obeyed


def _dom(url: str, folder) -> str:
    """The page as it stands when its scripts have come to rest."""
    arguments = [
        require_program(BROWSER), "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}/profile",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
        "--virtual-time-budget=30000", "--timeout=60000", "--dump-dom", url,
    ]  # fmt: skip
    return subprocess.run(arguments, capture_output=True, text=True, timeout=120, check=True).stdout


def _fetched(service: Service, path: str) -> tuple[str, bytes]:
    """Type and content, with the password that a person would type into the browser."""
    answer = httpx.get(service.url + path, auth=AUTH, trust_env=False, timeout=60)
    return answer.headers["content-type"], answer.content


@contextmanager
def _answering(answer) -> Iterator[int]:
    """A web server on a free port: `answer` gives type and content for a path."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, content = answer(self.path)
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_arguments: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
