BEGIN TRANSACTION;
CREATE TABLE api_token (                                                  -- the token itself is never stored
  id         TEXT NOT NULL PRIMARY KEY,
  name       TEXT NOT NULL,
  digest     BLOB NOT NULL UNIQUE,                                        -- SHA-256 of the token (256 bits of chance)
  roles      TEXT NOT NULL,
  networks   TEXT NOT NULL,
  created_by TEXT NOT NULL,
  created_at REAL NOT NULL,
  expires_at REAL
) WITHOUT ROWID;
INSERT INTO "api_token" VALUES('t','anna',X'646967657374','read','','made',1800000044.0,NULL);
CREATE TABLE attempt (                                                    -- attempts that did not end in proof
  id       INTEGER NOT NULL PRIMARY KEY,
  backend  TEXT    NOT NULL,
  zone     TEXT    NOT NULL,
  version  INTEGER NOT NULL,
  state    TEXT    NOT NULL CHECK (state IN ('pending', 'leased', 'applied', 'verified', 'superseded', 'dead')),
  attempt  INTEGER NOT NULL,
  reason   TEXT    NOT NULL,
  at       REAL    NOT NULL,
  elapsed_s REAL   NOT NULL
);
INSERT INTO "attempt" VALUES(1,'one','dead.example',1,'dead',1,'made',1800000019.0,0.0);
INSERT INTO "attempt" VALUES(2,'two','dead.example',1,'dead',1,'made',1800000019.0,0.0);
INSERT INTO "attempt" VALUES(3,'one','pinned-dead.example',1,'dead',1,'made',1800000029.0,0.0);
INSERT INTO "attempt" VALUES(4,'two','pinned-dead.example',1,'dead',1,'made',1800000029.0,0.0);
CREATE TABLE backend (                                                    -- which backends hold a complete set of deliveries
  name       TEXT NOT NULL PRIMARY KEY,
  active     INTEGER NOT NULL CHECK (active IN (0, 1)),
  changed_at REAL NOT NULL
) WITHOUT ROWID;
INSERT INTO "backend" VALUES('one',1,1800000000.0);
INSERT INTO "backend" VALUES('three',0,1800000003.0);
INSERT INTO "backend" VALUES('two',1,1800000000.0);
CREATE TABLE change (                                                     -- one row per accepted push or delete
  id            TEXT    NOT NULL PRIMARY KEY,                             -- ordered by time
  zone          TEXT    NOT NULL,
  version       INTEGER NOT NULL,
  kind          TEXT    NOT NULL CHECK (kind IN ('put', 'delete')),
  changed       INTEGER NOT NULL CHECK (changed IN (0, 1)),
  serial        INTEGER NOT NULL,
  priority      INTEGER NOT NULL,
  ignored       TEXT    NOT NULL DEFAULT '',
  address       TEXT    NOT NULL,
  at            REAL    NOT NULL
) WITHOUT ROWID;
INSERT INTO "change" VALUES('made-000000001','away.example',1,'put',1,1,1,'','',1800000001.0);
INSERT INTO "change" VALUES('made-000000002','gone.example',1,'put',1,1,1,'','',1800000002.0);
INSERT INTO "change" VALUES('made-000000003','plain.example',1,'put',1,1,1,'','',1800000004.0);
INSERT INTO "change" VALUES('made-000000004','plain.example',2,'put',1,2,1,'','',1800000005.0);
INSERT INTO "change" VALUES('made-000000005','plain.example',3,'put',1,3,1,'','',1800000006.0);
INSERT INTO "change" VALUES('made-000000006','plain.example',4,'put',1,4,1,'','',1800000007.0);
INSERT INTO "change" VALUES('made-000000007','plain.example',5,'put',1,5,1,'','',1800000008.0);
INSERT INTO "change" VALUES('made-000000008','away.example',2,'put',1,2,1,'','',1800000009.0);
INSERT INTO "change" VALUES('made-000000009','gone.example',2,'delete',1,1,1,'','',1800000009.0);
INSERT INTO "change" VALUES('made-000000010','held-loss.example',1,'put',1,1,1,'','',1800000010.0);
INSERT INTO "change" VALUES('made-000000011','held-takeover.example',1,'put',1,1,1,'','',1800000011.0);
INSERT INTO "change" VALUES('made-000000012','orphan.example',1,'put',1,1,1,'','',1800000012.0);
INSERT INTO "change" VALUES('made-000000015','api.example',1,'put',1,1,1,'','',1800000016.0);
INSERT INTO "change" VALUES('made-000000016','dead.example',1,'put',1,1,1,'','',1800000018.0);
INSERT INTO "change" VALUES('made-000000017','pinned-again.example',1,'put',1,1,1,'','',1800000020.0);
INSERT INTO "change" VALUES('made-000000018','pinned-delete.example',1,'put',1,1,1,'','',1800000021.0);
INSERT INTO "change" VALUES('made-000000019','pinned-held.example',1,'put',1,1,1,'','',1800000022.0);
INSERT INTO "change" VALUES('made-000000020','pinned-old.example',1,'put',1,1,1,'','',1800000023.0);
INSERT INTO "change" VALUES('made-000000021','pinned-orphan.example',1,'put',1,1,1,'','',1800000024.0);
INSERT INTO "change" VALUES('made-000000022','pinned-push.example',1,'put',1,1,1,'','',1800000025.0);
INSERT INTO "change" VALUES('made-000000023','pinned-still.example',1,'put',1,1,1,'','',1800000026.0);
INSERT INTO "change" VALUES('made-000000024','pinned-dead.example',1,'put',1,1,1,'','',1800000028.0);
INSERT INTO "change" VALUES('made-000000025','pinned-push.example',2,'put',0,2,1,'the zone is pinned at version 1: recorded as version 2, served when it is released','',1800000031.0);
INSERT INTO "change" VALUES('made-000000026','pinned-push.example',3,'put',0,3,0,'the zone is pinned at version 1: recorded as version 3, served when it is released','',1800000031.0);
INSERT INTO "change" VALUES('made-000000027','pinned-delete.example',2,'delete',0,1,1,'the zone is pinned at version 1: recorded as version 2, served when it is released','',1800000032.0);
INSERT INTO "change" VALUES('made-000000028','pinned-again.example',2,'delete',0,1,1,'the zone is pinned at version 1: recorded as version 2, served when it is released','',1800000032.0);
INSERT INTO "change" VALUES('made-000000029','pinned-again.example',3,'put',0,2,1,'the zone is pinned at version 1: recorded as version 3, served when it is released','',1800000033.0);
INSERT INTO "change" VALUES('made-000000030','pinned-again.example',3,'put',0,2,1,'the zone is pinned at version 1: recorded as version 3, served when it is released','',1800000034.0);
INSERT INTO "change" VALUES('made-000000031','pinned-old.example',2,'put',0,2,1,'the zone is pinned at version 1: recorded as version 2, served when it is released','',1800000035.0);
INSERT INTO "change" VALUES('made-000000032','pinned-old.example',3,'put',0,3,1,'the zone is pinned at version 1: recorded as version 3, served when it is released','',1800000036.0);
INSERT INTO "change" VALUES('made-000000033','pinned-old.example',4,'put',0,4,1,'the zone is pinned at version 1: recorded as version 4, served when it is released','',1800000037.0);
INSERT INTO "change" VALUES('made-000000034','pinned-old.example',5,'put',0,5,1,'the zone is pinned at version 1: recorded as version 5, served when it is released','',1800000038.0);
INSERT INTO "change" VALUES('made-000000035','pinned-old.example',6,'put',0,6,1,'the zone is pinned at version 1: recorded as version 6, served when it is released','',1800000039.0);
INSERT INTO "change" VALUES('made-000000036','pinned-old.example',7,'put',0,7,1,'the zone is pinned at version 1: recorded as version 7, served when it is released','',1800000040.0);
INSERT INTO "change" VALUES('made-000000037','pinned-dead.example',2,'put',0,2,1,'the zone is pinned at version 1: recorded as version 2, served when it is released','',1800000041.0);
INSERT INTO "change" VALUES('made-000000038','pinned-orphan.example',2,'put',0,2,1,'the zone is pinned at version 1: recorded as version 2, served when it is released','',1800000042.0);
INSERT INTO "change" VALUES('made-000000040','leased.example',1,'put',1,1,1,'','',1800000044.0);
CREATE TABLE credential_zones (
  credential TEXT NOT NULL PRIMARY KEY,
  zones      INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE da_list (                                                    -- the last whole list of each server
  server    TEXT    NOT NULL PRIMARY KEY,
  zones     INTEGER NOT NULL,
  listed_at REAL    NOT NULL,
  accepted  INTEGER NOT NULL DEFAULT 0 CHECK (accepted IN (0, 1))
, vouched INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
INSERT INTO "da_list" VALUES('h1.example',9,1800000044.0,0,0);
CREATE TABLE delivery (
  backend          TEXT    NOT NULL,
  zone             TEXT    NOT NULL,
  want_version     INTEGER NOT NULL,
  want_kind        TEXT    NOT NULL CHECK (want_kind IN ('put', 'delete')),
  state            TEXT    NOT NULL CHECK (state IN ('pending', 'leased', 'applied', 'verified', 'superseded', 'dead')),
  priority         INTEGER NOT NULL CHECK (priority BETWEEN 0 AND 2),
  due_at           REAL,
  fence            INTEGER NOT NULL DEFAULT 0,
  attempts         INTEGER NOT NULL DEFAULT 0,
  wanted_at        REAL    NOT NULL,
  change_id        TEXT    NOT NULL,
  applied_version  INTEGER NOT NULL DEFAULT 0,
  applied_kind     TEXT    NOT NULL DEFAULT '',
  applied_at       REAL,
  verified_version INTEGER NOT NULL DEFAULT 0,
  verified_at      REAL,
  served_serial    INTEGER,
  reason           TEXT    NOT NULL DEFAULT '',
  PRIMARY KEY (backend, zone),
  CHECK ((due_at IS NULL) = (state IN ('verified', 'dead', 'superseded')))
) WITHOUT ROWID;
INSERT INTO "delivery" VALUES('one','api.example',1,'put','verified',1,NULL,1,0,1800000016.0,'made-000000015',1,'put',1800000017.0,1,1800000017.0,1,'made');
INSERT INTO "delivery" VALUES('one','away.example',2,'put','verified',1,NULL,2,0,1800000009.0,'made-000000008',2,'put',1800000013.0,2,1800000013.0,2,'made');
INSERT INTO "delivery" VALUES('one','dead.example',1,'put','dead',1,NULL,1,1,1800000018.0,'made-000000016',0,'',NULL,0,NULL,NULL,'made');
INSERT INTO "delivery" VALUES('one','gone.example',2,'delete','verified',1,NULL,2,0,1800000009.0,'made-000000009',2,'delete',1800000013.0,2,1800000013.0,1,'made');
INSERT INTO "delivery" VALUES('one','held-loss.example',1,'put','verified',1,NULL,1,0,1800000010.0,'made-000000010',1,'put',1800000013.0,1,1800000013.0,1,'made');
INSERT INTO "delivery" VALUES('one','held-takeover.example',1,'put','verified',1,NULL,1,0,1800000011.0,'made-000000011',1,'put',1800000013.0,1,1800000013.0,1,'made');
INSERT INTO "delivery" VALUES('one','leased.example',1,'put','leased',1,1800000104.0,1,0,1800000044.0,'made-000000040',0,'',NULL,0,NULL,NULL,'');
INSERT INTO "delivery" VALUES('one','orphan.example',1,'put','verified',1,NULL,1,0,1800000012.0,'made-000000012',1,'put',1800000013.0,1,1800000013.0,1,'made');
INSERT INTO "delivery" VALUES('one','pinned-again.example',1,'put','verified',1,NULL,1,0,1800000020.0,'made-000000017',1,'put',1800000027.0,1,1800000027.0,1,'made');
INSERT INTO "delivery" VALUES('one','pinned-dead.example',1,'put','dead',1,NULL,1,1,1800000028.0,'made-000000024',0,'',NULL,0,NULL,NULL,'made');
INSERT INTO "delivery" VALUES('one','pinned-delete.example',1,'put','verified',1,NULL,1,0,1800000021.0,'made-000000018',1,'put',1800000027.0,1,1800000027.0,1,'made');
INSERT INTO "delivery" VALUES('one','pinned-held.example',1,'put','verified',1,NULL,1,0,1800000022.0,'made-000000019',1,'put',1800000027.0,1,1800000027.0,1,'made');
INSERT INTO "delivery" VALUES('one','pinned-old.example',1,'put','verified',1,NULL,1,0,1800000023.0,'made-000000020',1,'put',1800000027.0,1,1800000027.0,1,'made');
INSERT INTO "delivery" VALUES('one','pinned-orphan.example',1,'put','verified',1,NULL,1,0,1800000024.0,'made-000000021',1,'put',1800000027.0,1,1800000027.0,1,'made');
INSERT INTO "delivery" VALUES('one','pinned-push.example',1,'put','verified',1,NULL,1,0,1800000025.0,'made-000000022',1,'put',1800000027.0,1,1800000027.0,1,'made');
INSERT INTO "delivery" VALUES('one','pinned-still.example',1,'put','verified',1,NULL,1,0,1800000026.0,'made-000000023',1,'put',1800000027.0,1,1800000027.0,1,'made');
INSERT INTO "delivery" VALUES('one','plain.example',5,'put','verified',1,NULL,1,0,1800000008.0,'made-000000007',5,'put',1800000013.0,5,1800000013.0,5,'made');
INSERT INTO "delivery" VALUES('three','away.example',1,'put','verified',1,NULL,1,0,1800000001.0,'made-000000001',1,'put',1800000003.0,1,1800000003.0,1,'made');
INSERT INTO "delivery" VALUES('three','gone.example',1,'put','verified',1,NULL,1,0,1800000002.0,'made-000000002',1,'put',1800000003.0,1,1800000003.0,1,'made');
INSERT INTO "delivery" VALUES('two','api.example',1,'put','verified',1,NULL,1,0,1800000016.0,'made-000000015',1,'put',1800000017.0,1,1800000017.0,1,'made');
INSERT INTO "delivery" VALUES('two','away.example',2,'put','verified',1,NULL,2,0,1800000009.0,'made-000000008',2,'put',1800000013.0,2,1800000013.0,2,'made');
INSERT INTO "delivery" VALUES('two','dead.example',1,'put','dead',1,NULL,1,1,1800000018.0,'made-000000016',0,'',NULL,0,NULL,NULL,'made');
INSERT INTO "delivery" VALUES('two','gone.example',2,'delete','verified',1,NULL,2,0,1800000009.0,'made-000000009',2,'delete',1800000013.0,2,1800000013.0,1,'made');
INSERT INTO "delivery" VALUES('two','held-loss.example',1,'put','verified',1,NULL,1,0,1800000010.0,'made-000000010',1,'put',1800000013.0,1,1800000013.0,1,'made');
INSERT INTO "delivery" VALUES('two','held-takeover.example',1,'put','verified',1,NULL,1,0,1800000011.0,'made-000000011',1,'put',1800000013.0,1,1800000013.0,1,'made');
INSERT INTO "delivery" VALUES('two','leased.example',1,'put','pending',1,1800000044.0,0,0,1800000044.0,'made-000000040',0,'',NULL,0,NULL,NULL,'');
INSERT INTO "delivery" VALUES('two','orphan.example',1,'put','verified',1,NULL,1,0,1800000012.0,'made-000000012',1,'put',1800000013.0,1,1800000013.0,1,'made');
INSERT INTO "delivery" VALUES('two','pinned-again.example',1,'put','verified',1,NULL,1,0,1800000020.0,'made-000000017',1,'put',1800000027.0,1,1800000027.0,1,'made');
INSERT INTO "delivery" VALUES('two','pinned-dead.example',1,'put','dead',1,NULL,1,1,1800000028.0,'made-000000024',0,'',NULL,0,NULL,NULL,'made');
INSERT INTO "delivery" VALUES('two','pinned-delete.example',1,'put','verified',1,NULL,1,0,1800000021.0,'made-000000018',1,'put',1800000027.0,1,1800000027.0,1,'made');
INSERT INTO "delivery" VALUES('two','pinned-held.example',1,'put','verified',1,NULL,1,0,1800000022.0,'made-000000019',1,'put',1800000027.0,1,1800000027.0,1,'made');
INSERT INTO "delivery" VALUES('two','pinned-old.example',1,'put','verified',1,NULL,1,0,1800000023.0,'made-000000020',1,'put',1800000027.0,1,1800000027.0,1,'made');
INSERT INTO "delivery" VALUES('two','pinned-orphan.example',1,'put','verified',1,NULL,1,0,1800000024.0,'made-000000021',1,'put',1800000027.0,1,1800000027.0,1,'made');
INSERT INTO "delivery" VALUES('two','pinned-push.example',1,'put','verified',1,NULL,1,0,1800000025.0,'made-000000022',1,'put',1800000027.0,1,1800000027.0,1,'made');
INSERT INTO "delivery" VALUES('two','pinned-still.example',1,'put','verified',1,NULL,1,0,1800000026.0,'made-000000023',1,'put',1800000027.0,1,1800000027.0,1,'made');
INSERT INTO "delivery" VALUES('two','plain.example',5,'put','verified',1,NULL,1,0,1800000008.0,'made-000000007',5,'put',1800000013.0,5,1800000013.0,5,'made');
CREATE TABLE event (
  id      INTEGER NOT NULL PRIMARY KEY,
  at      REAL NOT NULL,
  event   TEXT NOT NULL,
  zone    TEXT NOT NULL,
  actor   TEXT NOT NULL,
  address TEXT NOT NULL,
  detail  TEXT NOT NULL
);
INSERT INTO "event" VALUES(1,1800000044.0,'zone.pinned','pinned-push.example','anna','','');
CREATE TABLE held (                                                       -- pushes that are committed, but served only when approved
  zone       TEXT    NOT NULL PRIMARY KEY,
  version    INTEGER NOT NULL,                                            -- of the zone when it was held: another one makes it void
  digest     BLOB    NOT NULL,                                            -- an approval is bound to this content
  rule       TEXT    NOT NULL CHECK (rule IN ('loss', 'takeover')),
  reason     TEXT    NOT NULL,
  difference TEXT    NOT NULL,
  credential TEXT    NOT NULL,
  hostname   TEXT    NOT NULL,
  username   TEXT    NOT NULL,
  address    TEXT    NOT NULL,
  at         REAL    NOT NULL,
  body       BLOB    NOT NULL                                             -- zlib of what was sent
) WITHOUT ROWID;
INSERT INTO "held" VALUES('held-loss.example',1,X'AD8B6F2345E99FD3B4FADF57655F981A4186A515D4B5BB1A6CC8DF8B4F38106B','loss','made','','da','h1.example','alice','',1800000014.0,X'789CCB48CD490100040F019E');
INSERT INTO "held" VALUES('held-takeover.example',1,X'EB29AE6606CD92CF8A9B38AEDC4526B6F0008CC3F91147E38D4F6634B80AFF04','takeover','made','','da','h2.example','alice','',1800000015.0,X'789CCB48CD490100040F019E');
INSERT INTO "held" VALUES('pinned-held.example',1,X'AA3F86AA690D71E7FDDACACD7360E781F3ACEE2948728F1B1D8D08B414B9FF93','takeover','made','','da','h2.example','alice','',1800000043.0,X'789CCB48CD490100040F019E');
CREATE TABLE idempotency (                                                -- what a request with this key became
  credential  TEXT NOT NULL,
  key         TEXT NOT NULL,
  fingerprint BLOB NOT NULL,                                              -- of method, path and body
  change_id   TEXT NOT NULL,
  warnings    TEXT NOT NULL,
  at          REAL NOT NULL,
  PRIMARY KEY (credential, key)
) WITHOUT ROWID;
INSERT INTO "idempotency" VALUES('anna','k',X'66','made-000000015','[]',1800000016.0);
CREATE TABLE migration (                                                  -- planned moves between two DirectAdmin servers
  id     INTEGER NOT NULL PRIMARY KEY,
  former TEXT    NOT NULL,
  server TEXT    NOT NULL,
  zones  TEXT    NOT NULL,                                                -- names apart by blanks; empty: all
  until  REAL    NOT NULL
);
INSERT INTO "migration" VALUES(1,'h1.example','h2.example','',1801000044.0);
CREATE TABLE paused_backend (                                             -- a lane that an operator has stopped
  name   TEXT NOT NULL PRIMARY KEY,
  actor  TEXT NOT NULL,
  reason TEXT NOT NULL,
  at     REAL NOT NULL
) WITHOUT ROWID;
INSERT INTO "paused_backend" VALUES('two','anna','made',1800000044.0);
CREATE TABLE pin (
  zone    TEXT    NOT NULL PRIMARY KEY,
  version INTEGER NOT NULL CHECK (version > 0),
  actor   TEXT    NOT NULL,
  address TEXT    NOT NULL,
  reason  TEXT    NOT NULL,
  at      REAL    NOT NULL
) WITHOUT ROWID;
INSERT INTO "pin" VALUES('pinned-again.example',1,'anna','192.0.2.9','made',1800000030.0);
INSERT INTO "pin" VALUES('pinned-dead.example',1,'anna','192.0.2.9','made',1800000030.0);
INSERT INTO "pin" VALUES('pinned-delete.example',1,'anna','192.0.2.9','made',1800000030.0);
INSERT INTO "pin" VALUES('pinned-held.example',1,'anna','192.0.2.9','made',1800000030.0);
INSERT INTO "pin" VALUES('pinned-old.example',1,'anna','192.0.2.9','made',1800000030.0);
INSERT INTO "pin" VALUES('pinned-orphan.example',1,'anna','192.0.2.9','made',1800000030.0);
INSERT INTO "pin" VALUES('pinned-push.example',1,'anna','192.0.2.9','made',1800000030.0);
INSERT INTO "pin" VALUES('pinned-still.example',1,'anna','192.0.2.9','made',1800000030.0);
CREATE TABLE reconcile_pass (
  id         INTEGER NOT NULL PRIMARY KEY,
  started_at REAL    NOT NULL,
  ended_at   REAL    NOT NULL,
  dry_run    INTEGER NOT NULL CHECK (dry_run IN (0, 1)),
  report     BLOB    NOT NULL                                             -- zlib of JSON
);
INSERT INTO "reconcile_pass" VALUES(1,1800000044.0,1800000044.0,0,X'789CABAE0500017500F9');
CREATE TABLE refused (
  id         INTEGER NOT NULL PRIMARY KEY,
  change_id  TEXT NOT NULL,
  name       TEXT NOT NULL,
  rule       TEXT NOT NULL,
  reason     TEXT NOT NULL,
  credential TEXT NOT NULL,
  hostname   TEXT NOT NULL,
  username   TEXT NOT NULL,
  address    TEXT NOT NULL,
  at         REAL NOT NULL,
  body       BLOB NOT NULL
);
INSERT INTO "refused" VALUES(1,'r','bad.example','soa','made','da','h1.example','alice','',1800000044.0,X'789C030000000001');
CREATE TABLE sighting (                                                   -- zones that a whole list of their server lacked
  zone           TEXT    NOT NULL PRIMARY KEY,
  version        INTEGER NOT NULL,                                        -- another version of the zone: counted anew
  server         TEXT    NOT NULL,
  absences       INTEGER NOT NULL CHECK (absences > 0),
  first_at       REAL    NOT NULL,
  last_at        REAL    NOT NULL,
  state          TEXT    NOT NULL CHECK (state IN ('absent', 'quarantined', 'kept')),
  quarantined_at REAL,
  plan           TEXT    NOT NULL DEFAULT '',
  approved       INTEGER NOT NULL DEFAULT 0 CHECK (approved IN (0, 1)),
  CHECK ((state = 'quarantined') <= (quarantined_at IS NOT NULL))
) WITHOUT ROWID;
INSERT INTO "sighting" VALUES('orphan.example',1,'h1.example',3,1800000016.0,1800000016.0,'quarantined',1800000016.0,'',0);
INSERT INTO "sighting" VALUES('pinned-orphan.example',1,'h1.example',3,1800000030.0,1800000030.0,'quarantined',1800000030.0,'',0);
CREATE TABLE version (
  id            INTEGER NOT NULL PRIMARY KEY,
  zone          TEXT    NOT NULL,
  version       INTEGER NOT NULL,
  kind          TEXT    NOT NULL CHECK (kind IN ('put', 'delete')),
  serial        INTEGER NOT NULL,
  pushed_serial INTEGER NOT NULL,
  records       INTEGER NOT NULL,
  digest        BLOB    NOT NULL,
  credential    TEXT    NOT NULL,
  hostname      TEXT    NOT NULL,
  username      TEXT    NOT NULL,
  address       TEXT    NOT NULL,
  source        TEXT    NOT NULL,
  change_id     TEXT    NOT NULL,
  at            REAL    NOT NULL,
  body          BLOB,                                                     -- zlib of the text as published
  UNIQUE (zone, version),
  CHECK ((kind = 'put') = (body IS NOT NULL))
);
INSERT INTO "version" VALUES(1,'away.example',1,'put',1,1,3,X'6E6C0C53555DBC50AE6DE6A32C31473BF0D949A63D987502EDAFD13D3376E768','da','h1.example','alice','','directadmin','made-000000001',1800000001.0,X'789C53F10FF274F7F453482C4FACD44BAD48CC2DC849D5E3520909F15130363330E04211070B29005507FB3B2AE4151BEA65E41797206441BCDCC4E292D4223409438846306168646009A22DCC4C701AEF178C693A577979B91E76E52111210A4A65864A5C00340E3DBB');
INSERT INTO "version" VALUES(2,'gone.example',1,'put',1,1,3,X'499A664D3893AA54255803DEFB17D60354F24A6FB5EEE375D16ABE505670F166','da','h1.example','alice','','directadmin','made-000000002',1800000002.0,X'789C53F10FF274F7F45348CFCF4BD54BAD48CC2DC849D5E3520909F15130363330E04211070B29005507FB3B2AE4151BEA65E41797206441BCDCC4E292D4223409438846306168646009A22DCC4C701AEF178C693A577979B91E76E52111210A4A65864A5C0023DF3D97');
INSERT INTO "version" VALUES(5,'plain.example',3,'put',3,3,3,X'7A7B46B43FE66887B5AE45E66CA0AC2E9B91813D4E85E173D9FE5D2127120387','da','h1.example','alice','','directadmin','made-000000005',1800000006.0,X'789C53F10FF274F7F45328C849CCCCD34BAD48CC2DC849D5E3520909F15130363330E04295008B2900D507FB3B2AE4151BEA65E41797206441BCDCC4E292D4223409638846306168646009A22DCC4C709BEF178C693C577979B91E0EF52111210A4A65C64A5C0056A03F47');
INSERT INTO "version" VALUES(6,'plain.example',4,'put',4,4,3,X'53F7D3CDA94AAA02B39D22B9C55D833C129A1843E8B1D07C4B2E54898D268D07','da','h1.example','alice','','directadmin','made-000000006',1800000007.0,X'789C53F10FF274F7F45328C849CCCCD34BAD48CC2DC849D5E3520909F15130363330E04295008B2900D507FB3B2AE4151BEA65E41797206441BCDCC4E292D4223409138846306168646009A22DCC4C709BEF178C693C577979B91E0EF52111210A4A65264A5C00570D3F49');
INSERT INTO "version" VALUES(7,'plain.example',5,'put',5,5,3,X'B3EBC6D7425187222A6290A1C70E1976B9092F8CF38C9E1AFA9C4E83EDA63CB9','da','h1.example','alice','','directadmin','made-000000007',1800000008.0,X'789C53F10FF274F7F45328C849CCCCD34BAD48CC2DC849D5E3520909F15130363330E04295008B2900D507FB3B2AE4151BEA65E41797206441BCDCC4E292D4223409538846306168646009A22DCC4C709BEF178C693C577979B91E0EF52111210A4A65A64A5C00577A3F4B');
INSERT INTO "version" VALUES(8,'away.example',2,'put',2,2,3,X'F2E3B77DDF296493C554693A6C90AACA23157999D62792C882AEEE4CB2D83B39','da','h1.example','alice','','directadmin','made-000000008',1800000009.0,X'789C53F10FF274F7F453482C4FACD44BAD48CC2DC849D5E3520909F15130363330E04211070B29005507FB3B2AE4151BEA65E41797206441BCDCC4E292D4223409238846306168646009A22DCC4C701AEF178C693A577979B91E76E52111210A4A65464A5C0034793DBD');
INSERT INTO "version" VALUES(9,'gone.example',2,'delete',1,1,0,X'','da','h1.example','alice','','directadmin','made-000000009',1800000009.0,NULL);
INSERT INTO "version" VALUES(10,'held-loss.example',1,'put',1,1,3,X'13826BA36C1A8C3C3F2A23FCADB32C8BF9CB6F13B71C2B0500459F64568CF0F9','da','h1.example','alice','','directadmin','made-000000010',1800000010.0,X'789C53F10FF274F7F453C848CD49D1CDC92F2ED64BAD48CC2DC849D5E3520909F15130363330E0C294048B2B00F505FB3B2AE4151BEA65E41797206441BCDCC4E292D4223409438846306168646009A22DCC4CF0DBE1178C6905577979B91E1E3D2111210A4A65864A5C00F429451F');
INSERT INTO "version" VALUES(11,'held-takeover.example',1,'put',1,1,3,X'DC84086256B2D5A27A2B3971CC2BE4BFE6513A22A3DCD79DDE84300E9822058C','da','h1.example','alice','','directadmin','made-000000011',1800000011.0,X'789C53F10FF274F7F453C848CD49D12D49CC4ECD2F4B2DD24BAD48CC2DC849D5E3520909F15130363330E0C2AE002CA700D41FECEFA890576CA897915F5C829005F172138B4B803A50250C211AC184A191812588B63033216C8F5F30A6355CE5E5E57A04F4854484282895192A710100473F4B9F');
INSERT INTO "version" VALUES(12,'orphan.example',1,'put',1,1,3,X'9F6A20D1C14704C7D35E39CEB946EC2AF14540D2E685A435D1DDD52D16C209A8','da','h1.example','alice','','directadmin','made-000000012',1800000012.0,X'789C53F10FF274F7F453C82F2AC848CCD34BAD48CC2DC849D5E3520909F15130363330E04293010B2A007504FB3B2AE4151BEA65E41797206441BCDCC4E292D4223409438846306168646009A22DCC4CF058E0178C693E577979B91E2E0D2111210A4A65864A5C009FE44113');
INSERT INTO "version" VALUES(13,'api.example',1,'put',1,1,3,X'D0C7BA07DF8033EFAAC7028CB22FA09B8CAD9EBB37110CF64C065DE02F2CAEF3','anna','','','','api','made-000000015',1800000016.0,X'789C53F10FF274F7F453482CC8D44BAD48CC2DC849D5E3520909F15130363330E04216068B2800D506FB3B2AE4151BEA65E41797206441BCDCC4E292D4223409438846306168646009A22DCC4C7099EE178C6938577979B91E56D52111210A4A65864A5C00F1353BDB');
INSERT INTO "version" VALUES(14,'dead.example',1,'put',1,1,3,X'FE270CF70FD727EF056BC976A44E86E5112EBB0D949A7C6207BD2E693E4A6A9B','da','h1.example','alice','','directadmin','made-000000016',1800000018.0,X'789C53F10FF274F7F45348494D4CD14BAD48CC2DC849D5E3520909F15130363330E04211070B29005507FB3B2AE4151BEA65E41797206441BCDCC4E292D4223409438846306168646009A22DCC4C701AEF178C693A577979B91E76E52111210A4A65864A5C00F1E73D2B');
INSERT INTO "version" VALUES(15,'pinned-again.example',1,'put',1,1,3,X'DB694C9093409BBF7385E284D235D28C014853E4242486978C938D2E98B294DA','da','h1.example','alice','','directadmin','made-000000017',1800000020.0,X'789C53F10FF274F7F45328C8CCCB4B4DD14D4C4FCCCCD34BAD48CC2DC849D5E3520909F15130363330E0C22A0F965200EA0EF67754C82B36D4CBC82F2E41C88278B989C525A945681286108D60C2D0C8C012445B989910B4C62F18D316AEF2F2723DFCDA4222421494CA0C95B800BB30499F');
INSERT INTO "version" VALUES(16,'pinned-delete.example',1,'put',1,1,3,X'DD1249EE39A0BAC00EA3CD2A98F83DDC30C89A81DD54E6C029D121459DE50413','da','h1.example','alice','','directadmin','made-000000018',1800000021.0,X'789C53F10FF274F7F45328C8CCCB4B4DD14D49CD492D49D54BAD48CC2DC849D5E3520909F15130363330E0C2AE002CA700D41FECEFA890576CA897915F5C829005F172138B4B528BD0240C211AC184A191812588B63033216C8F5F30A6355CE5E5E57A04F4854484282895192A71010030164B6B');
INSERT INTO "version" VALUES(17,'pinned-held.example',1,'put',1,1,3,X'7321ED38E32632FB078AE0A5C47C287F75BB906F83563FF7878BE25CBE534035','da','h1.example','alice','','directadmin','made-000000019',1800000022.0,X'789C53F10FF274F7F45328C8CCCB4B4DD1CD48CD49D14BAD48CC2DC849D5E3520909F15130363330E0C2260D965100EA0DF67754C82B36D4CBC82F2E41C88278B989C525A945681286108D60C2D0C8C012445B989910B2C52F18D312AEF2F2723DBCBA4222421494CA0C95B8006E4D4813');
INSERT INTO "version" VALUES(18,'pinned-old.example',1,'put',1,1,3,X'977F5CEBD3009C10CFFB1C75343794EF9A9082B6EAF1BDE77CFE592546CC7EDF','da','h1.example','alice','','directadmin','made-000000020',1800000023.0,X'789C53F10FF274F7F45328C8CCCB4B4DD1CDCF49D14BAD48CC2DC849D5E3520909F15130363330E0C2220B965000EA0CF67754C82B36D4CBC82F2E41C88278B989C525A945681286108D60C2D0C8C012445B989910B0C42F18D30EAEF2F2723D7C9A4222421494CA0C95B8003129469B');
INSERT INTO "version" VALUES(19,'pinned-orphan.example',1,'put',1,1,3,X'27AE06CB90812B62E162AD321C4268248F4D4221425A46AE45F59EFA7F09674F','da','h1.example','alice','','directadmin','made-000000021',1800000024.0,X'789C53F10FF274F7F45328C8CCCB4B4DD1CD2F2AC848CCD34BAD48CC2DC849D5E3520909F15130363330E0C2AE002CA700D41FECEFA890576CA897915F5C829005F172138B4B528BD0240C211AC184A191812588B63033216C8F5F30A6355CE5E5E57A04F4854484282895192A7101005C7B4BBF');
INSERT INTO "version" VALUES(20,'pinned-push.example',1,'put',1,1,3,X'DAFF7261A9AE3EE5A66CA52A7A72425A504AF2A79200BC1DCF5CED0AF3002EE4','da','h1.example','alice','','directadmin','made-000000022',1800000025.0,X'789C53F10FF274F7F45328C8CCCB4B4DD12D282DCED04BAD48CC2DC849D5E3520909F15130363330E0C2260D965100EA0DF67754C82B36D4CBC82F2E41C88278B989C525A945681286108D60C2D0C8C012445B989910B2C52F18D312AEF2F2723DBCBA4222421494CA0C95B800B4E0489F');
INSERT INTO "version" VALUES(21,'pinned-still.example',1,'put',1,1,3,X'89FF9E7A2229F06EC2424D4B7E3B65D22CE39B75E164721F2DF99494C7EA4229','da','h1.example','alice','','directadmin','made-000000023',1800000026.0,X'789C53F10FF274F7F45328C8CCCB4B4DD12D2EC9CCC9D14BAD48CC2DC849D5E3520909F15130363330E0C22A0F965200EA0EF67754C82B36D4CBC82F2E41C88278B989C525A945681286108D60C2D0C8C012445B989910B4C62F18D316AEF2F2723DFCDA4222421494CA0C95B8000DBF4A3F');
INSERT INTO "version" VALUES(22,'pinned-dead.example',1,'put',1,1,3,X'5D1ED373EDE17DF18ED4A2A84C850A8853BAF01DAC8D44270E2D8630EF63E31F','da','h1.example','alice','','directadmin','made-000000024',1800000028.0,X'789C53F10FF274F7F45328C8CCCB4B4DD14D494D4CD14BAD48CC2DC849D5E3520909F15130363330E0C2260D965100EA0DF67754C82B36D4CBC82F2E41C88278B989C525A945681286108D60C2D0C8C012445B989910B2C52F18D312AEF2F2723DBCBA4222421494CA0C95B800501E47D7');
INSERT INTO "version" VALUES(23,'pinned-push.example',2,'put',2,2,3,X'6AEFC1378B75407E0A8FC1D5D4CF56094FF6B5632E9EEB619C62EDA97FEEB693','da','h1.example','alice','','directadmin','made-000000025',1800000031.0,X'789C53F10FF274F7F45328C8CCCB4B4DD12D282DCED04BAD48CC2DC849D5E3520909F15130363330E0C2260D965100EA0DF67754C82B36D4CBC82F2E41C88278B989C525A945681246108D60C2D0C8C012445B989910B2C52F18D312AEF2F2723DBCBA4222421494CA8C94B800B55948A1');
INSERT INTO "version" VALUES(24,'pinned-push.example',3,'put',3,3,4,X'5EDC573615C3F06E88DAA08C849FAB6AE1878A4B7ED52A921EF14855D5968183','da','h2.example','alice','','directadmin','made-000000026',1800000031.0,X'789C53F10FF274F7F45328C8CCCB4B4DD12D282DCED04BAD48CC2DC849D5E3520909F15130363330E0C2260D965100EA0DF67754C82B36D4CBC82F2E41C88278B989C525A9456812C6108D60C2D0C8C012445B989910B2C52F18D312AEF2F2723DBCBA4222421494CA8C95B800B5D248A3');
INSERT INTO "version" VALUES(25,'pinned-delete.example',2,'delete',1,1,0,X'','da','h1.example','alice','','directadmin','made-000000027',1800000032.0,NULL);
INSERT INTO "version" VALUES(26,'pinned-again.example',2,'delete',1,1,0,X'','da','h1.example','alice','','directadmin','made-000000028',1800000032.0,NULL);
INSERT INTO "version" VALUES(27,'pinned-again.example',3,'put',2,1,3,X'DB694C9093409BBF7385E284D235D28C014853E4242486978C938D2E98B294DA','da','h2.example','alice','','directadmin','made-000000029',1800000033.0,X'789C53F10FF274F7F45328C8CCCB4B4DD14D4C4FCCCCD34BAD48CC2DC849D5E3520909F15130363330E0C22A0F965200EA0EF67754C82B36D4CBC82F2E41C88278B989C525A945681246108D60C2D0C8C012445B989910B4C62F18D316AEF2F2723DFCDA4222421494CA0C95B800BBA849A0');
INSERT INTO "version" VALUES(31,'pinned-old.example',5,'put',5,5,3,X'47382CF96833D10EFDF7D09329D1DAA7D036B66DC48A207E61B8A9BE988A59E6','da','h1.example','alice','','directadmin','made-000000034',1800000038.0,X'789C53F10FF274F7F45328C8CCCB4B4DD1CDCF49D14BAD48CC2DC849D5E3520909F15130363330E0C2220B965000EA0CF67754C82B36D4CBC82F2E41C88278B989C525A9456812A6108D60C2D0C8C012445B989910B0C42F18D30EAEF2F2723D7C9A4222421494CA4C95B800330546A3');
INSERT INTO "version" VALUES(32,'pinned-old.example',6,'put',6,6,3,X'01CC2929688ABD4B3DEE56AD443A2F51C98E6220A2020A13B3536DCC84789AC6','da','h1.example','alice','','directadmin','made-000000035',1800000039.0,X'789C53F10FF274F7F45328C8CCCB4B4DD1CDCF49D14BAD48CC2DC849D5E3520909F15130363330E0C2220B965000EA0CF67754C82B36D4CBC82F2E41C88278B989C525A945681266108D60C2D0C8C012445B989910B0C42F18D30EAEF2F2723D7C9A4222421494CACC94B800337C46A5');
INSERT INTO "version" VALUES(33,'pinned-old.example',7,'put',7,7,3,X'D65CD9E8DF1C1E35BEF3DFA70BE4E1A80FA1F58E0D81CDED46027B4F848F748F','da','h1.example','alice','','directadmin','made-000000036',1800000040.0,X'789C53F10FF274F7F45328C8CCCB4B4DD1CDCF49D14BAD48CC2DC849D5E3520909F15130363330E0C2220B965000EA0CF67754C82B36D4CBC82F2E41C88278B989C525A9456812E6108D60C2D0C8C012445B989910B0C42F18D30EAEF2F2723D7C9A4222421494CACC95B80033F346A7');
INSERT INTO "version" VALUES(34,'pinned-dead.example',2,'put',2,2,3,X'FD4BCE5B19A6A475ABC2A2E7A2551FF4DF2D8B611D3B3C82E2C6B10415A5FA51','da','h1.example','alice','','directadmin','made-000000037',1800000041.0,X'789C53F10FF274F7F45328C8CCCB4B4DD14D494D4CD14BAD48CC2DC849D5E3520909F15130363330E0C2260D965100EA0DF67754C82B36D4CBC82F2E41C88278B989C525A945681246108D60C2D0C8C012445B989910B2C52F18D312AEF2F2723DBCBA4222421494CA8C94B800509747D9');
INSERT INTO "version" VALUES(35,'pinned-orphan.example',2,'put',2,2,3,X'C04BC925346B4BD57CD0552248888DACBB288E98C9B6BD89E06E4D19A4972131','da','h1.example','alice','','directadmin','made-000000038',1800000042.0,X'789C53F10FF274F7F45328C8CCCB4B4DD1CD2F2AC848CCD34BAD48CC2DC849D5E3520909F15130363330E0C2AE002CA700D41FECEFA890576CA897915F5C829005F172138B4B528BD0248C201AC184A191812588B63033216C8F5F30A6355CE5E5E57A04F485448428289519297101005CF84BC1');
INSERT INTO "version" VALUES(36,'leased.example',1,'put',1,1,3,X'E530F781DCA21D143419FAA0CE21CC95ADDF86F94CC94239B5C7C86C38BC17E9','da','h1.example','alice','','directadmin','made-000000040',1800000044.0,X'789C53F10FF274F7F453C8494D2C4E4DD14BAD48CC2DC849D5E3520909F15130363330E04293010B2A007504FB3B2AE4151BEA65E41797206441BCDCC4E292D4223409438846306168646009A22DCC4CF058E0178C693E577979B91E2E0D2111210A4A65864A5C006DE640AB');
CREATE TABLE version_floor (
  id      INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
  version INTEGER NOT NULL
);
INSERT INTO "version_floor" VALUES(1,0);
CREATE TABLE waiting (
  zone          TEXT    NOT NULL PRIMARY KEY,
  version       INTEGER NOT NULL CHECK (version > 0),
  kind          TEXT    NOT NULL CHECK (kind IN ('put', 'delete')),
  serial        INTEGER NOT NULL CHECK (serial BETWEEN 0 AND 4294967295),
  pushed_serial INTEGER NOT NULL CHECK (pushed_serial BETWEEN 0 AND 4294967295),
  records       INTEGER NOT NULL,
  digest        BLOB    NOT NULL,
  challenge     BLOB    NOT NULL,
  signed        INTEGER NOT NULL CHECK (signed IN (0, 1)),
  credential    TEXT    NOT NULL,
  hostname      TEXT    NOT NULL,
  username      TEXT    NOT NULL,
  source        TEXT    NOT NULL,
  change_id     TEXT    NOT NULL,
  pushed_at     REAL    NOT NULL,
  changed_at    REAL    NOT NULL,
  warnings      TEXT    NOT NULL DEFAULT ''
) WITHOUT ROWID;
INSERT INTO "waiting" VALUES('pinned-again.example',3,'put',2,1,3,X'DB694C9093409BBF7385E284D235D28C014853E4242486978C938D2E98B294DA',X'',0,'da','h2.example','alice','directadmin','made-000000029',1800000034.0,1800000033.0,'');
INSERT INTO "waiting" VALUES('pinned-dead.example',2,'put',2,2,3,X'FD4BCE5B19A6A475ABC2A2E7A2551FF4DF2D8B611D3B3C82E2C6B10415A5FA51',X'',0,'da','h1.example','alice','directadmin','made-000000037',1800000041.0,1800000041.0,'');
INSERT INTO "waiting" VALUES('pinned-delete.example',2,'delete',1,1,0,X'',X'',0,'da','h1.example','alice','directadmin','made-000000027',1800000032.0,1800000032.0,'');
INSERT INTO "waiting" VALUES('pinned-held.example',1,'put',1,1,3,X'7321ED38E32632FB078AE0A5C47C287F75BB906F83563FF7878BE25CBE534035',X'',0,'da','h1.example','alice','directadmin','made-000000019',1800000022.0,1800000022.0,'');
INSERT INTO "waiting" VALUES('pinned-old.example',7,'put',7,7,3,X'D65CD9E8DF1C1E35BEF3DFA70BE4E1A80FA1F58E0D81CDED46027B4F848F748F',X'',0,'da','h1.example','alice','directadmin','made-000000036',1800000040.0,1800000040.0,'');
INSERT INTO "waiting" VALUES('pinned-orphan.example',2,'put',2,2,3,X'C04BC925346B4BD57CD0552248888DACBB288E98C9B6BD89E06E4D19A4972131',X'',0,'da','h1.example','alice','directadmin','made-000000038',1800000042.0,1800000042.0,'');
INSERT INTO "waiting" VALUES('pinned-push.example',3,'put',3,3,4,X'5EDC573615C3F06E88DAA08C849FAB6AE1878A4B7ED52A921EF14855D5968183',X'746F6B656E',0,'da','h2.example','alice','directadmin','made-000000026',1800000031.0,1800000031.0,'');
INSERT INTO "waiting" VALUES('pinned-still.example',1,'put',1,1,3,X'89FF9E7A2229F06EC2424D4B7E3B65D22CE39B75E164721F2DF99494C7EA4229',X'',0,'da','h1.example','alice','directadmin','made-000000023',1800000026.0,1800000026.0,'');
CREATE TABLE zone (
  zone          TEXT    NOT NULL PRIMARY KEY,
  version       INTEGER NOT NULL CHECK (version > 0),
  kind          TEXT    NOT NULL CHECK (kind IN ('put', 'delete')),
  serial        INTEGER NOT NULL CHECK (serial BETWEEN 0 AND 4294967295),  -- as published; survives in the tombstone
  pushed_serial INTEGER NOT NULL CHECK (pushed_serial BETWEEN 0 AND 4294967295),
  records       INTEGER NOT NULL,
  digest        BLOB    NOT NULL,
  challenge     BLOB    NOT NULL,
  signed        INTEGER NOT NULL CHECK (signed IN (0, 1)),
  credential    TEXT    NOT NULL,
  hostname      TEXT    NOT NULL,
  username      TEXT    NOT NULL,
  source        TEXT    NOT NULL,
  change_id     TEXT    NOT NULL,
  pushed_at     REAL    NOT NULL,
  changed_at    REAL    NOT NULL,
  warnings      TEXT    NOT NULL DEFAULT ''
) WITHOUT ROWID;
INSERT INTO "zone" VALUES('api.example',1,'put',1,1,3,X'D0C7BA07DF8033EFAAC7028CB22FA09B8CAD9EBB37110CF64C065DE02F2CAEF3',X'',0,'anna','','','api','made-000000015',1800000016.0,1800000016.0,'');
INSERT INTO "zone" VALUES('away.example',2,'put',2,2,3,X'F2E3B77DDF296493C554693A6C90AACA23157999D62792C882AEEE4CB2D83B39',X'',0,'da','h1.example','alice','directadmin','made-000000008',1800000009.0,1800000009.0,'');
INSERT INTO "zone" VALUES('dead.example',1,'put',1,1,3,X'FE270CF70FD727EF056BC976A44E86E5112EBB0D949A7C6207BD2E693E4A6A9B',X'',0,'da','h1.example','alice','directadmin','made-000000016',1800000018.0,1800000018.0,'');
INSERT INTO "zone" VALUES('gone.example',2,'delete',1,1,0,X'',X'',0,'da','h1.example','alice','directadmin','made-000000009',1800000009.0,1800000009.0,'');
INSERT INTO "zone" VALUES('held-loss.example',1,'put',1,1,3,X'13826BA36C1A8C3C3F2A23FCADB32C8BF9CB6F13B71C2B0500459F64568CF0F9',X'',0,'da','h1.example','alice','directadmin','made-000000010',1800000010.0,1800000010.0,'');
INSERT INTO "zone" VALUES('held-takeover.example',1,'put',1,1,3,X'DC84086256B2D5A27A2B3971CC2BE4BFE6513A22A3DCD79DDE84300E9822058C',X'',0,'da','h1.example','alice','directadmin','made-000000011',1800000011.0,1800000011.0,'');
INSERT INTO "zone" VALUES('leased.example',1,'put',1,1,3,X'E530F781DCA21D143419FAA0CE21CC95ADDF86F94CC94239B5C7C86C38BC17E9',X'',0,'da','h1.example','alice','directadmin','made-000000040',1800000044.0,1800000044.0,'');
INSERT INTO "zone" VALUES('orphan.example',1,'put',1,1,3,X'9F6A20D1C14704C7D35E39CEB946EC2AF14540D2E685A435D1DDD52D16C209A8',X'',0,'da','h1.example','alice','directadmin','made-000000012',1800000012.0,1800000012.0,'');
INSERT INTO "zone" VALUES('pinned-again.example',1,'put',1,1,3,X'DB694C9093409BBF7385E284D235D28C014853E4242486978C938D2E98B294DA',X'',0,'da','h1.example','alice','directadmin','made-000000017',1800000020.0,1800000020.0,'');
INSERT INTO "zone" VALUES('pinned-dead.example',1,'put',1,1,3,X'5D1ED373EDE17DF18ED4A2A84C850A8853BAF01DAC8D44270E2D8630EF63E31F',X'',0,'da','h1.example','alice','directadmin','made-000000024',1800000028.0,1800000028.0,'');
INSERT INTO "zone" VALUES('pinned-delete.example',1,'put',1,1,3,X'DD1249EE39A0BAC00EA3CD2A98F83DDC30C89A81DD54E6C029D121459DE50413',X'',0,'da','h1.example','alice','directadmin','made-000000018',1800000021.0,1800000021.0,'');
INSERT INTO "zone" VALUES('pinned-held.example',1,'put',1,1,3,X'7321ED38E32632FB078AE0A5C47C287F75BB906F83563FF7878BE25CBE534035',X'',0,'da','h1.example','alice','directadmin','made-000000019',1800000022.0,1800000022.0,'');
INSERT INTO "zone" VALUES('pinned-old.example',1,'put',1,1,3,X'977F5CEBD3009C10CFFB1C75343794EF9A9082B6EAF1BDE77CFE592546CC7EDF',X'',0,'da','h1.example','alice','directadmin','made-000000020',1800000023.0,1800000023.0,'');
INSERT INTO "zone" VALUES('pinned-orphan.example',1,'put',1,1,3,X'27AE06CB90812B62E162AD321C4268248F4D4221425A46AE45F59EFA7F09674F',X'',0,'da','h1.example','alice','directadmin','made-000000021',1800000024.0,1800000024.0,'');
INSERT INTO "zone" VALUES('pinned-push.example',1,'put',1,1,3,X'DAFF7261A9AE3EE5A66CA52A7A72425A504AF2A79200BC1DCF5CED0AF3002EE4',X'',0,'da','h1.example','alice','directadmin','made-000000022',1800000025.0,1800000025.0,'');
INSERT INTO "zone" VALUES('pinned-still.example',1,'put',1,1,3,X'89FF9E7A2229F06EC2424D4B7E3B65D22CE39B75E164721F2DF99494C7EA4229',X'',0,'da','h1.example','alice','directadmin','made-000000023',1800000026.0,1800000026.0,'');
INSERT INTO "zone" VALUES('plain.example',5,'put',5,5,3,X'B3EBC6D7425187222A6290A1C70E1976B9092F8CF38C9E1AFA9C4E83EDA63CB9',X'',0,'da','h1.example','alice','directadmin','made-000000007',1800000008.0,1800000008.0,'');
CREATE TABLE zone_count (                                                 -- kept true by the triggers, whoever changes a zone
  id     INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
  living INTEGER NOT NULL
);
INSERT INTO "zone_count" VALUES(1,16);
CREATE INDEX version_at ON version (at);
CREATE INDEX delivery_zone ON delivery (zone);
CREATE INDEX attempt_zone ON attempt (zone, backend);
CREATE INDEX attempt_at ON attempt (at);
CREATE INDEX event_zone ON event (zone);
CREATE INDEX idempotency_at ON idempotency (at);
CREATE TRIGGER zone_came AFTER INSERT ON zone WHEN NEW.kind = 'put' BEGIN
  UPDATE credential_zones SET zones = zones + 1 WHERE credential = NEW.credential;
END;
CREATE TRIGGER zone_changed AFTER UPDATE OF kind, credential ON zone
WHEN OLD.kind <> NEW.kind OR OLD.credential <> NEW.credential BEGIN
  UPDATE credential_zones SET zones = zones - 1 WHERE credential = OLD.credential AND OLD.kind = 'put';
  UPDATE credential_zones SET zones = zones + 1 WHERE credential = NEW.credential AND NEW.kind = 'put';
END;
CREATE TRIGGER zone_went AFTER DELETE ON zone WHEN OLD.kind = 'put' BEGIN
  UPDATE credential_zones SET zones = zones - 1 WHERE credential = OLD.credential;
END;
CREATE TRIGGER living_came AFTER INSERT ON zone WHEN NEW.kind = 'put' BEGIN
  UPDATE zone_count SET living = living + 1;
END;
CREATE TRIGGER living_changed AFTER UPDATE OF kind ON zone WHEN OLD.kind <> NEW.kind BEGIN
  UPDATE zone_count SET living = living + (NEW.kind = 'put') - (OLD.kind = 'put');
END;
CREATE TRIGGER living_went AFTER DELETE ON zone WHEN OLD.kind = 'put' BEGIN
  UPDATE zone_count SET living = living - 1;
END;
CREATE INDEX delivery_due ON delivery (backend, priority, due_at, zone, state, wanted_at) WHERE due_at IS NOT NULL;
CREATE INDEX delivery_dead ON delivery (backend, zone, state) WHERE state = 'dead';
CREATE INDEX zone_deleted ON zone (changed_at) WHERE kind = 'delete';
COMMIT;
PRAGMA user_version = 8;
