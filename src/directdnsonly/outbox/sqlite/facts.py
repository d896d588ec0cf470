"""SQL of everything that is known of one zone: read in one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from directdnsonly.outbox.facts import ATTEMPTS, EVENTS, REFUSALS, VERSIONS, ZoneFacts
from directdnsonly.outbox.sqlite import held, history, pin, reconcile, standing, tokens, view
from directdnsonly.zone.name import ZoneName


def read(connection: sqlite3.Connection, name: ZoneName, backends: Sequence[str]) -> ZoneFacts:
    """Read all facts in one transaction, so that no push comes in between."""
    connection.execute("BEGIN")
    try:
        return ZoneFacts(
            name=name,
            zone=view.zone(connection, name),
            placements=view.placements(connection, name, backends),
            versions=history.versions(connection, name, None, VERSIONS),
            refused=view.refused(connection, REFUSALS, {view.REFUSED_NAME: name}, bodies=False),
            refused_from=standing.first(connection, name),
            pin=pin.find_pin(connection, name),
            held=held.one(connection, name),
            sighting=reconcile.sighting_of(connection, name),
            attempts=history.attempts(connection, name, None, ATTEMPTS),
            events=view.events(connection, EVENTS, {"zone": name}),
            pauses=tokens.pauses(connection),
        )
    finally:
        connection.execute("COMMIT")
