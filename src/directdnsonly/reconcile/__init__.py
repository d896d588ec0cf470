"""reconcile: makes what we serve equal to what DirectAdmin has, and never deletes when in doubt.

Why it is needed
    DirectAdmin pushes once. A push that met a closed door, a zone that was made while we were away, a delete that never
    came: nobody tells us, so we ask. `directadmin_client` reads each server's list of zones, `answers` judges what came,
    `survey` walks lists and store side by side in order of name, `plan` says what differs (pure), `orphans` what becomes
    of zones that nobody lists any more (pure), `repair` carries it out, `heal` compares the name servers with the store.
    `reconciler` is the actor: one pass at a time, every interval or when asked.

One line about each act
    pull      a zone that its server lists and we lack, or lists newer: pushed through the same acceptance as any push,
              unless another version came meanwhile (compare-and-set on the version the plan was made from).
    release   a held take-over or loss whose reason is gone.
    orphan    absent in several whole lists -> ripe after a stretch of time -> quarantined and still served -> deleted after
              a grace, below a cap, after its server (and a witness zone that must be there) was asked once more.
    requeue   what a name server does not serve as the store wants it: delivered anew by dispatch.
    extra     zones on a name server that nobody pushed: reported; deleted only by configuration and below a cap.

Invariants
    1. Doubt keeps: a list that is short, late, unreadable, of another server, or of one that denies everything, deletes
       nothing; nor does a store that was lost or a clock that leapt.
    2. A judgement about a zone is made against lists that were asked for after the zone's last push.
    3. A pass records versions; it never touches a name server itself.
    4. What one server answers costs that server's part of the pass, and nobody else's.
    5. Every step is told: in the log, in `dadns reconcile`, in the passes kept by the store. A dry run does none.

Open holes
    DirectAdmin's list has no serials: "newer" is learnt by reading zones one by one, so a content that differs under
    an unchanged serial is not seen. A zone that two servers list stays with the one that owns it here.
"""
