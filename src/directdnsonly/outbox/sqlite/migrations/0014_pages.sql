-- Pages of what was refused, done and tried: each filter of the API walks along an index of its own, newest first, and
-- nothing is sorted. The last column of each is the row's number.

CREATE INDEX IF NOT EXISTS refused_name ON refused (rtrim(lower(name), '.'), id);
CREATE INDEX refused_server ON refused (COALESCE(NULLIF(hostname, ''), credential));
CREATE INDEX refused_rule ON refused (rule);
CREATE INDEX event_kind ON event (event);
CREATE INDEX event_actor ON event (actor);
CREATE INDEX event_at ON event (at);
DROP INDEX attempt_zone;
CREATE INDEX attempt_zone ON attempt (zone);
DROP INDEX IF EXISTS held_at;
CREATE INDEX held_at ON held (at, zone);
