"""What a running service forgets by itself."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from directdnsonly.clock import SystemClock
from directdnsonly.config import Starter, load
from directdnsonly.outbox.kept import Event
from directdnsonly.outbox.sqlite.housekeep import STEP
from directdnsonly.outbox.sqlite.store import open_store
from directdnsonly.service import running
from tests.support.lanes import PATIENCE_S

CONFIG = """
data_dir: {folder}
app: {{auth_password: s3cret, listen_host: 127.0.0.1}}
outbox: {{disk_reserve_mb: 0, history_days: 30}}
dns:
  backends:
    one: {{type: powerdns, api_url: "http://127.0.0.1:1", api_key: k, verify_address: "127.0.0.1#1"}}
"""
DAY_S = 86_400


async def test_all_that_is_too_old_goes_soon_after_the_start_however_many_steps_it_takes(tmp_path: Path):
    """Not one step in an hour: a service that records more than that would never have forgotten it all."""
    file = tmp_path / "app.yml"
    file.write_text(CONFIG.format(folder=tmp_path / "data"))
    settings, clock = load(file, environ={}, starter=Starter.USER), SystemClock()
    old, young = (Event(at=clock.now_s() - days * DAY_S, event="token.made", actor="anna") for days in (31, 29))
    async with open_store(settings.store_folder, settings=settings.outbox, clock=clock, backends=["one"]) as store:
        await asyncio.gather(*(store.recording.record_event(event) for event in [*[old] * (2 * STEP + 1), young]))

    async with running(settings, clock=clock) as service:
        end = time.monotonic() + PATIENCE_S
        while [young.at] != [
            event.at for event in await service.store.looking.events(event="token.made", limit=2 * STEP)
        ]:
            assert time.monotonic() < end, "what is too old is still there"
            await asyncio.sleep(0.05)
