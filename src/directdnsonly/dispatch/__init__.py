"""4 dispatch: one lane per backend drains the outbox; the only package that changes a backend.

What is here
    `dispatcher` holds the lanes. A `lane` has an express worker for what people wait for, bulk workers for everything, a
    prober while its circuit is open, and a sweeper. A worker claims a batch from the store, `delivery` applies it and
    has it proven, `proof` asks. `retry`, `breaker` and `seed` are pure; `circuit` is the breaker with a clock.

The way of a batch
    claim (a lease in the store) -> `Backend.apply` -> ask the name server for a moment -> apply once more what is not
    served, ask with patience -> settle each zone: verified, tried later, or dead with its reason.
    What is proven is settled at once, so that the slowest zone of a batch delays no other.

Two kinds of failure, never mixed
    The backend's own (no connection, wrong password, its name server is silent): the breaker opens, the batch is given
    back, and no zone loses one of its tries. A zone's own (refused, not served though applied): its next try is due by
    the policy, and the neighbours go on. A batch that hangs while the backend answers otherwise is halved until
    the zone that hangs it is alone.

Invariants
    1. A lane never waits for another lane, nor for the door.
    2. An attempt carries no content: the newest is read after the claim is committed. The store settles only what still
       bears the fence of that claim, so an attempt that was frozen for an hour ends without effect.
    3. Nothing is verified because a command returned: see `verify`.
    4. Every claim ends: settled, given back, or, after a crash, taken anew when its lease is over or we start.
    5. An actor that ends unexpectedly ends the service. `pulse` and /readyz see one that hangs.

Hand-over
    A change that somebody waits for is leased to a napping express worker in the commit that records it
    (`Dispatcher` is the store's taker), which saves a claim's own commit. It is an optimisation only: a claim that nobody begins
    within `hand.FRESH_S` is given back and found by the usual way.

Open holes
    A name server that proves a serial and forgets it a minute later is found by the next sweep (at start, after an outage,
    in each pass of reconcile), not before. The order in which two zones go live is not kept.
"""
