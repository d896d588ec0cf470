-- What is probably a mistake in a version that was accepted, and all faults of one that was not.

ALTER TABLE version ADD COLUMN warnings TEXT NOT NULL DEFAULT '';         -- JSON; empty: none
ALTER TABLE refused ADD COLUMN faults TEXT NOT NULL DEFAULT '';           -- JSON; empty: the reason tells all

-- Names that have a DNAME, apart by blanks: not every name server serves a zone of its own at or below such a name. Few
-- zones have any, so that a push knows by one look into this index whether there is something to look for.
ALTER TABLE zone ADD COLUMN redirects TEXT NOT NULL DEFAULT '';
ALTER TABLE waiting ADD COLUMN redirects TEXT NOT NULL DEFAULT '';
CREATE INDEX zone_redirects ON zone (zone) WHERE redirects <> '';
