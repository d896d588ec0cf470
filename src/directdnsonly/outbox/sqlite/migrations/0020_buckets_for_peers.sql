-- Buckets are kept where a peer is configured, and only there: each push pays for them. `after`: up to this zone, by name, they
-- were filled, or emptied, in steps. That a bucket holds the exclusive or of the marks of its zones is always so; that every
-- zone has its mark there is so when they are 'kept'.

CREATE TABLE buckets (
  id    INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
  state TEXT    NOT NULL CHECK (state IN ('none', 'filling', 'kept', 'emptying')),
  after TEXT    NOT NULL DEFAULT ''
);
INSERT INTO buckets (id, state)
SELECT 1, CASE WHEN EXISTS (SELECT 1 FROM zone WHERE bucket >= 0) THEN 'emptying' ELSE 'none' END;

-- A zone without a bucket has no place in it.
DROP INDEX zone_bucket;
CREATE INDEX zone_bucket ON zone (bucket) WHERE bucket IS NOT NULL;

-- Of a zone that gets its bucket, or loses it, only one of the two rows names it.
DROP TRIGGER mark_changed;
CREATE TRIGGER mark_changed AFTER UPDATE OF mark ON zone WHEN OLD.mark <> NEW.mark BEGIN
  UPDATE bucket SET digest = (digest | ((OLD.mark | NEW.mark) - (OLD.mark & NEW.mark)))
                           - (digest & ((OLD.mark | NEW.mark) - (OLD.mark & NEW.mark)))
   WHERE id = COALESCE(NEW.bucket, OLD.bucket);
END;
