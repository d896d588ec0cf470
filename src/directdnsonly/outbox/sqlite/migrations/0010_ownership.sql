-- Who has zones below a name: asked when a zone is made, so that nobody gets in above another server's zones unseen. One row
-- per name and owner, however many zones that one has below; kept true by the triggers, whoever changes a zone.

CREATE TABLE zones_below (
  above      TEXT    NOT NULL,
  hostname   TEXT    NOT NULL,
  credential TEXT    NOT NULL,
  zones      INTEGER NOT NULL CHECK (zones >= 0),
  PRIMARY KEY (above, hostname, credential)
) WITHOUT ROWID;

INSERT INTO zones_below (above, hostname, credential, zones)
SELECT name, hostname, credential, COUNT(*) FROM (
  WITH RECURSIVE up (name, hostname, credential) AS (
    SELECT substr(zone, instr(zone, '.') + 1), hostname, credential FROM zone WHERE kind = 'put' AND instr(zone, '.')
    UNION ALL
    SELECT substr(name, instr(name, '.') + 1), hostname, credential FROM up WHERE instr(name, '.')
  ) SELECT name, hostname, credential FROM up
) GROUP BY name, hostname, credential;

CREATE TRIGGER below_came AFTER INSERT ON zone WHEN NEW.kind = 'put' BEGIN
  INSERT INTO zones_below (above, hostname, credential, zones) SELECT name, NEW.hostname, NEW.credential, 1 FROM (
    WITH RECURSIVE up (name) AS (
      SELECT substr(NEW.zone, instr(NEW.zone, '.') + 1) WHERE instr(NEW.zone, '.')
      UNION ALL SELECT substr(name, instr(name, '.') + 1) FROM up WHERE instr(name, '.')
    ) SELECT name FROM up
  ) WHERE true ON CONFLICT (above, hostname, credential) DO UPDATE SET zones = zones + 1;
END;

CREATE TRIGGER below_changed AFTER UPDATE OF kind, hostname, credential ON zone
WHEN OLD.kind <> NEW.kind OR OLD.hostname <> NEW.hostname OR OLD.credential <> NEW.credential BEGIN
  UPDATE zones_below SET zones = zones - 1
   WHERE OLD.kind = 'put' AND hostname = OLD.hostname AND credential = OLD.credential AND above IN (
    WITH RECURSIVE up (name) AS (
      SELECT substr(OLD.zone, instr(OLD.zone, '.') + 1) WHERE instr(OLD.zone, '.')
      UNION ALL SELECT substr(name, instr(name, '.') + 1) FROM up WHERE instr(name, '.')
    ) SELECT name FROM up);
  DELETE FROM zones_below
   WHERE zones = 0 AND OLD.kind = 'put' AND hostname = OLD.hostname AND credential = OLD.credential AND above IN (
    WITH RECURSIVE up (name) AS (
      SELECT substr(OLD.zone, instr(OLD.zone, '.') + 1) WHERE instr(OLD.zone, '.')
      UNION ALL SELECT substr(name, instr(name, '.') + 1) FROM up WHERE instr(name, '.')
    ) SELECT name FROM up);
  INSERT INTO zones_below (above, hostname, credential, zones) SELECT name, NEW.hostname, NEW.credential, 1 FROM (
    WITH RECURSIVE up (name) AS (
      SELECT substr(NEW.zone, instr(NEW.zone, '.') + 1) WHERE instr(NEW.zone, '.')
      UNION ALL SELECT substr(name, instr(name, '.') + 1) FROM up WHERE instr(name, '.')
    ) SELECT name FROM up
  ) WHERE NEW.kind = 'put' ON CONFLICT (above, hostname, credential) DO UPDATE SET zones = zones + 1;
END;

CREATE TRIGGER below_went AFTER DELETE ON zone WHEN OLD.kind = 'put' BEGIN
  UPDATE zones_below SET zones = zones - 1
   WHERE hostname = OLD.hostname AND credential = OLD.credential AND above IN (
    WITH RECURSIVE up (name) AS (
      SELECT substr(OLD.zone, instr(OLD.zone, '.') + 1) WHERE instr(OLD.zone, '.')
      UNION ALL SELECT substr(name, instr(name, '.') + 1) FROM up WHERE instr(name, '.')
    ) SELECT name FROM up);
  DELETE FROM zones_below
   WHERE zones = 0 AND hostname = OLD.hostname AND credential = OLD.credential AND above IN (
    WITH RECURSIVE up (name) AS (
      SELECT substr(OLD.zone, instr(OLD.zone, '.') + 1) WHERE instr(OLD.zone, '.')
      UNION ALL SELECT substr(name, instr(name, '.') + 1) FROM up WHERE instr(name, '.')
    ) SELECT name FROM up);
END;

-- A push may also wait because its zone would lie above or below another server's. A take-over of a zone that is gone was
-- void already; such rows go, so that none comes back with a zone of that name.
CREATE TABLE held_now (
  zone       TEXT    NOT NULL PRIMARY KEY,
  version    INTEGER NOT NULL,
  digest     BLOB    NOT NULL,                                            -- an approval is bound to this content
  rule       TEXT    NOT NULL CHECK (rule IN ('loss', 'takeover', 'overlap')),
  reason     TEXT    NOT NULL,
  difference TEXT    NOT NULL,
  credential TEXT    NOT NULL,
  hostname   TEXT    NOT NULL,
  username   TEXT    NOT NULL,
  address    TEXT    NOT NULL,
  at         REAL    NOT NULL,
  body       BLOB    NOT NULL                                             -- zlib of what was sent
) WITHOUT ROWID;
INSERT INTO held_now SELECT zone, version, digest, rule, reason, difference, credential, hostname, username, address, at, body
  FROM held h WHERE EXISTS (SELECT 1 FROM zone z WHERE z.zone = h.zone AND z.kind = 'put');
DROP TABLE held;
ALTER TABLE held_now RENAME TO held;
