-- What peers have seen. A tombstone is kept until each configured peer has: then it can bring back nothing that was deleted.

CREATE TABLE peer (
  name   TEXT    NOT NULL PRIMARY KEY,
  seen   INTEGER NOT NULL,                                                -- version.id: it knows every tombstone up to this one
  newest INTEGER NOT NULL                                                 -- its own version.id of that moment
) WITHOUT ROWID;

-- Up to which version.id tombstones may have been forgotten: who has not seen that far may hold what we have deleted. Of what an
-- earlier program has forgotten nothing is known but that it has.
ALTER TABLE version_floor ADD COLUMN forgotten INTEGER NOT NULL DEFAULT 0;
UPDATE version_floor SET forgotten = (SELECT COALESCE(MAX(id), 0) FROM version) WHERE version > 0;
