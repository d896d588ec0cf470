"""Gives a bundled name server without files (a new machine, a restored store) all its zones before it starts.

It then serves them from its first moment, and the comparison that follows every start proves them. Zone by zone, by
commands, 100,000 take BIND minutes. Only what this very name server has proven before is laid: nothing else is known to load.
"""

from __future__ import annotations

import structlog

from directdnsonly.backends.contract import Seedable, ZoneChange
from directdnsonly.clock import Clock
from directdnsonly.errors import BackendUnavailable, OutboxUnavailable
from directdnsonly.outbox.store.work import Work


async def seed(backend: Seedable, work: Work, clock: Clock) -> int:
    """Write the files; returns how many, 0 if there are files already. A failure is logged and left to the sweep."""
    log = structlog.get_logger()
    began_at, laid = clock.now_s(), 0
    try:
        if not await backend.is_bare():
            return 0
        async for page in work.proven(backend.name):
            laid += await backend.lay(
                [
                    ZoneChange(
                        name=claim.name,
                        version=claim.version,
                        text=claim.text,
                        serial=claim.serial,
                        records=claim.records,
                    )
                    for claim in page
                ]
            )
    except (BackendUnavailable, OutboxUnavailable) as error:
        log.warning("backend.not_seeded", backend=backend.name, zones=laid, reason=str(error))
        return laid
    if laid:
        log.info("backend.seeded", backend=backend.name, zones=laid, elapsed_s=round(clock.now_s() - began_at, 1))
    return laid
