-- How many living zones a credential holds, for those that have a limit: its row is made when a limit is first asked for,
-- and kept true by the triggers, whoever changes a zone. A credential without a limit has no row and writes no page.

CREATE TABLE credential_zones (
  credential TEXT NOT NULL PRIMARY KEY,
  zones      INTEGER NOT NULL
) WITHOUT ROWID;

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
