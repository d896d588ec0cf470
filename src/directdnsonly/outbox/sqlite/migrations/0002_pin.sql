-- A pinned zone keeps what it serves until a person releases it. Invariants:
--   * `zone` always holds what shall be served; while a zone is pinned, its newest version is recorded in `waiting` instead.
--   * `waiting` begins as a copy of the zone's row and counts the same version number on; releasing moves it back.
--   * a zone has a row in `waiting` exactly while it has one in `pin`.

CREATE TABLE pin (
  zone    TEXT    NOT NULL PRIMARY KEY,
  version INTEGER NOT NULL CHECK (version > 0),
  actor   TEXT    NOT NULL,
  address TEXT    NOT NULL,
  reason  TEXT    NOT NULL,
  at      REAL    NOT NULL
) WITHOUT ROWID;

CREATE TABLE waiting (
  zone          TEXT    NOT NULL PRIMARY KEY,
  version       INTEGER NOT NULL CHECK (version > 0),
  kind          TEXT    NOT NULL CHECK (kind IN ('put', 'delete')),
  serial        INTEGER NOT NULL CHECK (serial BETWEEN 0 AND 4294967295),
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
