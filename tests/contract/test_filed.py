"""A file that the name server did not take is never left for its next start."""

from __future__ import annotations

import asyncio
import socket

import pytest
from bench.load import zone_text
from bench.service import free_port

from directdnsonly.backends.bind import backend as bind
from directdnsonly.backends.bind.settings import BindSettings
from directdnsonly.backends.contract import ZoneChange
from directdnsonly.backends.files.folder import ZoneFolder
from directdnsonly.backends.knot import backend as knot
from directdnsonly.backends.knot.settings import KnotSettings
from directdnsonly.backends.nsd import backend as nsd
from directdnsonly.backends.nsd.settings import NsdSettings
from directdnsonly.errors import BackendUnavailable
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.text import parse


def change(number: int, serial: int) -> ZoneChange:
    name = ZoneName.parse(f"z{number}.example")
    zone = parse(zone_text(str(name), serial), name)
    return ZoneChange(name=name, version=serial, text=zone.text, serial=serial, records=zone.records, known=True)


KEY = 'key "k" { algorithm hmac-sha256; secret "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0MTI="; };'


def backend_at(kind, tmp_path, path, port):
    if kind == "bind":
        (tmp_path / "key").write_text(KEY)
        settings = BindSettings(
            managed=False, zones_dir=tmp_path / "zones", rndc_port=port, rndc_key_file=tmp_path / "key"
        )
        return bind.build("b", settings, tmp_path)
    if kind == "nsd":
        return nsd.build("b", NsdSettings(control_socket=path, zones_dir=tmp_path / "zones"), tmp_path)
    return knot.build("b", KnotSettings(control_socket=path, zones_dir=tmp_path / "zones"), tmp_path)


def written_before(tmp_path, changes):
    (tmp_path / "zones").mkdir()
    folder = ZoneFolder(tmp_path / "zones")
    for one in changes:
        folder.write(one.name, one.text, version=one.version, serial=one.serial, records=one.records)


@pytest.mark.parametrize("kind", ["bind", "nsd", "knot"])
async def test_files_are_put_back_when_the_daemon_is_down(kind, tmp_path):
    """Known zones keep what they had, new ones have no file."""
    backend = backend_at(kind, tmp_path, tmp_path / "nobody", free_port())
    written_before(tmp_path, [change(0, 1)])

    with pytest.raises(BackendUnavailable):
        await backend.apply([change(0, 2), change(1, 2)])

    assert [1, None] == [one and one.serial for one in await backend.observe([change(0, 1).name, change(1, 1).name])]


@pytest.mark.parametrize("kind", ["bind", "nsd", "knot"])
@pytest.mark.parametrize("after_s", [0.0, 0.003, 0.01, 0.3])
async def test_files_are_put_back_when_the_attempt_is_cut_off(kind, after_s, tmp_path):
    """Dispatch cancels an apply that takes too long; also in the middle of writing."""
    path = tmp_path / "mute"
    with socket.socket(socket.AF_UNIX) as mute, socket.create_server(("127.0.0.1", 0)) as mute_tcp:
        mute.bind(str(path))
        mute.listen()
        backend = backend_at(kind, tmp_path, path, mute_tcp.getsockname()[1])
        written_before(tmp_path, [change(number, 1) for number in range(50)])

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(after_s):
                await backend.apply([change(number, 2) for number in range(100)])

    seen = [one async for one in backend.inventory()]
    assert (50, {1}) == (len(seen), {one.serial for one in seen})


@pytest.mark.parametrize("kind", ["bind", "nsd", "knot"])
async def test_a_file_that_cannot_be_put_back_keeps_no_other_from_it(kind, tmp_path):
    """While the daemon is waited for, one of the new files becomes a directory; then the daemon is gone. It is told of."""
    path, blocked = tmp_path / "mute", tmp_path / "zones" / "z7.example.db"
    with socket.socket(socket.AF_UNIX) as mute, socket.create_server(("127.0.0.1", 0)) as mute_tcp:
        mute.bind(str(path))
        mute.listen()
        backend = backend_at(kind, tmp_path, path, mute_tcp.getsockname()[1])
        written_before(tmp_path, [change(number, 1) for number in range(20)])
        attempt = asyncio.create_task(backend.apply([change(number, 2) for number in range(20)]))
        last = change(19, 2)
        async with asyncio.timeout(60):
            while [2] != [one and one.serial for one in await backend.observe([last.name])]:
                await asyncio.sleep(0.001)
        blocked.unlink()
        blocked.mkdir()

    with pytest.raises(BackendUnavailable, match=f"; files not restored: 1, the first {blocked}: Is a directory"):
        await attempt

    assert [1] * 19 == [one.serial async for one in backend.inventory()]
    (seen,) = await backend.observe([change(7, 1).name])
    assert seen is not None
    assert not seen.whole
