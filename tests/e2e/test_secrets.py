"""No secret, no zone content and no forged line in anything that we write or answer; one id from push to served."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import httpx
from bench.load import PASSWORD, USER, dns_socket, push_blocking, rawsave, wait_served, zone_text
from bench.service import DADNS, MANAGED, Service

from directdnsonly.access.credentials import hash_of
from tests.support.programs import require_program

ROOT = Path(__file__).parents[2]
SERIAL = 2026112300
MARK = "zone-content-that-nobody-logs"


class Degraded(Service):
    """One of its backends is down, so it never says that everything is ready."""

    def start(self, *, until: str = "accepting") -> float:
        return super().start(until=until)


def test_a_full_run_tells_no_secret(tmp_path):  # noqa: PLR0915 - one run, looked at from every side
    """Log at DEBUG, every answer, /metrics, OpenAPI, the audit, the store and the process list."""
    require_program("named")
    words = {
        "plain": "Secret-Plain-1",
        "hashed": "Secret-Hashed-2",
        "typed": "Secret-Typed-As-User-3",
        "wrong": "Secret-Wrong-4",
        "api key": "Secret-Api-Key-5",
        "directadmin": "Secret-Of-Directadmin-6",
    }
    hashed = hash_of(words["hashed"])
    (tmp_path / "word").write_text(words["plain"])
    credentials = [
        {"name": "plain", "password_file": str(tmp_path / "word"), "roles": ["push", "read"]},
        {"name": "hashed", "password_hash": hashed, "roles": ["read", "operate"]},
    ]
    answers: list[str] = []
    # A backend and a DirectAdmin server whose secrets are sent to somebody who fails: errors are where secrets come out.
    down = json.dumps({"type": "powerdns", "api_url": "http://127.0.0.1:1", "api_key": words["api key"]})
    server = json.dumps({"hostname": "127.0.0.1", "port": 1, "ssl": False, "password": words["directadmin"]})
    told = {
        "backends": MANAGED + f"    ns2: {{{down}}}\n",
        "extra": f"reconciliation: {{enabled: true, timeout_s: 2, directadmin_servers: [{server}]}}\n",
    }
    environ = {"DADNS_APP_CREDENTIALS": json.dumps(credentials)}
    with Degraded(environ=environ, log_level="DEBUG", **told) as service:
        text = zone_text("example.com", SERIAL) + f'marked 60 IN TXT "{MARK}"\n'.encode()
        push_blocking(service.port, rawsave("example.com", text))
        with dns_socket(service.dns_port) as sock:
            wait_served(sock, "example.com", SERIAL)

        def ask(method: str, path: str, auth: tuple[str, str] | None, **more) -> httpx.Response:
            answer = httpx.request(method, service.url + path, auth=auth, trust_env=False, timeout=30, **more)
            answers.append(f"{answer.headers} {answer.text}")
            return answer

        plain, anna = ("plain", words["plain"]), ("hashed", words["hashed"])
        made = ask("POST", "/api/v1/tokens", anna, json={"name": "t", "roles": ["read"]})
        token = made.json()["token"]
        answers.pop()  # the one place where it is told
        bearer = {"Authorization": f"Bearer {token}"}
        for path in (
            "/api/v1/status",
            "/api/v1/zones",
            "/metrics",
            "/openapi.json",
            "/api/v1/events",
            "/api/v1/nothing",
        ):
            ask("GET", path, anna)
            ask("GET", path, None, headers=bearer)
        plan = ask("POST", "/api/v1/reconcile/plan", anna).json()
        ask("GET", f"/api/v1/reconcile/jobs/{plan['id']}?wait=30", anna)
        assert "no list" in answers[-1] or "reason" in answers[-1]
        assert not ask("POST", "/api/v1/backends/ns2/probe", anna).json()["ready"]
        for path in ("/api/v1/backends", "/api/v1/reconcile", "/api/v1/zones/example.com/served"):
            ask("GET", path, anna)
        ask("GET", "/api/v1/tokens", anna)
        ask("GET", "/readyz?verbose=true", anna)
        for auth in (("plain", words["wrong"]), (words["typed"], "x"), ("hashed", words["wrong"])):
            ask("GET", "/api/v1/status", auth)
            ask("POST", "/CMD_API_DNS_ADMIN", auth)
        ask("GET", "/api/v1/status", None, headers={"Authorization": f"Bearer {words['wrong']}"})
        ask("PUT", "/api/v1/zones/bad.example", plain, content=text + b"$INCLUDE x\n")
        ask("POST", "/CMD_API_DNS_ADMIN?action=rawsave&domain=bad.example", plain, content=b"\xff" + text)
        for domain in ("exampl", "example.co", "example.com"):
            ask("GET", f"/CMD_API_DNS_ADMIN?action=exists&domain={domain}", plain)
        cli = subprocess.run(
            [DADNS, "status", "--url", service.url],
            capture_output=True, text=True, check=False, timeout=60,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "DADNS_USERNAME": "plain", "DADNS_PASSWORD": words["wrong"]},
        )  # fmt: skip
        processes = [entry.read_bytes().decode(errors="replace") for entry in _command_lines()]
        kept = b"".join(file.read_bytes() for file in (service.folder / "data").rglob("*") if file.is_file())
        ask("GET", "/api/v1/status", (USER, PASSWORD))
        log = (service.folder / "log").read_text()

    secrets = {**words, "token": token, "hash": hashed, "hash's end": hashed[-20:], "bench": PASSWORD}
    for name, secret in secrets.items():
        assert secret not in log, name
        assert secret not in cli.stdout + cli.stderr, name
        assert not [answer for answer in answers if secret in answer], name
        assert not [line for line in processes if secret in line], name
        assert secret.encode() not in kept, name
    assert MARK not in log
    lines = [json.loads(line) for line in log.splitlines()]
    pushed = next(line for line in lines if line["event"] == "push.accepted")
    served = next(line for line in lines if line["event"] == "delivery.verified")
    assert pushed["change_id"] == served["change_id"]
    assert not [line for line in lines if "exists" in json.dumps(line) and line["level"] != "debug"]
    assert 4 == sum(line["event"] == "login.failed" for line in lines)


def _command_lines() -> list[Path]:
    return [path for path in Path("/proc").glob("[0-9]*/cmdline") if _readable(path)]


def _readable(path: Path) -> bool:
    try:
        path.read_bytes()
    except OSError:
        return False
    return True
