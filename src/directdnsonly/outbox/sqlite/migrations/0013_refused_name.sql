-- The newest refused push of one zone is found at once: the verdict on a zone asks for it, and most zones have none.

CREATE INDEX refused_name ON refused (rtrim(lower(name), '.'), id);
