"""What `dadns` says to a slip of the hand, to an empty list, and while the service hangs."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from bench.load import zone_text
from bench.service import STOPPABLE, Service

from tests.support.cells import stopped
from tests.support.programs import require_program
from tests.support.verdicts import SERIAL, Stage

LOOKING = (
    "explain one.example", "show one.example", "zones", "backends", "events", "refused", "lost", "outbox", "attempts one.example",
    "history one.example", "diff one.example", "held", "token list", "migrate list", "reconcile",
)  # fmt: skip


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    require_program("named")
    with Service(backends=STOPPABLE) as service:
        stage = Stage(service)
        stage.proven("one.example")
        yield stage
        stage.http.close()


def told(stage: Stage, code: int, *words: str) -> str:
    """What it prints, in one line."""
    done = stage.dadns(*words)
    assert code == done.returncode, (words, done.stdout, done.stderr)
    return " ".join((done.stdout + done.stderr).replace("│", " ").split())


def test_commands_that_look_do_not_wait_for_a_service_that_hangs(stage):
    """Each ends with 2 in the time that it was given, and says where it asked and what to do."""
    with stopped(stage.service.pid):
        for command in LOOKING:
            words = told(stage, 2, *command.split(), "--timeout", "1")
            assert f"{stage.service.url} gave no answer in 1 s: the service hangs or is overloaded" in words, command
            assert "longer --timeout" in words, command
    told(stage, 0, "explain", "one.example", "--timeout", "60")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("explain", ""), "the name of a zone is empty"),
        (("explain", "."), "'.' is not a valid name of a zone"),
        (("delete", ".."), "'..' is not a valid name of a zone"),
        (("reconcile", "--undo", ""), "the name of a zone is empty"),
        (("approve", "", "x"), "the name of a zone is empty"),
        (("wait", ""), "the id of a change is empty"),
        (("pause", "a/b"), "'a/b' is not a valid name of a backend"),
        (("resume", ".."), "'..' is not a valid name of a backend"),
        (("backends", "forget", ""), "the name of a backend is empty"),
        (("token", "revoke", ""), "the id of a token is empty"),
        (("import", ""), "it is empty: name a file or a folder"),
        (("backup", ""), "it is empty: name a file or a folder"),
        (("push", "x.zone", "--zone", ""), "the name of a zone is empty"),
        (("migrate", "open", "a", "b", "--for", "0h"), "--for 0h: a move must stay open for more than no time"),
        (("migrate", "open", "a", "b", "--for", "91d"), "for 90 days at most"),
        (("explain", "a/b.example/"), "the label 'example/' of the zone name 'a/b.example/' ends with '/'"),
    ],
)
def test_a_slip_is_called_by_its_name(stage, words, said):
    """Not "Not Found", and nothing is asked of the service by another name than was given."""
    assert said in told(stage, 2, *words)


def test_a_name_with_a_slash_is_explained_as_itself(stage):
    """It is the path of an address only where a host may stand before it."""
    assert "a/b.example: UNKNOWN: no zone a/b.example was ever pushed to us" in told(stage, 2, "explain", "a/b.example")
    assert "one.example: LIVE" in told(stage, 0, "explain", "one.example/index.html")


def test_what_is_no_zone_file_is_not_pushed(stage, tmp_path):
    """Each with what to do instead, and the sum names it; nothing is imported from a folder without a zone."""
    (tmp_path / ".zone").write_bytes(zone_text("two.example", SERIAL).split(b"SOA")[0])
    assert f"not pushed: {tmp_path}: it is a folder: dadns import {tmp_path} takes" in told(
        stage, 1, "push", str(tmp_path)
    )
    assert "not pushed: /: it is a folder" in told(stage, 1, "push", "/")
    assert "not pushed: '': not a file name" in told(stage, 1, "push", "")
    both = told(stage, 1, "push", "/nonexistent/x.zone", str(tmp_path / ".zone"))
    assert "not pushed: /nonexistent/x.zone: No such file or directory" in both
    assert f"not pushed: {tmp_path / '.zone'}: the name of a zone is empty" in both
    assert "0 zones recorded, 2 refused" in both
    assert "0 zones recorded, 0 refused, 1 not taken" in told(stage, 1, "import", str(tmp_path))


def test_an_empty_list_is_told_in_words_and_is_empty_in_json(stage):
    """A header alone leaves open whether something went wrong."""
    for words, said in {
        ("refused",): "no push has been refused, as far as we know",
        ("refused", "--zone", "one.example", "--rule", "x"): "no refused push with zone one.example, rule x",
        ("token", "list"): "there are no tokens: dadns token create makes one",
        ("events", "--zone", "nobody.example"): "no event with zone nobody.example",
        ("zones", "--search", "zzz"): "no zone has 'zzz' in its name",
    }.items():
        assert said == told(stage, 0, *words)
        assert [] == json.loads(stage.dadns(*words, "--json").stdout)


def test_a_difference_that_is_none_is_told(stage):
    """Of a zone with one version, and of a version with itself."""
    assert "one.example: no version before 1 is kept, so there is nothing to compare it with" in told(
        stage, 0, "diff", "one.example"
    )
    itself = told(stage, 0, "diff", "one.example", "--from", "1", "--to", "1")
    assert "one.example: both are version 1" in itself


def test_who_pauses_what_is_paused_is_told_what_holds(stage):
    """The first reason may still hold when the second is gone: it stays, and the other is told as not kept."""
    assert "bind: paused by bench: moving; 0 outstanding" in told(stage, 0, "pause", "bind", "--reason", "moving")
    again = told(stage, 0, "pause", "bind", "--reason", "other")
    assert "bind: already paused by bench since " in again
    assert ": moving; that pause stays, and 'other' is only in the audit log" in again
    assert stage.act("POST", "backends/bind/pause")["already"]
    details = [one["detail"] for one in stage.get("events?event=backend.paused")["items"]]
    assert [
        "bind (already paused by bench: moving)",
        "bind: other (already paused by bench: moving)",
        "bind: moving",
    ] == details
    assert "bind: ok" in told(stage, 0, "resume", "bind")
    assert not stage.act("POST", "backends/bind/pause")["already"]
    stage.act("POST", "backends/bind/resume")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("zones/one.example/rollback", {"version": True}),
        ("zones/one.example/rollback", {"version": "1"}),
        ("zones/one.example/rollback", {"version": 1, "pin": 1}),
        ("migrations", {"from_server": "a", "to_server": "b", "hours": True}),
    ],
)
def test_a_value_of_another_kind_is_no_number(stage, path, body):
    """`true` was taken as version 1."""
    assert 422 == stage.http.post(f"/api/v1/{path}", json=body).status_code
    assert 422 == stage.http.put("/api/v1/zones/one.example/pin", json={"version": True}).status_code
    assert 1 == stage.get("zones/one.example")["version"]
