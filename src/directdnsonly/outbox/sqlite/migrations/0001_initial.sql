-- The first schema. Invariants:
--   * zone.version is the only order among pushes and deletes of a zone; it is incremented in the transaction that reads it.
--   * delivery holds exactly one row per (backend, zone): the newest wanted version. An attempt settles by its fence.
--   * due_at is NULL when nothing is to be done; a lease is expressed by moving due_at forward, so that due work is
--     found by one index and an empty poll costs nothing.

CREATE TABLE zone (
  zone          TEXT    NOT NULL PRIMARY KEY,
  version       INTEGER NOT NULL CHECK (version > 0),
  kind          TEXT    NOT NULL CHECK (kind IN ('put', 'delete')),
  serial        INTEGER NOT NULL CHECK (serial BETWEEN 0 AND 4294967295),  -- as published; survives in the tombstone
  pushed_serial INTEGER NOT NULL CHECK (pushed_serial BETWEEN 0 AND 4294967295),
  records       INTEGER NOT NULL,
  digest        BLOB    NOT NULL,
  challenge     BLOB    NOT NULL,
  signed        INTEGER NOT NULL CHECK (signed IN (0, 1)),
  credential    TEXT    NOT NULL,
  hostname      TEXT    NOT NULL,
  username      TEXT    NOT NULL,
  source        TEXT    NOT NULL,
  change_id     TEXT    NOT NULL,
  pushed_at     REAL    NOT NULL,
  changed_at    REAL    NOT NULL,
  warnings      TEXT    NOT NULL DEFAULT ''
) WITHOUT ROWID;

CREATE TABLE version (
  id            INTEGER NOT NULL PRIMARY KEY,
  zone          TEXT    NOT NULL,
  version       INTEGER NOT NULL,
  kind          TEXT    NOT NULL CHECK (kind IN ('put', 'delete')),
  serial        INTEGER NOT NULL,
  pushed_serial INTEGER NOT NULL,
  records       INTEGER NOT NULL,
  digest        BLOB    NOT NULL,
  credential    TEXT    NOT NULL,
  hostname      TEXT    NOT NULL,
  username      TEXT    NOT NULL,
  address       TEXT    NOT NULL,
  source        TEXT    NOT NULL,
  change_id     TEXT    NOT NULL,
  at            REAL    NOT NULL,
  body          BLOB,                                                     -- zlib of the text as published
  UNIQUE (zone, version),
  CHECK ((kind = 'put') = (body IS NOT NULL))
);
CREATE INDEX version_at ON version (at);

CREATE TABLE change (                                                     -- one row per accepted push or delete
  id            TEXT    NOT NULL PRIMARY KEY,                             -- ordered by time
  zone          TEXT    NOT NULL,
  version       INTEGER NOT NULL,
  kind          TEXT    NOT NULL CHECK (kind IN ('put', 'delete')),
  changed       INTEGER NOT NULL CHECK (changed IN (0, 1)),
  serial        INTEGER NOT NULL,
  priority      INTEGER NOT NULL,
  ignored       TEXT    NOT NULL DEFAULT '',
  address       TEXT    NOT NULL,
  at            REAL    NOT NULL
) WITHOUT ROWID;

CREATE TABLE delivery (
  backend          TEXT    NOT NULL,
  zone             TEXT    NOT NULL,
  want_version     INTEGER NOT NULL,
  want_kind        TEXT    NOT NULL CHECK (want_kind IN ('put', 'delete')),
  state            TEXT    NOT NULL CHECK (state IN ('pending', 'leased', 'applied', 'verified', 'superseded', 'dead')),
  priority         INTEGER NOT NULL CHECK (priority BETWEEN 0 AND 2),
  due_at           REAL,
  fence            INTEGER NOT NULL DEFAULT 0,
  attempts         INTEGER NOT NULL DEFAULT 0,
  wanted_at        REAL    NOT NULL,
  change_id        TEXT    NOT NULL,
  applied_version  INTEGER NOT NULL DEFAULT 0,
  applied_kind     TEXT    NOT NULL DEFAULT '',
  applied_at       REAL,
  verified_version INTEGER NOT NULL DEFAULT 0,
  verified_at      REAL,
  served_serial    INTEGER,
  reason           TEXT    NOT NULL DEFAULT '',
  PRIMARY KEY (backend, zone),
  CHECK ((due_at IS NULL) = (state IN ('verified', 'dead', 'superseded')))
) WITHOUT ROWID;
CREATE INDEX delivery_due ON delivery (backend, priority, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX delivery_zone ON delivery (zone);
CREATE INDEX delivery_dead ON delivery (backend, zone) WHERE state = 'dead';

CREATE TABLE attempt (                                                    -- attempts that did not end in proof
  id       INTEGER NOT NULL PRIMARY KEY,
  backend  TEXT    NOT NULL,
  zone     TEXT    NOT NULL,
  version  INTEGER NOT NULL,
  state    TEXT    NOT NULL CHECK (state IN ('pending', 'leased', 'applied', 'verified', 'superseded', 'dead')),
  attempt  INTEGER NOT NULL,
  reason   TEXT    NOT NULL,
  at       REAL    NOT NULL,
  elapsed_s REAL   NOT NULL
);
CREATE INDEX attempt_zone ON attempt (zone, backend);
CREATE INDEX attempt_at ON attempt (at);

CREATE TABLE backend (                                                    -- which backends hold a complete set of deliveries
  name       TEXT NOT NULL PRIMARY KEY,
  active     INTEGER NOT NULL CHECK (active IN (0, 1)),
  changed_at REAL NOT NULL
) WITHOUT ROWID;

CREATE TABLE refused (
  id         INTEGER NOT NULL PRIMARY KEY,
  change_id  TEXT NOT NULL,
  name       TEXT NOT NULL,
  rule       TEXT NOT NULL,
  reason     TEXT NOT NULL,
  credential TEXT NOT NULL,
  hostname   TEXT NOT NULL,
  username   TEXT NOT NULL,
  address    TEXT NOT NULL,
  at         REAL NOT NULL,
  body       BLOB NOT NULL
);

CREATE TABLE event (
  id      INTEGER NOT NULL PRIMARY KEY,
  at      REAL NOT NULL,
  event   TEXT NOT NULL,
  zone    TEXT NOT NULL,
  actor   TEXT NOT NULL,
  address TEXT NOT NULL,
  detail  TEXT NOT NULL
);
CREATE INDEX event_zone ON event (zone);
