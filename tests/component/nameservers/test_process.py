"""Processes that are not our children: known again, seen to end, and never mistaken for others."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

from directdnsonly.nameservers import note as notes
from directdnsonly.nameservers.adoption import look
from directdnsonly.nameservers.leftover import running_in, stop, stop_all_but
from directdnsonly.nameservers.note import Note, Stamp
from directdnsonly.nameservers.process import Handle, Identity, identity_of, session_of, stat_of
from tests.support.programs import require_program

# Its own session with a child, as NSD has them; nobody's child of ours, as one that an earlier life has started.
LEFT = """
import subprocess, sys
leader = subprocess.Popen(sys.argv[1:], start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(leader.pid, flush=True)
"""
STUBBORN = "trap '' TERM; sleep 600 & wait; wait; wait"


def left(*command: str) -> int:
    """The number of a process whose parent has gone."""
    done = subprocess.run(
        [sys.executable, "-c", LEFT, *command], capture_output=True, text=True, check=True, timeout=60
    )
    return int(done.stdout)


def test_a_number_that_was_given_again_is_another_process():
    """The start time tells them apart, and what has ended is nobody, also while its parent has not waited for it."""
    child = subprocess.Popen([require_program("sleep"), "600"])
    found = identity_of(child.pid)
    assert found is not None
    assert abs(found.up_since - time.time()) < 60
    assert Handle.of(replace(found, ticks=found.ticks - 1)) is None
    child.kill()
    until_ended = stat_of(child.pid)
    while until_ended is not None and until_ended.lives:
        until_ended = stat_of(child.pid)
    assert identity_of(child.pid) is None
    child.wait()
    assert identity_of(child.pid) is None
    assert Handle.of(found) is None


async def test_the_end_of_one_that_is_not_our_child_is_seen_without_its_code():
    """By its handle; two who wait are both told."""
    identity = identity_of(left(require_program("sleep"), "600"))
    assert identity is not None
    handle = Handle.of(identity)
    assert handle is not None
    waiting = asyncio.ensure_future(handle.ended())
    await asyncio.sleep(0)
    assert not waiting.done()

    handle.send(signal.SIGKILL)

    async with asyncio.timeout(60):
        await waiting
        await handle.ended()
    assert handle.exit_code() is None
    handle.send(signal.SIGKILL)  # reaches nobody, whoever has that number now
    handle.close()


async def test_the_code_of_a_child_is_told():
    """Only its parent can know."""
    command = [sys.executable, "-c", "raise SystemExit(3)"]
    handle = Handle.of_child(await asyncio.to_thread(subprocess.Popen, command))
    async with asyncio.timeout(60):
        await handle.ended()
    assert 3 == handle.exit_code()
    handle.close()


async def test_one_that_ignores_sigterm_goes_with_its_children(tmp_path):
    """Children that outlive it would hold its port."""
    pid = left("/bin/sh", "-c", STUBBORN)
    identity = identity_of(pid)
    assert identity is not None
    while len(list(session_of(pid))) < 2:
        await asyncio.sleep(0.01)
    members = [one.identity for one in session_of(pid)]
    handle = Handle.of(identity)
    assert handle is not None
    note = tmp_path / notes.NAME
    note.touch()

    await stop(handle, note)

    handle.close()
    async with asyncio.timeout(60):
        while any(identity_of(one.pid) == one for one in members):
            await asyncio.sleep(0.01)
    assert not note.exists()


def test_what_cannot_be_read_as_a_note_is_none(tmp_path):
    """Torn, foreign, absent."""
    file = tmp_path / notes.NAME
    note = Note(identity=Identity(pid=7, ticks=9), stamp=Stamp(arguments=("/a", "b"), version="1", digest="d"))
    assert notes.read(file) is None
    notes.write(file, note)
    assert note == notes.read(file)
    notes.write(file, notes.took(note, 1.23456))
    assert replace(note, start_s=1.235) == notes.read(file)
    assert 0o600 == file.stat().st_mode & 0o777
    whole = file.read_text()
    for torn in (whole[:20], "[]", "null", "{}", whole.replace("7", '"x"', 1)):
        file.write_text(torn)
        assert notes.read(file) is None


async def test_only_what_is_wanted_by_nobody_is_stopped(tmp_path):
    """Of two that run the one whose backend is gone; a note whose number is another program's stops nobody."""
    running = {}
    for name in ("bind", "gone", "lied"):
        folder = tmp_path / "backends" / name
        folder.mkdir(parents=True)
        script = folder / "server"
        script.write_text("sleep 600\n")
        pid = left("/bin/sh", str(script)) if name != "lied" else left(require_program("sleep"), "600")
        identity = identity_of(pid)
        assert identity is not None
        running[name] = identity
        notes.write(
            folder / notes.NAME, Note(identity=identity, stamp=Stamp(arguments=("/bin/sh",), version="", digest=""))
        )
    try:
        assert ["bind", "gone"] == [one.backend for one in running_in(tmp_path)]

        stopped = [one.backend async for one in stop_all_but(tmp_path, {"bind"})]

        assert ["gone"] == stopped
        assert [True, False, True] == [identity_of(one.pid) == one for one in running.values()]
        assert ["bind"] == [one.backend for one in running_in(tmp_path)]
    finally:
        for one in running.values():
            if identity_of(one.pid) == one:
                os.killpg(one.pid, signal.SIGKILL)


def test_a_process_without_a_note_is_known_by_its_pid_file_and_whole_command(tmp_path):
    """As one of a version that wrote no note. An editor that has the same file open is none, nor a pid file that lies."""
    conf, pid_file, note_file = tmp_path / "named.conf", tmp_path / "named.pid", tmp_path / notes.NAME
    conf.write_text("sleep 600\n")
    shell = tmp_path / "named"
    shell.symlink_to("/bin/sh")
    ours, editor = left(str(shell), str(conf)), left("/bin/sh", str(conf))
    try:
        for pid, expected in ((ours, ours), (editor, None), (os.getpid(), None)):
            pid_file.write_text(f"{pid}\n")
            found = look(note_file, pid_file, kind="named", marker=str(conf))
            assert expected == found.seen.stray
            assert (expected is None) is (found.handle is None)
            if found.handle is not None:
                found.handle.close()
    finally:
        for pid in (ours, editor):
            os.killpg(pid, signal.SIGKILL)


async def test_one_without_a_note_is_stopped_too(tmp_path):
    """Its note could not be written (a full disk), or was lost: by the pid file in its folder. An editor of its file is left alone."""
    numbers = {}
    for name, program in (("knot", "knotd"), ("bind", "editor")):
        folder = tmp_path / "backends" / name
        (folder / "run").mkdir(parents=True)
        script, shell = folder / "conf", tmp_path / program
        script.write_text("sleep 600\n")
        shell.symlink_to("/bin/sh")
        numbers[name] = left(str(shell), str(script))
        (folder / "run" / "knot.pid").write_text(f"{numbers[name]}\n")
    try:
        assert [("knot", "knotd")] == [(one.backend, one.kind) for one in running_in(tmp_path)]

        assert ["knot"] == [one.backend async for one in stop_all_but(tmp_path, ())]

        assert identity_of(numbers["knot"]) is None
        assert identity_of(numbers["bind"]) is not None
        assert [] == list(running_in(tmp_path))
    finally:
        for pid in numbers.values():
            if identity_of(pid) is not None:
                os.killpg(pid, signal.SIGKILL)
