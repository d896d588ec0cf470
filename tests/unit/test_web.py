"""The status pages without a service: titles, spans, and that nothing foreign becomes markup."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from directdnsonly.operate.figures import BackendFigures, ServiceFigures
from directdnsonly.outbox.changes import Kind, Owner, Priority
from directdnsonly.outbox.deliveries import Placement
from directdnsonly.outbox.drift import HeldPush, HoldRule
from directdnsonly.outbox.kept import Condition, Event, Refused
from directdnsonly.outbox.lifecycle import State
from directdnsonly.outbox.operators import Pause
from directdnsonly.readiness import BackendFacts, Facts, Verdict, judge
from directdnsonly.web.picture import Bulk, Lists, PassLine, Picture, Reconciling, bulk_of
from directdnsonly.web.refusals import is_page
from directdnsonly.web.rendering import CONTENT, Pages, plain, span, zone_page
from directdnsonly.zone.name import ZoneName
from tests.support.html import Checked

NASTY = "<script>alert('x')</script>\"'><img src=x onerror=alert(1)>&amp;{{7*7}}"
TURNED = "safe\u202etxt.exe\x1b[31m\x00"


def backend(state: str = "ok", **more) -> BackendFigures:
    facts = {
        "name": "bind", "state": state, "breaker": "closed", "since": 0.0, "reason": "", **more,
    }  # fmt: skip
    return BackendFigures(**facts)


def status(*backends: BackendFigures, **more) -> ServiceFigures:
    store = Condition(size_bytes=0, free_bytes=0, reserve_bytes=0, engine="SQLite 3", commits=0, writes=0, waiting=0)
    facts = {"started_at": 0.0, "zones": 12345, "pushes": {}, "held": 0, "lost": 0, "lost_newest": None, "alarms": [],
             **more}  # fmt: skip
    return ServiceFigures(store=store, backends=backends, **facts)


def verdict(**facts) -> Verdict:
    return judge(Facts(now=1.0, started_at=0.0, **facts))


def test_a_paused_backend_is_told_once_and_since_when_it_was_paused():
    """Who and why in the box, with the moment; the same in the sentence above."""
    paused = backend(
        "paused", since=60.0, reason="moving", paused="paused by anna: moving",
        pause=Pause(actor="anna", at=60.0, reason="moving"),
    )  # fmt: skip
    facts = BackendFacts(name="bind", is_paused=True, paused_by="anna", paused_reason="moving", paused_at=60.0)
    now = Picture(verdict=verdict(backends=[facts]), at=99.0, status=status(paused), lists=None,
                  reconciling=Reconciling(enabled=False))  # fmt: skip

    page = Checked(Pages(ZoneInfo("UTC")).write("live.html", now=now, title="t"))

    assert "bind is paused by anna: moving (dadns resume bind) since 1970-01-01 00:01:00 UTC" in page.text
    assert "bind ▲ paused by anna : moving since 1970-01-01 00:01:00 UTC" in page.text
    assert "paused by anna: paused" not in page.text


def test_what_is_since_the_start_says_so_and_what_is_proven_does_not_begin_anew():
    """After a restart nothing was delivered yet, and all zones are proven."""
    now = Picture(verdict=verdict(), at=99.0, status=status(backend(zones_proven=12344)), lists=None,
                  reconciling=Reconciling(enabled=False))  # fmt: skip

    page = Checked(Pages(ZoneInfo("UTC")).write("live.html", now=now, title="t"))

    assert "proven 12,344 of 12,345 zones since start 0 deliveries proven" in page.text


def test_a_bar_is_drawn_while_a_bulk_drains():
    """What was taken and is no more under way is done; nothing is drawn for one zone, or when all is over."""
    assert Bulk(done=400, of=1000) == bulk_of(backend("busy", pending=500, leased=100, batch_zones=500))
    assert bulk_of(backend(batch_zones=500)) is None
    assert bulk_of(backend("busy", leased=1, batch_zones=1)) is None
    assert bulk_of(backend("down", pending=500)) is None


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(-1, "0.0 s"), (0.25, "0.2 s"), (45.9, "45 s"), (185, "3 min 5 s"), (3600, "1 h"), (187_000, "2 d 3 h")],
)
def test_a_span_has_its_two_largest_units(seconds, expected):
    """As people say it."""
    assert expected == span(seconds)


def test_only_the_name_of_a_zone_becomes_a_link():
    """A slash stays one label's (RFC 2317); what is no name leads nowhere."""
    assert "/status/zones/0%2F25.2.0.192.in-addr.arpa" == zone_page("0/25.2.0.192.in-addr.arpa.")
    assert "/status/zones/xn--mller-kva.example" == zone_page("Müller.example")
    assert "" == zone_page(NASTY)
    assert "" == zone_page("javascript:alert(1)")


def test_what_cannot_be_seen_is_shown():
    """Control characters, and those that turn the direction of writing."""
    shown = plain(TURNED)

    assert "safe\ufffdtxt.exe\ufffd[31m\ufffd" == shown
    assert "Zürich — 東京" == plain("Zürich — 東京")


@pytest.mark.parametrize("path", ["/", "/status", "/status/live", "/status/zones/a.example", "/status/static/x"])
def test_pages_are_known_by_their_address(path):
    assert is_page(path)


@pytest.mark.parametrize("path", ["/statuses", "/api/v1/status", "/CMD_API_LOGIN_TEST", "//", "/readyz", "/docs"])
def test_programs_keep_their_answers(path):
    """Nothing but our own addresses is turned into a page."""
    assert not is_page(path)


def hostile() -> Picture:
    """A service in which everything that others send is hostile."""
    owner = Owner(credential=NASTY, hostname=NASTY, username=NASTY)
    name = ZoneName.trusted(NASTY)
    placement = Placement(
        backend="bind", name=name, want_version=1, want_kind=Kind.PUT, state=State.DEAD, priority=Priority.BULK,
        due_at=None, attempts=3, applied_version=0, verified_version=0, verified_at=None, served_serial=None,
        reason=NASTY,
    )  # fmt: skip
    held = HeldPush(
        name=name, version=1, digest="ab" * 32, rule=HoldRule.LOSS, reason=NASTY, difference=NASTY, owner=owner,
        address=NASTY, at=1.0, body=b"",
    )  # fmt: skip
    refused = Refused(
        change_id=NASTY, name=NASTY, rule=NASTY, reason=NASTY + TURNED, owner=owner, address=NASTY, at=1.0
    )
    event = Event(at=1.0, event=NASTY, zone=NASTY, actor=NASTY, address=NASTY, detail=NASTY)
    passed = PassLine(ended_at=9.0, elapsed_s=1.0, dry_run=True, found={NASTY: 1}, done={"healed": 2}, failures=[NASTY])
    bad = backend(
        "down", reason=NASTY, paused=NASTY, pending=5, leased=1, dead=1, oldest_s=9.0, batch_zones=4, sweeping=True,
        failed=3, median_proven_ms=12.0,
    )  # fmt: skip
    stopped = backend("paused", name="two", pause=Pause(actor=NASTY, at=1.0, reason=NASTY))
    return Picture(
        verdict=verdict(store=NASTY, alarms=[NASTY]), at=100.0,
        status=status(bad, stopped, held=1, lost=2, pushes={"accepted": 1, NASTY: 2}),
        lists=Lists(held=[held], dead=[placement], refused=[refused], events=[event], passes=[passed]),
        reconciling=Reconciling(enabled=True, running=NASTY),
    )  # fmt: skip


def test_nothing_that_others_sent_becomes_markup():
    """In no place of the status page: a reader sees the text as it was sent."""
    pages = Pages(ZoneInfo("UTC"))

    live = pages.write("live.html", now=hostile(), title=NASTY)
    page = Checked(pages.write("status.html", live=live, title=NASTY))

    assert NASTY in page.text
    assert "{{7*7}}" in page.text
    assert "img" not in page.tags
    assert 1 == page.tags.count("script")  # ours
    assert "\u202e" not in live
    assert "\x1b" not in live


def test_a_store_that_cannot_be_read_is_told_instead_of_figures():
    """The page stands; no number is made up."""
    now = Picture(
        verdict=verdict(store="the disk is full"), at=1.0, status=None, lists=None,
        reconciling=Reconciling(enabled=False),
    )  # fmt: skip

    page = Checked(Pages(ZoneInfo("UTC")).write("live.html", now=now, title="t"))

    assert "✖ not ready: pushes are refused: the disk is full" in page.text
    assert "The store cannot be read now" in page.text
    assert "outstanding" not in page.text


def test_every_number_leads_to_its_list():
    """Counts of a backend lead to the API's lists of the same."""
    page = Checked(Pages(ZoneInfo("UTC")).write("live.html", now=hostile(), title="t"))

    assert {
        "/api/v1/zones", "/api/v1/refused", "/api/v1/outbox", "/api/v1/outbox?backend=bind", "/api/v1/held",
        "/api/v1/outbox?state=dead&backend=bind", "/api/v1/zones?backend=bind&state=verified", "/api/v1/events",
        "/api/v1/backends/bind", "/api/v1/reconcile", "/api/v1/lost",
    } <= set(page.links)  # fmt: skip


def test_moments_are_shown_in_the_configured_time_zone():
    """With its name, so that nobody takes it for another."""
    assert "1970-01-01 00:00:00 UTC" == Pages(ZoneInfo("UTC")).moment(0)
    assert "1970-01-01 12:00:00 NZST" == Pages(ZoneInfo("Pacific/Auckland")).moment(0)


def test_the_style_is_small_and_fetches_nothing():
    """No framework, no font, no picture from elsewhere."""
    assert len(CONTENT["status.css"]) < 6 * 1024
    assert b"url(" not in CONTENT["status.css"]
    assert b"@import" not in CONTENT["status.css"]
    assert b"http" not in CONTENT["status.js"].replace(b"HTTP", b"").replace(b"text/html", b"")
