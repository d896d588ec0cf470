-- Which refused pushes nothing accepted has made good since, by the order of the commits: a clock that was ahead, or is put
-- right, hides no refusal and brings none back. A refusal is numbered by the store; whatever is accepted of a zone ends those
-- that stand, in its own transaction. Lost pushes end the same way: their row goes.

CREATE TABLE standing_refusal (
  zone      TEXT    NOT NULL PRIMARY KEY,                                 -- however its letters were sent, without the final dot
  first_id  INTEGER NOT NULL,                                             -- refused.id of the oldest that stands
  newest_id INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX standing_refusal_newest ON standing_refusal (newest_id);

-- What earlier programs kept is judged once more by its times: nothing else was written down.
INSERT INTO standing_refusal (zone, first_id, newest_id)
SELECT rtrim(lower(r.name), '.'), MIN(r.id), MAX(r.id) FROM refused r
 WHERE NOT EXISTS (SELECT 1 FROM zone z WHERE z.zone = rtrim(lower(r.name), '.') AND z.pushed_at >= r.at)
   AND NOT EXISTS (SELECT 1 FROM version v WHERE v.zone = rtrim(lower(r.name), '.') AND v.at >= r.at)
   AND NOT EXISTS (SELECT 1 FROM held h WHERE h.zone = rtrim(lower(r.name), '.') AND h.at >= r.at)
 GROUP BY 1;

DELETE FROM lost_push
 WHERE EXISTS (SELECT 1 FROM zone z WHERE z.zone = lost_push.zone AND z.pushed_at > lost_push.at)
    OR EXISTS (SELECT 1 FROM version v WHERE v.zone = lost_push.zone AND v.at > lost_push.at)
    OR EXISTS (SELECT 1 FROM held h WHERE h.zone = lost_push.zone AND h.at > lost_push.at);
