"""One contract, every backend, each against its real name server. The fake passes it too."""

from __future__ import annotations

import socket

import pytest

from directdnsonly.backends.contract import OutcomeKind, ZoneChange
from directdnsonly.errors import BackendUnavailable
from directdnsonly.verify.compare import Finding
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.records import difference
from directdnsonly.zone.text import records_of
from tests.support import named
from tests.support.named import bind_under_test
from tests.support.rig import Rig

ODD_NAMES = [
    "with_underscore.example", "0/26.2.0.192.in-addr.arpa", "xn--mnchen-3ya.de", "2.0.192.in-addr.arpa",
    "8.b.d.0.1.0.0.2.ip6.arpa", ".".join(["a" * 63, "b" * 63, "c" * 63, "d" * 61]), "x",
]  # fmt: skip


async def test_put_change_and_delete_are_served(rig):
    """Each step is proven by the name server itself."""
    assert [OutcomeKind.APPLIED] == await rig.apply(rig.put("a.example", 1))
    assert Finding.PROVEN is await rig.finding("a.example", 1, 2)

    assert [OutcomeKind.APPLIED] == await rig.apply(rig.put("a.example", 2, "www 60 IN A 192.0.2.1\n"))
    assert Finding.PROVEN is await rig.finding("a.example", 2, 3)

    gone = ZoneChange(name=ZoneName.parse("a.example"), version=3, text=None)
    assert [OutcomeKind.APPLIED] == await rig.apply(gone)
    assert Finding.PROVEN is await rig.finding("a.example", None)


async def test_everything_may_be_repeated(rig):
    """Put twice, delete twice, delete of the unknown, and a wrong hint."""
    change = rig.put("a.example", 1)
    assert [OutcomeKind.APPLIED] * 2 == await rig.apply(change) + await rig.apply(rig.put("a.example", 1))
    rig.known.clear()  # the hint is wrong now
    assert [OutcomeKind.APPLIED] == await rig.apply(rig.put("a.example", 2))
    assert Finding.PROVEN is await rig.finding("a.example", 2)
    gone = ZoneChange(name=ZoneName.parse("a.example"), version=3, text=None)
    unknown = ZoneChange(name=ZoneName.parse("never.example"), version=1, text=None)
    assert [OutcomeKind.APPLIED] * 3 == await rig.apply(gone) + await rig.apply(gone) + await rig.apply(unknown)
    rig.known.add(ZoneName.parse("b.example"))  # wrong the other way round
    assert [OutcomeKind.APPLIED] == await rig.apply(rig.put("b.example", 1))
    assert Finding.PROVEN is await rig.finding("b.example", 1)


async def test_a_batch_is_served_whole(rig):
    """Many zones in one call (500; fewer where each costs a subprocess)."""
    changes = [rig.put(f"z{n}.example", 1) for n in range(rig.kind.batch)]
    assert {OutcomeKind.APPLIED} == set(await rig.apply(*changes))

    assert {Finding.PROVEN} == {verdict.finding for verdict in await rig.verdicts(changes)}


async def test_odd_names_are_served(rig):
    """Underscores, RFC 2317 slashes, A-labels, reverse zones, 253 octets, a top-level name; or refused with a reason."""
    names = [name for name in ODD_NAMES if name not in rig.kind.unservable]
    assert {OutcomeKind.APPLIED} == set(await rig.apply(*(rig.put(name, 1) for name in names)))
    assert [Finding.PROVEN] * len(names) == [await rig.finding(name, 1) for name in names]
    observed = {found.name async for found in rig.backend.inventory()}
    assert {str(ZoneName.parse(name)) for name in names} <= {str(name) for name in observed}
    for name in rig.kind.unservable:
        (outcome,) = await rig.backend.apply([rig.put(name, 1)])
        assert (OutcomeKind.REFUSED, True) == (outcome.kind, bool(outcome.reason))


async def test_a_name_server_that_is_down_is_no_zones_fault(rig):
    """BackendUnavailable with a reason; after its return everything works, and what was served is served again."""
    await rig.apply(rig.put("kept.example", 1))
    await rig.daemon.stop()

    with pytest.raises(BackendUnavailable):
        await rig.backend.apply([rig.put("a.example", 1)])
    with pytest.raises(BackendUnavailable):
        await rig.backend.ready()
    await rig.daemon.start()

    await rig.backend.ready()
    assert [OutcomeKind.APPLIED] == await rig.apply(rig.put("a.example", 1))
    assert [Finding.PROVEN] * 2 == [await rig.finding("a.example", 1), await rig.finding("kept.example", 1)]


async def test_a_refused_zone_stops_no_neighbour_and_leaves_the_last_good_version(rig):
    """Faults B1 and B7, also after the restart of the name server."""
    await rig.apply(rig.put("bad.example", 1), rig.put("good.example", 1))
    poison, fresh = rig.poisoned("bad.example", 2), rig.poisoned("fresh.example", 2)

    outcomes = await rig.backend.apply([poison, rig.put("good.example", 2), fresh])

    assert [OutcomeKind.REFUSED, OutcomeKind.APPLIED, OutcomeKind.REFUSED] == [outcome.kind for outcome in outcomes]
    assert rig.kind.refusal in outcomes[0].reason
    for _ in range(2):
        assert Finding.PROVEN is await rig.finding("good.example", 2)
        assert Finding.PROVEN is await rig.finding("bad.example", 1)
        await rig.daemon.stop()
        await rig.daemon.start()


async def test_inventory_and_observation_tell_the_version(rig):
    """What the reconciler compares with the store: serial, and (where the medium carries them) version and count."""
    await rig.apply(rig.put("a.example", 7), rig.put("b.example", 8, "www 60 IN A 192.0.2.1\n"))

    seen = {str(found.name): found async for found in rig.backend.inventory()}
    names = [ZoneName.parse(name) for name in ("b.example", "none.example", "a.example")]
    b, none, a = await rig.backend.observe(names)

    assert {"a.example", "b.example"} == set(seen)
    assert (7, 8, None) == (a.serial, b.serial, none)
    assert {seen["a.example"].version, a.version} <= {7, None}
    assert (b.records or 3, a.records or 2) == (3, 2)
    assert await rig.backend.stored(names[1]) is None


async def test_what_is_stored_is_what_was_given_record_by_record(rig):
    """The content proof compares these with our normal form."""
    change = rig.put("a.example", 1, 'www 60 IN A 192.0.2.1\nm 5 IN MX 10 mail\nt 60 IN TXT "a b" "c;d"\n')
    await rig.apply(change)

    stored = await rig.backend.stored(change.name)

    assert "" == difference(records_of(change.text), stored)
    assert [Finding.PROVEN] == [
        verdict.finding for verdict in await rig.verdicts([change], content=rig.kind.name != "fake")
    ]


async def test_a_reload_during_a_running_load_is_not_lost(rig):
    """BIND drops it silently: the newest content must be served all the same."""
    records = "".join(f"h{n} 60 IN A 192.0.2.{n % 250}\n" for n in range(5000))
    await rig.apply(rig.put("big.example", 1, records))
    for serial in range(2, 6):
        assert [OutcomeKind.APPLIED] == await rig.apply(rig.put("big.example", serial, records))

    assert Finding.PROVEN is await rig.finding("big.example", 5)


async def test_a_foreign_zone_in_the_include_file_is_kept(tmp_path):
    """The original's file is ours to write, but nothing in it is lost; a copy is kept beside it."""
    async with bind_under_test(tmp_path, "external-include") as (backend, _daemon):
        rig = Rig(named.RIGS[2], backend, None)
        await rig.apply(rig.put("a.example", 1))
        rig.close()
        text = (tmp_path / "external" / "zones.conf").read_text()
        assert 'zone "foreign.example"' in text
        assert 'zone "a.example"' in text
        assert (tmp_path / "external" / "zones.conf.before-directdnsonly").exists()


async def test_a_strict_external_named_refuses_underscores_with_the_reason(tmp_path):
    """That backend's clear per-zone error, not silence (issue: underscores in host names)."""
    async with bind_under_test(tmp_path, "external-addzone") as (backend, _daemon):
        rig = Rig(named.RIGS[3], backend, None)
        (outcome,) = await backend.apply([rig.put("a.example", 1, "_x 60 IN A 192.0.2.1\n")])
        rig.close()
        assert (OutcomeKind.REFUSED, True) == (outcome.kind, "check-names" in outcome.reason)


async def test_a_hanging_rndc_is_killed(tmp_path):
    """Faults C4: a control channel that says nothing costs its time limit, no more."""
    from directdnsonly.backends.bind.isccc import ControlKey, NativeControl
    from directdnsonly.backends.bind.rndc import RndcControl
    from directdnsonly.backends.control import ControlUnavailable
    from tests.support.programs import require_program

    require_program("rndc")
    mute = socket.create_server(("127.0.0.1", 0))  # takes connections into its backlog and never says a word
    port = mute.getsockname()[1]
    key = tmp_path / "k"
    key.write_text('key "k" { algorithm hmac-sha256; secret "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0MTI="; };')
    controls = [
        RndcControl(options=["-s", "127.0.0.1", "-p", str(port), "-k", str(key)], timeout_s=0.5),
        NativeControl(host="127.0.0.1", port=port, key=ControlKey(algorithm="hmac-sha256", secret=b"x"), timeout_s=0.5),
    ]
    for control in controls:
        with pytest.raises(ControlUnavailable, match="no answer in"):
            await control.command("status")
        await control.aclose()
    mute.close()


async def test_the_content_proof_finds_an_altered_record(real_rig):
    """Same serial, same number of records, one other address: serial and count cannot tell, `verify: content` does."""
    wanted = real_rig.put("a.example", 1, "www 60 IN A 192.0.2.1\n")
    await real_rig.apply(real_rig.put("a.example", 1, "www 60 IN A 192.0.2.66\n"))

    (counted,) = await real_rig.verdicts([wanted])
    (read,) = await real_rig.verdicts([wanted], content=True)

    assert (Finding.PROVEN, Finding.ALTERED) == (counted.finding, read.finding)
    assert "www.a.example. 60 A" in read.reason
