"""What named refuses is told in the words of its checker, also where named itself says only "bad zone"."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from directdnsonly.backends.contract import OutcomeKind
from directdnsonly.verify.compare import Finding
from tests.support.named import RIGS, bind_under_test
from tests.support.rig import Rig

NO_ADDRESS = "{name}. 60 IN NS ns.{name}.\n"

DS = "sub 60 IN DS 12345 13 2 " + "ab" * 32 + "\n"
# What a named 9.18 loads and a 9.20 does not, unless it is told. URI without a target, and keys of private algorithms
# that no name stands in, are refused by 9.20 whatever it is told.
LOADED_BY_9_18 = {
    "DS without NS": DS,
    "SVCB of a name server without alpn": "_dns 60 IN SVCB 1 svc.example.\n",
    "SVCB of a name server without dohpath": '_dns 60 IN SVCB 1 svc.example. alpn="h2" port=8443\n',
    "SVCB with priority 0 and parameters": 'x 60 IN SVCB 0 svc.example. alpn="h2"\n',
    "150 records in one RRset": "".join(f"www 60 IN A 192.0.2.{number}\n" for number in range(150)),
    "an underscore in a host name": "a_b 60 IN A 192.0.2.1\n",
}


@pytest.fixture(params=RIGS, ids=[kind.name for kind in RIGS])
async def rig(request, tmp_path) -> AsyncIterator[Rig]:
    async with request.param.open(tmp_path) as (backend, daemon):
        made = Rig(request.param, backend, daemon)
        yield made
        made.close()


@pytest.mark.parametrize(
    ("raw", "words"),
    [("{name}. 60 IN CNAME x.example.\n", "CNAME and other data"), (NO_ADDRESS, "has no address records")],
)
async def test_a_new_zone_that_is_refused_has_the_checkers_words(rig, raw, words):
    (outcome,) = await rig.backend.apply([rig.put("bad.example", 1, raw=raw.format(name="bad.example"))])

    assert (OutcomeKind.REFUSED, True) == (outcome.kind, words in outcome.reason), outcome.reason


@pytest.mark.parametrize("raw", ["{name}. 60 IN CNAME x.example.\n", NO_ADDRESS])
async def test_a_zone_that_named_could_not_load_at_its_start_is_judged_by_the_checker(rig, raw):
    """Its file was broken while named was down. A bad version is refused with the reason, not tried for ever; a good one is served."""
    await rig.apply(rig.put("a.example", 1), rig.put("b.example", 1))
    await rig.daemon.stop()
    path = rig.backend._files.path(rig.put("a.example", 1).name)
    path.write_text("no zone at all\n")
    await rig.daemon.start()
    bad = replace(rig.put("a.example", 2, raw=raw.format(name="a.example")), known=True)

    (outcome,) = await rig.backend.apply([bad])

    assert OutcomeKind.REFUSED is outcome.kind, outcome.reason
    assert any(words in outcome.reason for words in ("CNAME and other data", "has no address records")), outcome.reason
    assert [OutcomeKind.APPLIED] == await rig.apply(replace(rig.put("a.example", 3), known=True))
    assert Finding.PROVEN is await rig.finding("a.example", 3)
    assert Finding.PROVEN is await rig.finding("b.example", 1)


async def test_what_is_refused_under_the_same_serial_leaves_the_last_good_version_in_its_file(rig):
    """named serves the old content under that serial, so its answers tell nothing: the checker is asked first."""
    good = rig.put("a.example", 1, "www 60 IN A 192.0.2.1\n")
    await rig.apply(good)
    bad = rig.put("a.example", 1, raw="a.example. 60 IN CNAME x.example.\n")

    (outcome,) = await rig.backend.apply([replace(bad, known=True, unsure=True)])

    assert (OutcomeKind.REFUSED, True) == (outcome.kind, "CNAME and other data" in outcome.reason)
    await rig.daemon.stop()
    await rig.daemon.start()
    (verdict,) = await rig.verdicts([good], content=True)
    assert Finding.PROVEN is verdict.finding


@pytest.fixture
async def bundled(tmp_path) -> AsyncIterator[Rig]:
    async with bind_under_test(tmp_path, "managed-native") as (backend, daemon):
        made = Rig(RIGS[0], backend, daemon)
        yield made
        made.close()


@pytest.mark.parametrize("records", LOADED_BY_9_18.values(), ids=LOADED_BY_9_18)
async def test_a_bundled_named_of_every_version_serves_what_an_earlier_one_loaded(bundled, records):
    """As a new zone, as a changed one, under the same serial (which the checker judges), and after a restart."""
    first, changed = bundled.put("a.example", 1, records), bundled.put("b.example", 2, records)
    unseen = bundled.put("c.example", 1, records)
    await bundled.apply(bundled.put("b.example", 1), bundled.put("c.example", 1))

    outcomes = await bundled.backend.apply(
        [first, replace(changed, known=True), replace(unseen, version=2, known=True, unsure=True)]
    )

    assert [(OutcomeKind.APPLIED, "")] * 3 == [(outcome.kind, outcome.reason) for outcome in outcomes]
    await bundled.daemon.stop()
    await bundled.daemon.start()
    verdicts = await bundled.verdicts([first, changed, unseen], content=True)
    assert [Finding.PROVEN] * 3 == [verdict.finding for verdict in verdicts]
