-- What operators need: tokens of the API, paused backends, keys of repeated requests.

CREATE TABLE api_token (                                                  -- the token itself is never stored
  id         TEXT NOT NULL PRIMARY KEY,
  name       TEXT NOT NULL,
  digest     BLOB NOT NULL UNIQUE,                                        -- SHA-256 of the token (256 bits of chance)
  roles      TEXT NOT NULL,
  networks   TEXT NOT NULL,
  created_by TEXT NOT NULL,
  created_at REAL NOT NULL,
  expires_at REAL
) WITHOUT ROWID;

CREATE TABLE paused_backend (                                             -- a lane that an operator has stopped
  name   TEXT NOT NULL PRIMARY KEY,
  actor  TEXT NOT NULL,
  reason TEXT NOT NULL,
  at     REAL NOT NULL
) WITHOUT ROWID;

CREATE TABLE idempotency (                                                -- what a request with this key became
  credential  TEXT NOT NULL,
  key         TEXT NOT NULL,
  fingerprint BLOB NOT NULL,                                              -- of method, path and body
  change_id   TEXT NOT NULL,
  warnings    TEXT NOT NULL,
  at          REAL NOT NULL,
  PRIMARY KEY (credential, key)
) WITHOUT ROWID;
CREATE INDEX idempotency_at ON idempotency (at);
