-- What peers compare: each zone adds a mark of 64 bits, of its name and its version id, to one of 2048 buckets, which hold the
-- exclusive or of their marks: kept by the commit itself, whoever changes a zone, at one row for each. (SQLite has no such
-- operator; (a | b) - (a & b) is that, without an overflow.) A mark of 0 adds
-- nothing: a tombstone that no client has asked for, or a row of an earlier program until housekeeping has given it a bucket.

ALTER TABLE zone ADD COLUMN bucket INTEGER;
ALTER TABLE zone ADD COLUMN mark INTEGER NOT NULL DEFAULT 0;              -- 0 as long as there is no bucket
CREATE INDEX zone_bucket ON zone (bucket);

CREATE TABLE bucket (
  id     INTEGER NOT NULL PRIMARY KEY,
  digest INTEGER NOT NULL
);
INSERT INTO bucket (id, digest) WITH RECURSIVE n (id) AS (SELECT 0 UNION ALL SELECT id + 1 FROM n WHERE id < 2047) SELECT id, 0 FROM n;

CREATE TRIGGER mark_came AFTER INSERT ON zone WHEN NEW.mark <> 0 BEGIN
  UPDATE bucket SET digest = (digest | NEW.mark) - (digest & NEW.mark) WHERE id = NEW.bucket;
END;

CREATE TRIGGER mark_changed AFTER UPDATE OF mark ON zone WHEN OLD.mark <> NEW.mark BEGIN
  UPDATE bucket SET digest = (digest | ((OLD.mark | NEW.mark) - (OLD.mark & NEW.mark)))
                           - (digest & ((OLD.mark | NEW.mark) - (OLD.mark & NEW.mark))) WHERE id = NEW.bucket;
END;

CREATE TRIGGER mark_went AFTER DELETE ON zone WHEN OLD.mark <> 0 BEGIN
  UPDATE bucket SET digest = (digest | OLD.mark) - (digest & OLD.mark) WHERE id = OLD.bucket;
END;
