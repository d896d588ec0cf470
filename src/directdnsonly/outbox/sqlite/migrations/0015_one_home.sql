-- `zone` always holds the newest version of a zone, or its tombstone, and the owner that it has by now. A pin says which version
-- is wanted instead. What is wanted is told by one view, and by nothing else.

ALTER TABLE pin ADD COLUMN challenge BLOB NOT NULL DEFAULT x'';           -- of the pinned version, which `version` does not tell
ALTER TABLE pin ADD COLUMN signed INTEGER NOT NULL DEFAULT 0 CHECK (signed IN (0, 1));

UPDATE pin SET challenge = z.challenge, signed = z.signed FROM zone z WHERE z.zone = pin.zone AND z.version = pin.version;

-- Until now the newest version of a pinned zone was in a table of its own, which began as a copy of the zone's row.
INSERT INTO zone (zone, version, kind, serial, pushed_serial, records, digest, challenge, signed, credential, hostname,
                  username, source, change_id, pushed_at, changed_at, warnings, redirects)
SELECT zone, version, kind, serial, pushed_serial, records, digest, challenge, signed, credential, hostname,
       username, source, change_id, pushed_at, changed_at, warnings, redirects FROM waiting WHERE true
    ON CONFLICT (zone) DO UPDATE SET
       version = excluded.version, kind = excluded.kind, serial = excluded.serial, pushed_serial = excluded.pushed_serial,
       records = excluded.records, digest = excluded.digest, challenge = excluded.challenge, signed = excluded.signed,
       credential = excluded.credential, hostname = excluded.hostname, username = excluded.username,
       source = excluded.source, change_id = excluded.change_id, pushed_at = excluded.pushed_at,
       changed_at = excluded.changed_at, warnings = excluded.warnings, redirects = excluded.redirects
 WHERE excluded.version >= zone.version;
DROP TABLE waiting;

-- What is wanted of each zone: its newest version, or the pinned one while another is newest. A pinned version is a living one.
-- Owner and the time of the last push are those of the zone, not of a version.
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
       COALESCE(v.warnings, z.warnings) AS warnings
  FROM zone z
       LEFT JOIN pin p ON p.zone = z.zone AND p.version <> z.version
       LEFT JOIN version v ON v.zone = p.zone AND v.version = p.version;
