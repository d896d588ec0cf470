"""The status pages of the running service: what they tell, whom they let in, and a real Chromium that looks at them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator

import httpx
import pytest
from bench.load import PASSWORD, USER, zone_text
from bench.service import STOPPABLE, Service

from tests.support.chromium import Page, chromium
from tests.support.html import Checked
from tests.support.programs import require_program

SERIAL = 2026112300
NASTY = """<script>document.title='taken'</script>"'><img src=/x onerror="document.title='taken'">.example"""
CREDENTIALS = [
    {"name": "pusher", "password": "push-only-tests", "roles": ["push"]},
    {"name": "reader", "password": "read-only-tests", "roles": ["read"]},
    {"name": "operator", "password": "operate-only-tests", "roles": ["operate"]},
]
READER, PUSHER, OPERATOR = ((one["name"], one["password"]) for one in CREDENTIALS[1::-1] + CREDENTIALS[2:])
QUICK = "dispatch:\n  watch_every_s: 1\n  probe_timeout_s: 1\n"


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    require_program("named")
    who = {"DADNS_APP_CREDENTIALS": json.dumps(CREDENTIALS)}
    with Service(log_level="INFO", extra=QUICK, backends=STOPPABLE, environ=who) as running:
        yield running


@pytest.fixture
def browser(tmp_path) -> Iterator[Page]:
    with chromium(tmp_path, login=READER) as page:
        yield page


def ask(service: Service, path: str, who: tuple[str, str] | None = READER, **more) -> httpx.Response:
    return httpx.get(service.url + path, auth=who, trust_env=False, timeout=30, **more)


def push(service: Service, zone: str, *, hostname: str = "da1.host.example", content: bytes | str | None = None) -> str:
    """As DirectAdmin does; the answer."""
    query = {"action": "rawsave", "domain": zone, "hostname": hostname, "username": "alice"}
    body = zone_text(zone, SERIAL) if content is None else content
    return httpx.post(
        f"{service.url}/CMD_API_DNS_ADMIN", params=query, content=body, auth=(USER, PASSWORD), trust_env=False
    ).text


def until(true: Callable[[], object]) -> None:
    limit = time.monotonic() + 120
    while not true():
        assert time.monotonic() < limit
        time.sleep(0.05)


def act(service: Service, path: str, **more) -> None:
    httpx.post(f"{service.url}/api/v1/{path}", auth=(USER, PASSWORD), trust_env=False, **more).raise_for_status()


def test_the_page_tells_what_the_api_tells(service):
    """Name, version, the line with its figures, the newest refusal with its reason."""
    assert "error=0" == push(service, "told.example")
    until(lambda: ask(service, "/api/v1/backends/bind").json()["proven"] > 0)
    assert push(service, "wrong.example", content="x IN A nowhere\n").startswith("error=1")
    until(lambda: "wrong.example" in ask(service, "/status").text)

    page = Checked(ask(service, "/status").text)
    told = ask(service, "/api/v1/status").json()

    assert f"DirectDNSOnly {told['version']}" in page.text
    assert "● ready" in page.text
    assert f"refused {told['pushes']['refused']}" in page.text
    assert f"accepted {told['pushes']['accepted']}" in page.text
    assert "bind ● ok" in page.text
    assert "'nowhere' is not an IPv4 address" in page.text
    assert "/status/zones/wrong.example" in page.links
    for link in {link for link in page.links if link.startswith("/api/")}:
        assert 200 == ask(service, link).status_code, link


def test_the_root_leads_to_it(service):
    """Whoever types only the address sees something; who may not, is asked first."""
    answer = ask(service, "/")

    assert (303, "/status") == (answer.status_code, answer.headers["location"])
    assert 401 == ask(service, "/", None).status_code


@pytest.mark.parametrize("path", ["/status", "/status/live", "/status/zones/told.example", "/status/static/status.js"])
def test_whom_it_lets_in(service, path):
    """The role `read`, nothing else; the others are told on a page which role is missing."""
    statuses = [ask(service, path, who).status_code for who in (None, PUSHER, OPERATOR)]
    refused = ask(service, path, PUSHER)

    assert [401, 403, 403] == statuses
    assert "Basic" in ask(service, path, None).headers["www-authenticate"]
    assert "pusher does not have the role read" in Checked(refused.text).text
    assert refused.headers["content-type"].startswith("text/html")
    assert 404 == ask(service, "/status/nothing").status_code
    Checked(ask(service, "/status/nothing").text)


@pytest.mark.parametrize(
    "path",
    ["/status", "/status/live", "/status/zones/unknown.example", "/status/nothing", "/status/static/status.css", "/"],
)
def test_each_answer_keeps_the_browser_in_bounds(service, path):
    """Also errors: nothing from elsewhere, in nobody's frame, no referrer, no guessing of types."""
    headers = ask(service, path).headers

    policy = {part.strip() for part in headers["content-security-policy"].split(";")}
    assert {"default-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} <= policy
    assert "unsafe" not in headers["content-security-policy"]
    assert "no-referrer" == headers["referrer-policy"]
    assert "nosniff" == headers["x-content-type-options"]
    assert ("immutable" if "static" in path else "no-store") in headers["cache-control"]


def test_the_page_of_a_zone_tells_cause_and_cure(service):
    """What `dadns explain` tells: paused with who and why, then served."""
    act(service, "backends/bind/pause", json={"reason": "moving <it>"})
    try:
        assert "error=0" == push(service, "late.example")
        page = Checked(ask(service, "/status/zones/Late.Example.").text)
    finally:
        act(service, "backends/bind/resume")
    until(lambda: "Nothing to do" in ask(service, "/status/zones/late.example").text)
    served = Checked(ask(service, "/status/zones/late.example").text)

    assert f"NOT LIVE: bind is paused by {USER} since " in page.text
    assert ": moving <it>; customers get no zone (REFUSED)" in page.text
    assert "Do: dadns resume bind" in page.text
    assert "owner da1.host.example , user alice" in page.text
    assert f"answers serial {SERIAL}" in served.text
    assert "bind ● verified" in served.text
    for link in {link for link in served.links if link.startswith("/api/")}:
        assert 200 == ask(service, link).status_code, link


def test_the_search_leads_to_the_zone_or_says_why_not(service):
    """However it is typed; what is no name, what is unknown, what lies inside a zone, what begins so."""
    assert "error=0" == push(service, "found.example")
    there = ask(service, "/status/zones", params={"zone": " FOUND.example. "})
    nonsense = ask(service, "/status/zones", params={"zone": NASTY})
    inside = ask(service, "/status/zones", params={"zone": "www.found.example"}, follow_redirects=True)
    begun = ask(service, "/status/zones", params={"zone": "found"}, follow_redirects=True)

    assert (303, "/status/zones/found.example") == (there.status_code, there.headers["location"])
    assert 422 == nonsense.status_code
    assert "This is no zone's name" in Checked(nonsense.text).text
    assert 200 == inside.status_code
    assert "www.found.example lies in this zone" in Checked(inside.text).text
    assert "/status/zones/found.example" in Checked(inside.text).links
    assert "/status/zones/found.example" in Checked(begun.text).links
    assert "/status" == ask(service, "/status/zones").headers["location"]


def test_a_zone_with_a_slash_has_its_page(service):
    """RFC 2317 names hold one."""
    zone = "0/25.2.0.192.in-addr.arpa"
    assert "error=0" == push(service, zone)

    by_search = ask(service, "/status/zones", params={"zone": zone}, follow_redirects=True)

    assert zone in Checked(by_search.text).text
    assert 200 == by_search.status_code


def test_a_deleted_zone_is_told_as_deleted(service):
    assert "error=0" == push(service, "gone.example")
    httpx.delete(
        f"{service.url}/api/v1/zones/gone.example", auth=(USER, PASSWORD), trust_env=False, timeout=60
    ).raise_for_status()

    page = Checked(ask(service, "/status/zones/gone.example").text)

    assert "Version 2: deleted" in page.text


def test_the_figures_change_before_somebodys_eyes(service, browser):
    """After a push, without a reload; the policy refuses nothing of ours, the console stays empty."""
    act(service, "backends/bind/pause")
    try:
        browser.go(f"{service.url}/status")
        browser.wait("document.title === 'degraded: bind paused - DirectDNSOnly'")
        browser.run("window.notReloaded = true")
        before = int(browser.run("document.getElementById('outstanding').textContent"))
        assert "error=0" == push(service, "live.example")
        browser.wait(f"document.getElementById('outstanding').textContent === '{before + 1}'")
    finally:
        act(service, "backends/bind/resume")
    browser.wait("document.title === 'ready - DirectDNSOnly'")
    browser.wait("document.getElementById('outstanding').textContent === '0'")

    assert browser.run("window.notReloaded")
    assert "backend.resumed" in browser.text()
    assert [] == browser.complaints


def test_a_name_server_that_hangs_is_told(service, browser):
    """And that it is back; by the title, too."""
    browser.go(f"{service.url}/status")
    os.kill(service.named_pid(), signal.SIGSTOP)
    try:
        browser.wait("document.title === 'degraded: bind down - DirectDNSOnly'")
        browser.wait("document.getElementById('backend-bind').innerText.includes('down')")
        assert "down" in browser.run("document.getElementById('backend-bind').className")
    finally:
        os.kill(service.named_pid(), signal.SIGCONT)
    browser.wait("document.title === 'ready - DirectDNSOnly'")

    assert [] == browser.complaints


def test_html_in_a_push_stays_text_in_the_browser(service, browser):
    """In the name of the zone, in the host name, in the zone itself."""
    assert push(service, NASTY, content=NASTY).startswith("error=1")
    assert push(service, "nasty.example", hostname=NASTY).startswith("error=1")
    assert push(service, "nasty.example", content=f"nasty.example. IN A {NASTY}\n").startswith("error=1")
    browser.go(f"{service.url}/status")
    browser.wait("document.getElementById('refused').innerText.includes('onerror')")
    browser.go(f"{service.url}/status/zones/nasty.example")  # no version was accepted; its refusals

    assert "onerror" in browser.text()
    assert 0 == browser.run("document.images.length")
    assert "NOT LIVE: nasty.example - DirectDNSOnly" == browser.run("document.title")


def test_the_policy_stops_what_escaping_would_let_through(service, browser):
    """The second lock: markup that somebody gets into the page runs no script and fetches nothing from elsewhere."""
    browser.go(f"{service.url}/status")
    tried = "<img src=data:, onerror=window.hurt=1><img src=http://127.0.0.1:9/x>"
    browser.run(f"document.body.insertAdjacentHTML('beforeend', {json.dumps(tried)})")
    until(lambda: len([one for one in browser.complaints if "Content Security Policy" in one]) >= 2)

    assert not browser.run("window.hurt")


def test_a_hidden_page_asks_nothing(service, browser):
    """It asks again at once when it is looked at."""
    asked = "performance.getEntriesByName(location.origin + '/status/live').length"
    hide = "Object.defineProperty(document, 'hidden', {value: %s, configurable: true});"
    browser.go(f"{service.url}/status")
    browser.wait(f"{asked} > 0")

    browser.run(hide % "true")
    browser.run("new Promise(done => setTimeout(done, 2500))")  # what was on its way has come
    before = browser.run(asked)
    browser.run("new Promise(done => setTimeout(done, 5000))")  # twice its pause: a page that goes on asks meanwhile
    assert before == browser.run(asked)

    browser.run(hide % "false" + "document.dispatchEvent(new Event('visibilitychange'))")
    browser.wait(f"{asked} > {before}")


def test_without_scripts_the_page_loads_itself_again(service, browser):
    browser.without_scripts()
    browser.go(f"{service.url}/status")
    browser.loaded.clear()

    assert browser.loaded.wait(120)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_telephone(service, browser, scheme):
    """360 px: nothing sticks out, whatever others have sent."""
    push(service, "x" * 60 + ".example", hostname="y" * 200, content="z" * 500)
    browser.prefer(scheme)
    browser.size(360)
    for path in ("/status", "/status/zones/late.example", "/status/zones/" + "x" * 60 + ".example"):
        browser.go(service.url + path)
        assert 360 == browser.run("document.documentElement.scrollWidth"), path

    dark = browser.run("matchMedia('(prefers-color-scheme: dark)').matches")
    paper = browser.run("getComputedStyle(document.body).backgroundColor")
    assert (scheme == "dark", paper != "rgb(255, 255, 255)") == (dark, dark)


def test_a_store_that_cannot_commit_is_told(service, browser):
    """Another program locks it: the title says not ready and why, and what can be read still stands there."""
    browser.go(f"{service.url}/status")
    with contextlib.closing(
        sqlite3.connect(service.folder / "data/queues/outbox.sqlite", isolation_level=None)
    ) as other:
        other.execute("BEGIN IMMEDIATE")
        browser.wait("document.title.startsWith('not ready: ')")
        page = Checked(ask(service, "/status").text)
        other.execute("ROLLBACK")
    browser.wait("document.title === 'ready - DirectDNSOnly'")

    assert "✖ not ready:" in page.text
    assert "Pushes are refused with error=1 until that is over" in page.text
    assert "outstanding 0" in page.text
    assert [] == browser.complaints


def test_a_service_that_is_gone_is_told_and_found_again(service, browser):
    """Last: it kills the service."""
    browser.go(f"{service.url}/status")
    assert browser.run("document.getElementById('old').hidden")
    service.kill()
    browser.wait("!document.getElementById('old').hidden")
    assert "What you see is old" in browser.text()

    service.start()
    browser.wait("document.getElementById('old').hidden")

    assert "ready - DirectDNSOnly" == browser.wait("document.title.startsWith('ready') && document.title")
