-- A state of a zone is known by an id that is the same on every instance which was told the same (see identity). Empty: an
-- earlier program wrote the row, and the id is made of what stands in it whenever it is asked for: nothing is filled here, so
-- that a store of 100,000 zones opens at once.

ALTER TABLE zone ADD COLUMN stated BLOB NOT NULL DEFAULT x'';
ALTER TABLE version ADD COLUMN stated BLOB NOT NULL DEFAULT x'';

-- Ids that a zone has had and that no row of `version` tells any more: one behind the other, the newest last, the last 64.
CREATE TABLE past (
  id     INTEGER NOT NULL PRIMARY KEY,                                    -- no WITHOUT ROWID: its rows may be large
  zone   TEXT    NOT NULL UNIQUE,
  stated BLOB    NOT NULL
);

CREATE TRIGGER version_went AFTER DELETE ON version WHEN OLD.stated <> x'' BEGIN
  INSERT INTO past (zone, stated) VALUES (OLD.zone, OLD.stated)
      ON CONFLICT (zone) DO UPDATE SET stated = substr(CAST(past.stated || excluded.stated AS BLOB), -1024);
END;

-- Of the newest version a row of `version` tells the id that it began with. Where it was stated again and is now superseded,
-- its count is kept; where it got another owner, so are both ids. The two last octets only count.
CREATE TRIGGER zone_stated AFTER UPDATE OF stated ON zone
WHEN OLD.stated <> x'' AND substr(OLD.stated, 1, 14) <> substr(NEW.stated, 1, 14)
     AND (OLD.version = NEW.version OR substr(OLD.stated, 15) <> x'0000') BEGIN
  INSERT INTO past (zone, stated)
  VALUES (OLD.zone, CASE WHEN OLD.version = NEW.version THEN CAST(OLD.stated || NEW.stated AS BLOB) ELSE OLD.stated END)
      ON CONFLICT (zone) DO UPDATE SET stated = substr(CAST(past.stated || excluded.stated AS BLOB), -1024);
END;

CREATE TRIGGER zone_forgotten AFTER DELETE ON zone BEGIN
  DELETE FROM past WHERE zone = OLD.zone;
END;

DROP VIEW wanted;
CREATE VIEW wanted AS
SELECT z.zone,
       COALESCE(p.version, z.version) AS version,
       CASE WHEN p.zone IS NULL THEN z.kind ELSE 'put' END AS kind,
       COALESCE(v.serial, z.serial) AS serial,
       COALESCE(v.pushed_serial, z.pushed_serial) AS pushed_serial,
       COALESCE(v.records, z.records) AS records,
       COALESCE(v.digest, z.digest) AS digest,
       COALESCE(p.signed, z.signed) AS signed,
       z.credential, z.hostname, z.username,
       COALESCE(v.source, z.source) AS source,
       COALESCE(v.change_id, z.change_id) AS change_id,
       z.pushed_at,
       COALESCE(v.at, z.changed_at) AS changed_at,
       COALESCE(v.warnings, z.warnings) AS warnings,
       COALESCE(v.stated, z.stated) AS stated
  FROM zone z
       LEFT JOIN pin p ON p.zone = z.zone AND p.version <> z.version
       LEFT JOIN version v ON v.zone = p.zone AND v.version = p.version;
