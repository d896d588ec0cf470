-- How many zones each backend has proven is told without a look at every zone: a living zone has exactly one delivery on each
-- active backend, so those proven are the living less the due and the dead that want a zone. Their indexes now hold the kind.
DROP INDEX delivery_due;
CREATE INDEX delivery_due ON delivery (backend, priority, due_at, zone, state, wanted_at, want_kind) WHERE due_at IS NOT NULL;
DROP INDEX delivery_dead;
CREATE INDEX delivery_dead ON delivery (backend, zone, state, want_kind) WHERE state = 'dead';

-- The newest push or delete of a zone that was answered error=1 because it could not be recorded: DirectAdmin does not repeat
-- it. It stands until the zone is recorded again (see losses.py); one row a zone, and no more than KEEP.
CREATE TABLE lost_push (
  zone       TEXT NOT NULL PRIMARY KEY,
  kind       TEXT NOT NULL CHECK (kind IN ('put', 'delete')),
  change_id  TEXT NOT NULL,
  reason     TEXT NOT NULL,
  credential TEXT NOT NULL,
  hostname   TEXT NOT NULL,
  username   TEXT NOT NULL,
  address    TEXT NOT NULL,
  at         REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX lost_push_at ON lost_push (at);

CREATE INDEX held_at ON held (at);                                        -- the oldest ten, without a sort of them all
