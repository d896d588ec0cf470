"""What reconciliation knows about one zone, as facts for its explanation. Pure."""

from __future__ import annotations

from directdnsonly.advice import Orphan, Unclaimed
from directdnsonly.outbox.changes import Kind
from directdnsonly.outbox.drift import Sighting, SightingState
from directdnsonly.outbox.kept import ZoneSummary
from directdnsonly.reconcile.settings import ReconciliationSettings


class Lookout:
    """Judges single zones by the configured rules and servers."""

    def __init__(self, settings: ReconciliationSettings) -> None:
        self.follow(settings)

    def follow(self, settings: ReconciliationSettings) -> None:
        """Other rules and servers from now on."""
        self._settings = settings
        self._names = frozenset(name for server in settings.directadmin_servers for name in server.names)

    def orphan(self, zone: ZoneSummary, sighting: Sighting | None) -> Orphan | None:
        """The zone's way to deletion as an orphan; None if it is kept, listed, or pushed since."""
        if sighting is None or sighting.state is SightingState.KEPT or self._settings.dry_run:
            return None
        if zone.kind is Kind.DELETE or sighting.version != zone.version or zone.pushed_at > sighting.first_at:
            return None
        return Orphan(
            server=sighting.server,
            absences=sighting.absences,
            first_at=sighting.first_at,
            due_at=self._deleted_at(sighting),
            plan="" if sighting.approved else sighting.plan,
        )

    def _deleted_at(self, sighting: Sighting) -> float:
        """The earliest time at which a pass may delete the zone: absent often and long enough, plus the grace period."""
        settings = self._settings
        grace_s = settings.grace_minutes * 60
        if sighting.quarantined_at is not None:
            return sighting.quarantined_at + grace_s
        passes = max(settings.absences - sighting.absences, 0)
        ripe_at = max(
            sighting.first_at + settings.absent_minutes * 60,
            sighting.last_at + passes * settings.interval_minutes * 60,
        )
        return ripe_at + grace_s

    def unclaimed(self, zone: ZoneSummary) -> Unclaimed | None:
        """The zone as one for which no configured server is responsible; None if one is, or if none is configured."""
        hostname = zone.owner.hostname.lower().removesuffix(".")
        if not self._names or zone.kind is Kind.DELETE or hostname in self._names:
            return None
        return Unclaimed(hostname=hostname, credential=zone.owner.credential)
