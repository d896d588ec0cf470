-- Reconciliation: what DirectAdmin's lists lacked, the last whole lists, and the passes.
-- Nothing here decides what is served: a deletion is an ordinary version of the zone.

CREATE TABLE sighting (                                                   -- zones that a whole list of their server lacked
  zone           TEXT    NOT NULL PRIMARY KEY,
  version        INTEGER NOT NULL,                                        -- another version of the zone: counted anew
  server         TEXT    NOT NULL,
  absences       INTEGER NOT NULL CHECK (absences > 0),
  first_at       REAL    NOT NULL,
  last_at        REAL    NOT NULL,
  state          TEXT    NOT NULL CHECK (state IN ('absent', 'quarantined', 'kept')),
  quarantined_at REAL,
  plan           TEXT    NOT NULL DEFAULT '',
  approved       INTEGER NOT NULL DEFAULT 0 CHECK (approved IN (0, 1)),
  CHECK ((state = 'quarantined') <= (quarantined_at IS NOT NULL))
) WITHOUT ROWID;

CREATE TABLE da_list (                                                    -- the last whole list of each server
  server    TEXT    NOT NULL PRIMARY KEY,
  zones     INTEGER NOT NULL,
  listed_at REAL    NOT NULL,
  accepted  INTEGER NOT NULL DEFAULT 0 CHECK (accepted IN (0, 1))
) WITHOUT ROWID;

CREATE TABLE reconcile_pass (
  id         INTEGER NOT NULL PRIMARY KEY,
  started_at REAL    NOT NULL,
  ended_at   REAL    NOT NULL,
  dry_run    INTEGER NOT NULL CHECK (dry_run IN (0, 1)),
  report     BLOB    NOT NULL                                             -- zlib of JSON
);

CREATE TABLE held (                                                       -- pushes that are committed, but served only when approved
  zone       TEXT    NOT NULL PRIMARY KEY,
  version    INTEGER NOT NULL,                                            -- of the zone when it was held: another one makes it void
  digest     BLOB    NOT NULL,                                            -- an approval is bound to this content
  rule       TEXT    NOT NULL CHECK (rule IN ('loss', 'takeover')),
  reason     TEXT    NOT NULL,
  difference TEXT    NOT NULL,
  credential TEXT    NOT NULL,
  hostname   TEXT    NOT NULL,
  username   TEXT    NOT NULL,
  address    TEXT    NOT NULL,
  at         REAL    NOT NULL,
  body       BLOB    NOT NULL                                             -- zlib of what was sent
) WITHOUT ROWID;

CREATE TABLE migration (                                                  -- planned moves between two DirectAdmin servers
  id     INTEGER NOT NULL PRIMARY KEY,
  former TEXT    NOT NULL,
  server TEXT    NOT NULL,
  zones  TEXT    NOT NULL,                                                -- names apart by blanks; empty: all
  until  REAL    NOT NULL
);
