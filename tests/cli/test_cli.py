"""The commands, as processes of their own, against a small real HTTP server."""

from __future__ import annotations

import json
import socket
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.api_server import PASSWORD, USER, Answer, Asked, api_server, change, placement, receipt


def at(url: str) -> dict[str, str]:
    return {"DADNS_URL": url, "DADNS_USERNAME": USER, "DADNS_PASSWORD": PASSWORD}


def accepts(asked: Asked) -> Answer:
    """A service that takes and proves everything except the zone bad.example."""
    name = asked.path.rsplit("/", 1)[-1]
    if asked.method == "PUT" and name == "bad.example":
        return 422, {"title": "Unprocessable", "status": 422, "detail": "line 3: no NS at the apex"}
    if asked.method == "PUT":
        told = {"rule": "outside-zone", "text": "it was dropped", "owner": "evil.org.", "type": "A", "line": 4}
        return 200, receipt(name, warnings=[told])
    return 200, change(name.removeprefix("id-"))


def test_a_push_is_followed_until_it_is_proven(dadns, tmp_path):
    """The zone's name is the file's; the text goes as it is; the end is told per backend."""
    (tmp_path / "example.com.zone").write_bytes(b"@ IN SOA ...\n")
    with api_server(accepts) as server:
        done = dadns("push", "example.com.zone", **at(server.url))

    assert 0 == done.returncode
    assert ("PUT", "/api/v1/zones/example.com", b"@ IN SOA ...\n") == (
        server.asked[0].method, server.asked[0].path, server.asked[0].body,
    )  # fmt: skip
    assert "example.com: recorded, version 3, serial 2026112301, change id-example.com" in done.stdout
    assert "warning: line 4: it was dropped (rule outside-zone)" in done.stdout
    assert "bind: verified" in done.stdout
    assert "proven by every name server after" in done.stdout


def test_the_same_content_again_is_no_new_proof(dadns, tmp_path):
    """What stood proven before may hang by now: nobody was asked, and nothing is said to have been proven in 0.1 s."""
    (tmp_path / "example.com.zone").write_bytes(b"@ IN SOA ...\n")

    def the_same(asked: Asked) -> Answer:
        name = asked.path.rsplit("/", 1)[-1].removeprefix("id-")
        return 200, receipt(name, changed=False) if asked.method == "PUT" else change(name, changed=False)

    with api_server(the_same) as server:
        done = dadns("push", "example.com.zone", **at(server.url))

    assert 0 == done.returncode
    assert "example.com: unchanged, version 3" in done.stdout
    assert "proven by every name server when it was delivered; dadns explain example.com asks them again" in done.stdout
    assert "proven by every name server after" not in done.stdout


def test_one_refused_zone_of_many_is_told_and_the_others_go_on(dadns, tmp_path):
    """Exit code 1, and the reason."""
    for name in ("a.example.db", "bad.example.db", "c.example.txt"):
        (tmp_path / name).write_bytes(b"x")
    with api_server(accepts) as server:
        done = dadns("push", "a.example.db", "bad.example.db", "c.example.txt", "gone.zone", **at(server.url))

    assert 1 == done.returncode
    assert "bad.example: refused: line 3: no NS at the apex" in done.stderr
    assert "No such file" in done.stderr
    assert "a.example: recorded" in done.stdout
    assert "c.example: recorded" in done.stdout


def test_a_push_that_is_not_proven_in_time_fails(dadns, tmp_path):
    """With the state and the reason of each backend."""
    (tmp_path / "a.example").write_bytes(b"x")

    def slow(asked: Asked) -> Answer:
        return accepts(asked) if asked.method == "PUT" else (200, change("a.example", done=False))

    with api_server(slow) as server:
        done = dadns("push", "a.example", "--timeout", "0", **at(server.url))
        at_once = dadns("push", "a.example", "--no-wait", **at(server.url))

    assert (1, 0) == (done.returncode, at_once.returncode)
    assert "bind: pending: no answer in 5 s" in done.stdout
    assert "not proven yet" in done.stderr


def test_a_zone_can_come_from_standard_input(dadns):
    """Then it needs a name; names with a slash are one part of the path."""
    with api_server(accepts) as server:
        done = dadns("push", "-", "--zone", "0/26.2.0.192.in-addr.arpa", "--json", stdin=b"zone", **at(server.url))
        nameless = dadns("push", "-", **at(server.url))

    assert 0 == done.returncode, done.stderr
    assert "/api/v1/zones/0%2F26.2.0.192.in-addr.arpa" == server.asked[0].path
    assert b"zone" == server.asked[0].body
    assert json.loads(done.stdout)[0]["verified"]
    assert 2 == nameless.returncode


def zone_entry(name: str, **owner: str) -> dict[str, Any]:
    return {
        "zone": name, "version": 1, "kind": "put", "serial": 7, "records": 5, "pushed_at": "2026-11-23T01:02:03.000+00:00",
        "owner": {"credential": "c", "hostname": "", "username": "", **owner}, "warnings": [], "placements": [placement()],
    }  # fmt: skip


def test_zones_are_listed_page_by_page(dadns):
    """And what other people wrote is neither markup nor control."""

    def pages(asked: Asked) -> Answer:
        if asked.query.get("after"):
            return 200, {"items": [zone_entry("b.example", username="bob")], "next": None}
        return 200, {"items": [zone_entry("a.example", hostname="[/red]s1\x1b[31m")], "next": "a.example"}

    with api_server(pages) as server:
        done = dadns("zones", "--search", "exam", **at(server.url))
        as_json = dadns("zones", "--json", **at(server.url))

    assert 0 == done.returncode
    assert "a.example" in done.stdout
    assert "bob" in done.stdout
    assert "[/red]s1?[31m" in done.stdout
    assert ["exam", "a.example"] == [server.asked[0].query["search"], server.asked[1].query["after"]]
    assert ["a.example", "b.example"] == [entry["zone"] for entry in json.loads(as_json.stdout)]


BACKEND = {
    "name": "bind", "state": "down", "breaker": "open", "pending": 4, "leased": 0, "dead": 1, "oldest_s": 12.5,
    "median_proven_ms": None, "zones_proven": 5, "reason": "[z] (failed): connection refused", "pause": None,
}  # fmt: skip
STATUS = {
    "version": "3", "state": "degraded", "since": "2026-11-30T10:00:00+00:00", "zones": 9, "held": 1, "lost": 0,
    "store": {"size_bytes": 2**20, "free_bytes": 2**30, "reserve_bytes": 2**26}, "backends": [BACKEND],
    "reasons": [{"kind": "backend", "state": "degraded", "subject": "bind", "since": "2026-11-30T10:00:00+00:00",
                 "what": "bind is down: [z] (failed) | refused"}],
}  # fmt: skip


def test_status_and_show_and_delete(dadns):
    """Each in one look."""

    def answer(asked: Asked) -> Answer:
        if asked.method == "DELETE":
            return 200, receipt("a.example", kind="delete")
        return 200, STATUS if asked.path.endswith("/status") else zone_entry("a.example")

    with api_server(answer) as server:
        status = dadns("status", **at(server.url))
        shown = dadns("show", "a.example", **at(server.url))
        deleted = dadns("delete", "a.example", **at(server.url))

    assert (1, 0, 0) == (status.returncode, shown.returncode, deleted.returncode)
    assert "DirectDNSOnly 3: degraded since 2026-11-30 " in status.stdout
    assert ", 9 zones, store 1.0 MiB, 1024.0 MiB free\n" in status.stdout
    assert "degraded: bind is down: [z] (failed) | refused (since 2026-11-30 " in status.stdout
    assert "bind\tdown\t5 of 9\topen\t4\t0\t1\t12.5 s\t\n" in status.stdout
    assert "bind: verified, proven version 3" in shown.stdout
    assert "a.example: deleted, version 3" in deleted.stdout


@pytest.mark.parametrize(
    ("state", "code", "word", "told"),
    [
        ("ready", 0, "OK", "ready, 9 zones"),
        ("degraded", 1, "WARNING", "degraded: bind is down: [z] (failed) / refused"),
        ("unready", 2, "CRITICAL", "not ready: bind is down: [z] (failed) / refused"),
    ],
)
def test_status_tells_monitors_by_its_exit_code_and_one_line(dadns, state, code, word, told):
    """Plain and as a plug-in of Nagios; only one bar, behind which the figures begin."""
    body = STATUS | {"state": state, "reasons": STATUS["reasons"] if code else []}
    with api_server(lambda _: (200, body)) as server:
        plain, line = dadns("status", **at(server.url)), dadns("status", "--nagios", **at(server.url))
        as_json = dadns("status", "--json", **at(server.url))

    assert [code] * 3 == [plain.returncode, line.returncode, as_json.returncode]
    assert body == json.loads(as_json.stdout)
    text, figures = line.stdout.split(" | ")
    assert f"DADNS {word} - {told}" == text
    assert (
        "zones=9;;;0 held=1;;;0 lost=0;;;0 store_size=1048576B;;;0 store_free=1073741824B;;67108864:;0"
        " 'bind_proven'=5;;;0;9 'bind_outstanding'=4;;;0 'bind_dead'=1;;;0 'bind_oldest'=12.5s;;;0\n"
    ) == figures


def test_without_a_service_there_is_one_clear_line(dadns):
    """Exit code 3; of `status` it is 2, which is critical to a monitor."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        there = at(f"http://127.0.0.1:{nobody.getsockname()[1]}")
        done, line, zones = dadns("status", **there), dadns("status", "--nagios", **there), dadns("zones", **there)

    assert (2, 2, 3) == (done.returncode, line.returncode, zones.returncode)
    assert done.stderr.startswith("no service answers at http://127.0.0.1:")
    assert 1 == done.stderr.count("\n")
    assert line.stdout.startswith("DADNS CRITICAL - no service answers at http://127.0.0.1:")
    assert 3 == dadns("zones", **at("nonsense")).returncode


def test_a_service_that_hangs_is_told_in_time(dadns):
    """A monitor waits ten seconds, not the ninety of a long poll."""
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        url = f"http://127.0.0.1:{mute.getsockname()[1]}"
        line = dadns("status", "--nagios", "--timeout", "0.5", **at(url))

    assert (2, f"DADNS CRITICAL - {url} gave no answer in 0.5 s\n") == (line.returncode, line.stdout)


def test_a_wrong_password_and_a_foreign_server_are_told(dadns):
    """Neither ends in a traceback, and no password is shown. Nagios is told that nothing is known."""
    with api_server(lambda _: (200, "<html>login</html>")) as server:
        bad = {**at(server.url), "DADNS_PASSWORD": "not-it-at-all"}
        wrong, zones, line = dadns("status", **bad), dadns("zones", **bad), dadns("status", "--nagios", **bad)
        foreign, foreign_zones = dadns("status", **at(server.url)), dadns("zones", **at(server.url))
    with api_server(lambda _: (200, {"state": "fine"})) as server:
        other = dadns("status", "--nagios", **at(server.url))

    assert (2, 3, 3, 2, 1, 3) == tuple(done.returncode for done in (wrong, zones, line, foreign, foreign_zones, other))
    assert "does not accept the user name or password" in wrong.stderr
    assert line.stdout.startswith("DADNS UNKNOWN - ")
    assert "not-it-at-all" not in wrong.stderr + wrong.stdout + line.stdout + line.stderr
    assert "not as DirectDNSOnly does" in foreign.stderr
    assert "does not answer like DirectDNSOnly" in other.stdout


def test_the_service_is_found_by_the_configuration(dadns, tmp_path):
    """listen_host 0.0.0.0 is reached on loopback; no proxy of the environment sees the password."""
    with api_server(lambda _: (200, {"items": [], "next": None})) as server:
        port = server.url.rpartition(":")[2]
        (tmp_path / "config.yml").write_text(
            f"app: {{auth_password: {PASSWORD}, listen_port: {port}}}\ndns: {{backends: {{bind: {{}}}}}}\n"
        )
        done = dadns("zones", "--json", http_proxy="http://127.0.0.1:9", all_proxy="http://127.0.0.1:9")

    assert (0, []) == (done.returncode, json.loads(done.stdout))


def test_a_password_comes_from_a_file(dadns, tmp_path):
    """As containers hand it over; a file that is not there is a problem of the configuration."""
    (tmp_path / "secret").write_text(f"{PASSWORD}\n")
    with api_server(lambda _: (200, {"items": [], "next": None})) as server:
        known = {"DADNS_URL": server.url, "DADNS_USERNAME": USER}
        done = dadns("zones", "--json", DADNS_PASSWORD_FILE="secret", **known)
        missing = dadns("zones", DADNS_PASSWORD_FILE="nowhere", **known)

    assert (0, 2) == (done.returncode, missing.returncode)
    assert "DADNS_PASSWORD_FILE: the file nowhere cannot be read" in missing.stderr


@pytest.mark.parametrize("command", ["serve", "check", "status"])
def test_a_wrong_configuration_is_told_whole(dadns, tmp_path, command):
    """Exit code 2; each problem with its key, its line and the nearest key."""
    (tmp_path / "config.yml").write_text(
        "app:\n  auth_pasword: s3cret-word\nlog_level: loud\ndns:\n  backends:\n    bnd: {}\n"
    )

    done = dadns(command)

    assert 2 == done.returncode
    assert "wrong configuration (config.yml)" in done.stderr
    assert "app.auth_pasword: is not a key (line 2; did you mean auth_password?)" in done.stderr
    assert "log_level: " in done.stderr
    assert "dns.backends.bnd.type: " in done.stderr
    assert "s3cret-word" not in done.stderr


def test_help_names_the_exit_codes(dadns):
    """For scripts."""
    done = dadns("--help")

    assert "2 wrong configuration or hung service, 3 no service answers" in " ".join(done.stdout.split())


def test_lists_are_asked_for_in_pages_with_their_filters(dadns):
    """Each page with what was asked for; no more than the limit; `30m` is a moment with its zone."""

    def pages(asked: Asked) -> Answer:
        event = {"at": "2026-11-23T01:02:03.000+00:00", "actor": "c", "address": "", "zone": "", "detail": ""}
        more = asked.query.get("after") != "7"
        return 200, {"items": [{**event, "event": f"kind{more}"}] * 1000, "next": "7" if more else None}

    began = datetime.now(UTC)
    with api_server(pages) as server:
        events = dadns("events", "--event", "zone.put", "--since", "30m", "--limit", "1500", "--json", **at(server.url))
        ended = datetime.now(UTC)
        asked = server.asked[:]
        refused = dadns("refused", "--server", "da1", "--rule", "syntax", "--json", "--limit", "1", **at(server.url))

    assert (0, 0) == (events.returncode, refused.returncode), events.stderr
    assert 2000 == len(json.loads(events.stdout))
    assert [("1000", None), ("500", "7")] == [(one.query["limit"], one.query.get("after")) for one in asked]
    assert {"zone.put"} == {one.query["event"] for one in asked}
    (since,) = {one.query["since"] for one in asked}
    assert began <= datetime.fromisoformat(since) + timedelta(minutes=30, seconds=1) <= ended + timedelta(seconds=1)
    assert {"server": "da1", "rule": "syntax", "limit": "1"} == server.asked[-1].query
