"""Request reconciliation passes, and decide what a pass must not decide alone: deletions over the cap, short lists."""

from __future__ import annotations

from directdnsonly.accept.acceptance import Acceptance
from directdnsonly.clock import Clock
from directdnsonly.errors import NotHere
from directdnsonly.operate.journal import Journal, Operator
from directdnsonly.outbox.changes import Kind, Source
from directdnsonly.outbox.drift import Baseline
from directdnsonly.outbox.store.drift import DriftWatch
from directdnsonly.outbox.store.looking import Looking
from directdnsonly.reconcile.job import Job
from directdnsonly.reconcile.reconciler import Reconciler
from directdnsonly.wording import counted
from directdnsonly.zone.name import ZoneName


class Reconciling:
    """Acts on reconciliation. Use within one event loop."""

    def __init__(
        self,
        *,
        reconciler: Reconciler,
        drift: DriftWatch,
        looking: Looking,
        acceptance: Acceptance,
        clock: Clock,
        journal: Journal,
    ) -> None:
        self._reconciler = reconciler
        self._drift = drift
        self._looking = looking
        self._acceptance = acceptance
        self._clock = clock
        self._journal = journal

    def plan(self) -> Job:
        """Request a plan: a full comparison that changes nothing."""
        return self._reconciler.request(live=False)

    def run(self) -> Job:
        """Request a pass, which only compares while `reconciliation.dry_run` is set."""
        return self._reconciler.request(live=not self._reconciler.settings.dry_run)

    def job(self, number: int) -> Job:
        """A plan or pass requested earlier. Raises NotHere."""
        found = self._reconciler.job(number)
        if found is None:
            raise NotHere(f"job {number} is unknown (or long ago)")
        return found

    async def approve(self, plan: str, who: Operator) -> int:
        """Approve a plan that exceeded the cap; deletions begin with the next pass. Returns how many zones.

        Raises NotHere if no zone waits for it, OutboxUnavailable.
        """
        approved = await self._drift.approve(plan)
        if not approved:
            raise NotHere(f"no zone waits for plan {plan!a}: it may have changed since")
        await self._journal.did(who, "orphan.approved", detail=f"plan {plan}: {counted(approved, 'zone')}")
        return approved

    async def accept_list(self, server: str, who: Operator) -> None:
        """Accept a server's next list, however short it is; later ones are compared with it.

        Raises NotHere if the server is not configured, OutboxUnavailable.
        """
        hostname = server.lower()
        if hostname not in {one.hostname for one in self._reconciler.settings.directadmin_servers}:
            raise NotHere(f"{server!a} is not one of reconciliation.directadmin_servers")
        vouched = Baseline(server=hostname, zones=0, listed_at=self._clock.now_s(), accepted=True)
        await self._drift.save_baseline(vouched)
        await self._journal.did(who, "list.accepted", detail=hostname)

    async def undo(self, name: ZoneName, who: Operator) -> str:
        """Keep a zone despite its absence, or restore it if it is deleted. Returns what was done: `kept` or `restored`.

        Raises NotHere if the zone is unknown or its text is no longer kept, VersionDamaged, PushRefused, OutboxUnavailable.
        """
        found = await self._drift.held([name])
        if not found:
            raise _nothing_of(name)
        held = found[0]
        done = "kept"
        if held.kind is Kind.DELETE:
            text = await self._looking.published_text(name, held.version - 1)
            if text is None:
                raise _nothing_of(name)
            await self._acceptance.push(name, text.encode("ascii"), owner=held.owner, source=Source.ROLLBACK)
            done = "restored"
        await self._drift.keep(name)
        await self._journal.did(who, "orphan.undone", zone=name, detail=done)
        return done


def _nothing_of(name: ZoneName) -> NotHere:
    return NotHere(f"zone {name} is unknown, or its text is not kept any more")
