"""CoreDNS on zone files, beyond the contract: more zones than its plug-in auto serves well."""

from __future__ import annotations

from structlog.testing import capture_logs

from directdnsonly.backends.contract import ZoneChange
from directdnsonly.backends.coredns.file_backend import CorednsFileBackend
from directdnsonly.zone.name import ZoneName
from tests.support.coredns import RIGS, file_under_test
from tests.support.rig import Rig

KIND = RIGS[-1]


async def test_a_folder_that_outgrows_coredns_is_told_once_each_time(tmp_path):
    """In the log and by `dadns check`, with the number and what to take instead; never where that is switched off."""
    async with file_under_test(tmp_path) as (given, daemon):
        settings = given._settings.model_copy(update={"warn_zones": 2})
        backend = CorednsFileBackend("coredns_file", settings, given._folder)
        rig = Rig(KIND, backend, daemon)
        (given._folder / ".hidden.tmp").write_text("not a zone")
        await rig.apply(rig.put("a.example", 1), rig.put("b.example", 1))

        with capture_logs() as lines:
            await backend.ready()
            assert [] == lines
            await rig.apply(rig.put("c.example", 1))
            await backend.ready()
            await backend.ready()
            await rig.apply(ZoneChange(name=ZoneName.parse("a.example"), version=2, text=None))
            await backend.ready()
            await rig.apply(rig.put("a.example", 3))
            await backend.ready()

        reason = lines[0]["reason"]
        warned = {"event": "backend.outgrown", "log_level": "warning", "backend": "coredns_file", "reason": reason}
        assert [warned, warned] == lines
        assert reason.startswith("3 zones, more than warn_zones 2: ")
        assert "mysqlzones" in reason
        assert settings.told("dc", tmp_path).endswith(f"; {reason}")
        off = settings.model_copy(update={"warn_zones": 0})
        assert off.told("dc", tmp_path) == f"dc: CoreDNS, zone files in {given._folder}"
        rig.close()
