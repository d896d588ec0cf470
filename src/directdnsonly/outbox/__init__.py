"""3 record: the transactional outbox, which commits each zone version with its deliveries before the push is acknowledged.

What it is
    A transactional outbox of *versions*, not a queue of jobs (docs/adr/0002). Each accepted change is the next version of
    its zone; for each backend one row tells which version is wanted there and how far that has come. Nothing that is old
    can be delivered late, for nothing carries content but the version that is read when the work begins.

The way of a change
    look -> decide -> write, in one transaction. `decide` (with `ownership`) is pure and holds every rule: who may, what is
    the same again, which serial is published, what waits for approval or behind a pin. An engine only looks and writes.
    The answer error=0 leaves after the fsync that the transaction shares with all that waited meanwhile (`group_commit`).

The way of a delivery
    `lifecycle.TRANSITIONS` is the law: the SQL that moves a row takes its states from it, the picture in docs/line.md is
    drawn from it, and the model test asserts that every row of every step moved along it. A claim is a lease with an end
    and a fence; whoever settles names the fence, and is not heard when it is no longer his.

The parts
    `store` says what a store can do, in seven Protocols by who uses them, and a value for each thing it is told or tells. An
    engine is a folder (`sqlite`) with one class for each Protocol over one object that has the connections. Who opens a
    store names its engine: the composition root, and one function of the command line. Nobody else.

Invariants
    1. What was acknowledged is on disk, and survives kill -9 and the loss of power.
    2. Newest wins, always. `zone` is the one home of the newest version; a pin only says what is *wanted* instead (view `wanted`).
    3. Published serials of a zone only move forward (RFC 1982), a zone that was deleted and came back included.
    4. A decision is made on what the same transaction saw: nothing comes between the judgement and the record.
    5. No work per change, claim or proof grows with the number of zones (tests/contract/sqlite/test_store_plans.py).
    6. One process owns a store (a lock); a write that fails in a group fails alone.

Open holes
    A store that is put back from an older copy knows nothing of what came since: reconcile finds it by DirectAdmin's lists.
    Times are this machine's: what must not depend on them (order, standing refusals, fences) counts, and what does (leases,
    grace of orphans, forgetting) distrusts a clock that leapt (`doubt`).
"""
