-- What is decided about a zone beside what it holds (a pin, a push that waits, that it is kept), as peers know it: by an id, with
-- those of the decisions before it. It stays when the decision has ended: so that nobody's older word begins it again. What it
-- is about stands in `pin`, `held` and `sighting`, which alone are what acts here.

CREATE TABLE decision (
  id     INTEGER NOT NULL PRIMARY KEY,
  zone   TEXT    NOT NULL,
  matter TEXT    NOT NULL CHECK (matter IN ('pin', 'hold', 'keep')),
  stated BLOB    NOT NULL,
  stands INTEGER NOT NULL CHECK (stands IN (0, 1)),
  past   BLOB    NOT NULL DEFAULT x'',                                    -- one behind the other, the newest last, 16 octets each
  UNIQUE (zone, matter)
);
CREATE INDEX decision_kept ON decision (zone) WHERE matter = 'keep' AND stands = 1;

-- By it a push that waits is known to be newer than a version that a peer has. NULL: an earlier program held it.
ALTER TABLE held ADD COLUMN serial INTEGER CHECK (serial BETWEEN 0 AND 4294967295);

-- An earlier program has given them no ids: any will do, as long as no other one is like it.
INSERT INTO decision (zone, matter, stated, stands) SELECT zone, 'pin', randomblob(16), 1 FROM pin;
INSERT INTO decision (zone, matter, stated, stands) SELECT zone, 'hold', randomblob(16), 1 FROM held;
INSERT INTO decision (zone, matter, stated, stands) SELECT zone, 'keep', randomblob(16), 1 FROM sighting WHERE state = 'kept';

-- What was decided about a zone goes with it, unless it is still in force.
CREATE TRIGGER decision_forgotten AFTER DELETE ON zone BEGIN
  DELETE FROM decision WHERE zone = OLD.zone AND stands = 0;
END;
