-- No number of a version is ever given twice. A tombstone keeps its zone's; when it is forgotten, the floor rises to it,
-- and a zone that is made begins above the floor. Who still holds an old number (a receipt, an If-Match, an attempt that
-- ends late) is then never told that it is the new zone's.

CREATE TABLE version_floor (
  id      INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
  version INTEGER NOT NULL
);
INSERT INTO version_floor (id, version)
SELECT 1, COALESCE(MAX(version), 0) FROM change c WHERE NOT EXISTS (SELECT 1 FROM zone z WHERE z.zone = c.zone);

-- What may be forgotten is found without a walk through every zone: pushes wait meanwhile.
CREATE INDEX zone_deleted ON zone (changed_at) WHERE kind = 'delete';
