"""What is special about NSD: zones that it drops, names that are no file names, its control channel."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
from dataclasses import replace

import dns.asyncquery
import dns.message
import pytest

from directdnsonly.backends.contract import OutcomeKind, ZoneChange
from directdnsonly.backends.control import ControlUnavailable
from directdnsonly.backends.daemons import NAMESERVERS
from directdnsonly.backends.files.checker import NSD_CHECKZONE, ZoneChecker
from directdnsonly.backends.nsd.control import NativeNsdControl, TlsPlace
from directdnsonly.backends.nsd.control_program import NsdControlProgram
from directdnsonly.backends.nsd.settings import NsdSettings
from directdnsonly.errors import ConfigError
from directdnsonly.verify.compare import Finding
from directdnsonly.zone.name import ZoneName
from tests.contract.store_exercises.warnings_kept import BESIDE_A_DNAME
from tests.support import nsd
from tests.support.nsd import make_certificates, nsd_under_test
from tests.support.programs import nsd_version, require_program
from tests.support.rig import Rig

LONG = ".".join(["a" * 63, "b" * 63, "c" * 63, "d" * 61])


async def test_a_zone_that_nsd_drops_gets_its_last_good_file_back(tmp_path):
    """Without nsd-checkzone (NSD on another machine) only NSD's own answer tells: SERVFAIL, while it says ok."""
    none = ZoneChecker(replace(NSD_CHECKZONE, program="no-such-checker"), timeout_s=1)
    async with nsd_under_test(tmp_path, "external", checker=none) as (backend, daemon):
        rig = Rig(nsd.RIGS[2], backend, daemon)
        await rig.apply(rig.put("bad.example", 1), rig.put("good.example", 1))

        outcomes = await backend.apply(
            [rig.poisoned("bad.example", 2), rig.put("good.example", 2), rig.poisoned("fresh.example", 1)]
        )

        assert [OutcomeKind.REFUSED, OutcomeKind.APPLIED, OutcomeKind.REFUSED] == [one.kind for one in outcomes]
        assert "SERVFAIL" in outcomes[0].reason
        assert [Finding.PROVEN] * 3 == [
            await rig.finding("bad.example", 1), await rig.finding("good.example", 2),
            await rig.finding("fresh.example", None),
        ]  # fmt: skip
        assert not (tmp_path / "external" / "zones" / "fresh.example.db").exists()
        rig.close()


async def test_what_it_served_is_served_after_kill_9(tmp_path):
    """Its list of zones is on disk before it says ok."""
    async with nsd_under_test(tmp_path, "external") as (backend, daemon):
        rig = Rig(nsd.RIGS[2], backend, daemon)
        changes = [rig.put(f"z{number}.example", 1) for number in range(300)]
        await rig.apply(*changes)
        os.kill(daemon.process.pid, signal.SIGKILL)
        await asyncio.to_thread(daemon.process.wait)
        await daemon.start()

        assert {Finding.PROVEN} == {verdict.finding for verdict in await rig.verdicts(changes)}
        rig.close()


async def test_odd_names_are_deleted_whole_and_never_share_a_file(tmp_path):
    """The links go with the zone; a name that NSD would read from another zone's file is refused."""
    async with nsd_under_test(tmp_path, "managed-native") as (backend, daemon):
        rig = Rig(nsd.RIGS[0], backend, daemon)
        names = ["0/26.2.0.192.in-addr.arpa", LONG, "a/b.example"]
        await rig.apply(*(rig.put(name, 1) for name in names))

        (outcome,) = await backend.apply([rig.put("a//b.example", 1)])

        assert (OutcomeKind.REFUSED, True) == (outcome.kind, "another zone" in outcome.reason)
        assert Finding.PROVEN is await rig.finding("a/b.example", 1)
        gone = [ZoneChange(name=ZoneName.parse(name), version=2, text=None) for name in names]
        assert [OutcomeKind.APPLIED] * 3 == await rig.apply(*gone)
        assert [Finding.PROVEN] * 3 == [await rig.finding(name, None) for name in names]
        assert [] == list((tmp_path / "backends/nsd/zones/names").rglob("*"))
        rig.close()


@pytest.mark.parametrize("kind", ["external", "tls", "tls-nsd-control"])
async def test_a_thousand_zones_in_one_command_do_not_lock_it_up(kind, tmp_path):
    """nsd-control writes all before it reads, and locks up near 278 zones: it is given 200 at most."""
    async with nsd_under_test(tmp_path, kind) as (backend, daemon):
        rig = Rig(nsd.RIGS[2], backend, daemon)
        changes = [rig.put(f"z{number}.example", 1) for number in range(1000)]

        assert {OutcomeKind.APPLIED} == set(await rig.apply(*changes))

        assert {Finding.PROVEN} == {verdict.finding for verdict in await rig.verdicts(changes)}
        gone = [ZoneChange(name=change.name, version=2, text=None) for change in changes]
        assert {OutcomeKind.APPLIED} == set(await rig.apply(*gone))
        assert {Finding.PROVEN} == {verdict.finding for verdict in await rig.verdicts(gone)}
        rig.close()


async def test_a_control_channel_that_says_nothing_costs_its_time_limit(tmp_path):
    """Faults C4, for the unix socket, TLS and the program."""
    require_program("nsd-control")
    make_certificates(tmp_path)
    path = tmp_path / "mute.ctl"
    conf = tmp_path / "nsd.conf"
    conf.write_text(f"remote-control:\n  control-enable: yes\n  control-interface: {path}\n")
    with socket.socket(socket.AF_UNIX) as mute, socket.create_server(("127.0.0.1", 0)) as mute_tcp:
        mute.bind(str(path))
        mute.listen()
        tls = _tls(tmp_path, mute_tcp.getsockname()[1])
        controls = [
            NativeNsdControl(path, timeout_s=0.5),
            NativeNsdControl(tls, timeout_s=0.5),
            NsdControlProgram(options=["-c", str(conf)], timeout_s=0.5),
        ]
        for control in controls:
            with pytest.raises(ControlUnavailable, match="no answer in"):
                await control.command("status")


async def test_tls_shows_itself_only_to_the_nsd_whose_certificate_we_have(tmp_path):
    """A wrong certificate on either side is BackendUnavailable with a reason, and nothing is sent."""
    async with nsd_under_test(tmp_path, "tls"):
        port = int(re.search(r"control-port: (\d+)", (tmp_path / "external" / "nsd.conf").read_text())[1])
        other = tmp_path / "other"
        other.mkdir()
        make_certificates(other)
        stranger = NativeNsdControl(_tls(other, port), timeout_s=30)

        with pytest.raises(ControlUnavailable, match="certificate"):
            await stranger.command("status")


def _tls(place, port):
    return TlsPlace(
        host="127.0.0.1", port=port, server_cert=place / "nsd_server.pem", control_cert=place / "nsd_control.pem",
        control_key=place / "nsd_control.key",
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["tls", "managed-nsd-control", "managed-native"])
async def test_many_changed_zones_are_one_reload(kind, tmp_path):
    """Zones that the hint calls changed but NSD does not have are added all the same."""
    async with nsd_under_test(tmp_path, kind) as (backend, daemon):
        rig = Rig(nsd.RIGS[2], backend, daemon)
        names = [f"z{number}.example" for number in range(60)]
        await rig.apply(*(rig.put(name, 1) for name in names[:50]))
        rig.known |= {ZoneName.parse(name) for name in names}
        changes = [rig.put(name, 2) for name in names]

        assert {OutcomeKind.APPLIED} == set(await rig.apply(*changes))

        assert {Finding.PROVEN} == {verdict.finding for verdict in await rig.verdicts(changes)}
        rig.close()


def test_a_data_dir_that_is_too_long_for_a_socket_is_told_at_the_start(tmp_path):
    """unix(7) takes 108 octets; nsd would only log it."""
    folder = tmp_path / ("d" * 100)
    program = NAMESERVERS["nsd"].build("nsd", NsdSettings(port=5399, run_as=""), folder)

    with pytest.raises(ConfigError, match="a shorter data_dir"):
        program.prepare()


HEAD = "$TTL 60\n@ IN SOA ns1.host.example. hostmaster 1 60 60 60 60\n@ IN NS ns1.host.example.\n"


@pytest.mark.parametrize("first", ["parent", "other"])
@pytest.mark.parametrize(("other", "records", "is_told"), BESIDE_A_DNAME)
async def test_a_dname_over_another_zone_is_the_reason_that_is_told(first, other, records, is_told, tmp_path):
    """NSD serves the one that it read first, or both: as our warning says, whichever comes second.

    For the one that it does not serve it says neither file permissions nor "see its log".
    """
    async with nsd_under_test(tmp_path, "external") as (backend, daemon):
        rig = Rig(nsd.RIGS[2], backend, daemon)
        changes = [rig.put("example.com", 1, "child 60 IN DNAME sister\n"), rig.put_text(other, HEAD + records)]
        changes.sort(key=lambda change: (str(change.name) == "example.com") != (first == "parent"))
        await rig.apply(changes[0])

        (outcome,) = await backend.apply([changes[1]])

        if is_told:
            assert OutcomeKind.RETRY is outcome.kind  # it is served as soon as the other one has gone
            assert "NSD serves only one of the zones" in outcome.reason
            assert {"example.com", other, "child.example.com."} <= set(re.split(r"[ ,:]+", outcome.reason))
        else:
            assert OutcomeKind.APPLIED is outcome.kind, outcome.reason
            assert {Finding.PROVEN} == {verdict.finding for verdict in await rig.verdicts(changes, content=True)}
        rig.close()


async def test_what_a_newer_nsd_loads_and_cannot_answer_with_is_not_given_to_it(tmp_path):
    """Its checker takes it: a HIP with many rendezvous servers. The last good version is served on."""
    hip = "h IN HIP 2 abcd AAAA " + " ".join(f"x{number}." for number in range(17)) + "\n"
    async with nsd_under_test(tmp_path, "managed-native") as (backend, daemon):
        rig = Rig(nsd.RIGS[0], backend, daemon)
        await rig.apply(rig.put("a.example", 1))

        (outcome,) = await rig.backend.apply([rig.put("a.example", 2, hip)])

        assert (OutcomeKind.REFUSED, True) == (outcome.kind, "more than 16 rendezvous servers" in outcome.reason)
        assert Finding.PROVEN is await rig.finding("a.example", 1)
        rig.close()


async def test_an_interval_of_the_soa_above_31_bits_is_served_as_it_is(tmp_path):
    """NSD 4.6 reads the number as 3600, without a word; the generic form it reads octet by octet. 4.12 refuses either."""
    text = "$TTL 60\n@ IN SOA ns1.host.example. hostmaster 7 2251427590 4294967295 4294967295 60\n@ IN NS ns1.host.example.\n"
    async with nsd_under_test(tmp_path, "external") as (backend, daemon):
        rig = Rig(nsd.RIGS[2], backend, daemon)
        change = rig.put_text("long.example", text)

        (outcome,) = await rig.backend.apply([change])

        if nsd_version() >= (4, 12):
            assert (OutcomeKind.REFUSED, True) == (outcome.kind, "Invalid refresh in SOA" in outcome.reason)
            rig.close()
            return
        (verdict,) = await rig.verdicts([change], content=True)
        assert (OutcomeKind.APPLIED, Finding.PROVEN) == (outcome.kind, verdict.finding), verdict
        (server, *_) = backend.servers
        query = dns.message.make_query("long.example", "SOA")
        (soa,) = (await dns.asyncquery.udp(query, server.host, port=server.port, timeout=60)).answer[0]
        assert (2251427590, 4294967295, 4294967295) == (soa.refresh, soa.retry, soa.expire)
        rig.close()
