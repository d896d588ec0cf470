"""What the original comes with, and leaves on disk, made as it makes it: configuration, database, files of its queues."""

from __future__ import annotations

import contextlib
import pickle
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path

SHIPPED = """---
timezone: Pacific/Auckland
log_level: INFO
queue_location: ./data/queues
datastore:
  type: sqlite
  db_location: ./data/directdnsonly.db
app:
  auth_username: directdnsonly
  auth_password: changeme
dns:
  backends:
    bind:
      type: bind
      enabled: true
      zones_dir: ./data/zones
      named_conf: ./data/named.conf.include
"""
DATABASE = """
CREATE TABLE keys (id INTEGER NOT NULL, "key" VARCHAR(255), name VARCHAR(255), expires DATETIME, service VARCHAR(255),
  PRIMARY KEY (id), UNIQUE ("key"));
CREATE TABLE domains (id INTEGER NOT NULL, domain VARCHAR(255), hostname VARCHAR(255), username VARCHAR(255),
  zone_data TEXT, zone_updated_at DATETIME, PRIMARY KEY (id), UNIQUE (domain));
"""
Row = tuple[str | None, str | None, str | None, str | bytes | None]  # domain, hostname, username, zone_data


def database(file: Path, rows: Iterable[Row]) -> Path:
    """Its datastore."""
    with contextlib.closing(sqlite3.connect(file)) as connection, connection:
        connection.executescript(DATABASE)
        connection.executemany(
            "INSERT INTO domains (domain, hostname, username, zone_data, zone_updated_at)"
            " VALUES (?, ?, ?, ?, '2026-02-27 09:00:00.000000')",
            rows,
        )
    return file


def queue(folder: Path, zones: Sequence[str], *, taken: int = 0, per_file: int = 100) -> Path:
    """A queue of persist-queue 1.1 with an item for each zone, of which the first ones are taken: pickles, one after the other."""
    folder.mkdir(parents=True)
    ends = [(0, 0, 0)]  # after so many items: file, items in it, octets
    for number, zone in enumerate(zones):
        item = {"domain": zone, "zone_file": f"{zone} is no domain\n", "hostname": "da1", "username": "bob"}
        octets = pickle.dumps(item, protocol=4)
        with (folder / f"q{number // per_file:05d}").open("ab") as file:
            file.write(octets)
            end = file.tell()
        full = (number + 1) % per_file == 0
        ends.append((number // per_file + 1, 0, 0) if full else (number // per_file, number % per_file + 1, end))
    info = {"chunksize": per_file, "size": len(zones) - taken, "tail": list(ends[taken]), "head": list(ends[-1])}
    (folder / "info").write_bytes(pickle.dumps(info, protocol=4))
    return folder
