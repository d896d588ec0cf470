-- The time that is believed, written every hour: a clock that leaps while we are down makes us forget nothing.

CREATE TABLE clock (
  id    INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
  at    REAL    NOT NULL,                                                 -- epoch seconds
  ran_s REAL    NOT NULL                                                  -- run since the clock leapt; 0: it did not
);
INSERT INTO clock SELECT 1, at, 0 FROM version ORDER BY at DESC LIMIT 1;
