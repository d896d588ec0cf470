"""What becomes of a name server that an earlier life of ours has left, and whether it is left at all: tables."""

from __future__ import annotations

from dataclasses import replace

import pytest

from directdnsonly.config.starter import Starter, ends_with_us
from directdnsonly.nameservers.adoption import Act, Seen, decide
from directdnsonly.nameservers.note import Note, Stamp
from directdnsonly.nameservers.outliving import OnStop, outlive
from directdnsonly.nameservers.process import Identity

WANTED = Stamp(arguments=("/usr/sbin/named", "-f"), version="9.18.49", digest="a")
NOTE = Note(identity=Identity(pid=7, ticks=1234), stamp=WANTED, start_s=0.5)
OURS = Seen(note=NOTE, lives=True)


@pytest.mark.parametrize(
    ("seen", "act", "reason"),
    [
        (Seen(), Act.START, ""),
        (Seen(note=NOTE), Act.START, ""),
        (OURS, Act.ADOPT, ""),
        (replace(OURS, looks_alike=False), Act.START, ""),
        (replace(OURS, may_end=False), Act.REFUSE,
         "named (process 7) was started by us as another user, and we may not control it: start us as that user"),
        (Seen(stray=9), Act.REPLACE, "named (process 9) was left without a note of ours"),
        (Seen(note=NOTE, stray=9), Act.REPLACE, "named (process 9) was left without a note of ours"),
        (replace(OURS, note=replace(NOTE, stamp=replace(WANTED, digest="b"))), Act.REPLACE,
         "the configuration of named, or its program, has changed"),
        (replace(OURS, note=replace(NOTE, stamp=replace(WANTED, digest="b", version="9.18.44"))), Act.REPLACE,
         "named 9.18.44 runs, 9.18.49 is installed"),
        (replace(OURS, note=replace(NOTE, stamp=replace(WANTED, digest="b", arguments=("/usr/sbin/named",)))), Act.REPLACE,
         "named is started by another command now"),
        (replace(OURS, note=replace(NOTE, stamp=replace(WANTED, digest="b", version="4.6.1", arguments=("/usr/sbin/nsd",)))),
         Act.REPLACE, "nsd runs where named is wanted"),
    ],
)  # fmt: skip
def test_what_is_found_decides(seen, act, reason):
    """A note without its process is nothing; a process without a note is never adopted, whatever its command line."""
    decision = decide(seen, WANTED, kind="named")

    assert (act, reason) == (decision.act, decision.reason)


@pytest.mark.parametrize("changed", ["arguments", "configuration", "version", "program"])
def test_the_digest_knows_every_part_of_a_start(tmp_path, changed):
    """Also a program of the same version in another file: so come Debian's security updates."""
    program = tmp_path / "named"
    program.write_text("old")
    parts = {"arguments": [str(program), "-f"], "configuration": "options {};", "version": "9.18.49"}
    before = Stamp.of(**parts)
    assert before == Stamp.of(**parts)
    if changed == "program":
        program.write_text("newer")
    else:
        parts[changed] = [str(program), "-g"] if changed == "arguments" else "other"

    assert before.digest != Stamp.of(**parts).digest


@pytest.mark.parametrize(
    ("wish", "with_us", "by_hand", "goes_on"),
    [
        (OnStop.AUTO, False, False, True),
        (OnStop.AUTO, True, False, False),
        (OnStop.AUTO, False, True, False),
        (OnStop.KEEP, True, True, True),
        (OnStop.STOP, False, False, False),
    ],
)
def test_who_wants_what_ends_with_us(wish, with_us, by_hand, goes_on):
    """By itself: a next start is to be expected, and nothing ends everything anyhow."""
    assert goes_on is outlive(wish, ends_with_us=with_us, by_hand=by_hand)


@pytest.mark.parametrize(
    ("starter", "environ", "pid", "parent", "ends"),
    [
        (Starter.IMAGE, {}, 7, 1, True),
        (Starter.MAKE, {}, 700, 600, True),
        (Starter.ROOT, {}, 700, 600, False),
        (Starter.USER, {}, 700, 600, False),
        (Starter.ROOT, {}, 1, 0, True),
        (Starter.ROOT, {}, 7, 1, True),
        (Starter.ROOT, {"INVOCATION_ID": "0123"}, 700, 1, False),
    ],
)
def test_where_all_ends_with_us(starter, environ, pid, parent, ends):
    """An image of somebody else, too: whoever is process 1 there, or its only child, takes everything along. Systemd does not."""
    assert ends is ends_with_us(starter, environ, pid=pid, parent=parent)
