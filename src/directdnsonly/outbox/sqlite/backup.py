"""Backs up the store, even while it is written to, and restores it. Neither needs the service.

The copy is one read transaction: consistent, and nobody waits for it (WAL). It is checked before it counts.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from directdnsonly.errors import BackupFailed
from directdnsonly.outbox.kept import Copied
from directdnsonly.outbox.sqlite.connection import FILE_NAME
from directdnsonly.outbox.sqlite.migrate import migrations

READ_FIRST_S = 30.0


def copy_store(folder: Path, target: Path) -> Copied:
    """Write the store as it is now to one new file. Raises BackupFailed."""
    source = folder / FILE_NAME
    if not source.is_file():
        raise BackupFailed(f"there is no store in {folder}")
    if target.exists():
        raise BackupFailed(f"{target} exists: name a new file")
    partial = target.with_name(f".{target.name}.partial")
    try:
        partial.unlink(missing_ok=True)
        os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))  # it holds digests of tokens
        with (
            closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True, timeout=READ_FIRST_S)) as here,
            closing(sqlite3.connect(partial)) as there,
        ):
            here.backup(there)  # all pages in one step: one snapshot, whatever is committed meanwhile
            there.execute("PRAGMA journal_mode = DELETE")  # one file, no log beside it
        copied = look_at(partial)
        _sync(partial)
        partial.replace(target)
        _sync(target.parent)
    except (OSError, sqlite3.Error) as error:
        partial.unlink(missing_ok=True)
        raise BackupFailed(f"{target} cannot be written from {source}: {error}") from error
    except BackupFailed:
        partial.unlink(missing_ok=True)
        raise
    return copied


def look_at(file: Path) -> Copied:
    """What a copy holds, checked page by page. Raises BackupFailed."""
    newest = migrations()[-1][0]
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
            schema = int(connection.execute("PRAGMA user_version").fetchone()[0])
            if not 0 < schema <= newest:
                raise BackupFailed(f"{file} has schema {schema}, this program knows 1 to {newest}")
            verdict = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
            if verdict != "ok":
                raise BackupFailed(f"{file} is damaged: {verdict}")
            zones = int(connection.execute("SELECT COUNT(*) FROM zone WHERE kind = 'put'").fetchone()[0])
            changes = int(connection.execute("SELECT COUNT(*) FROM change").fetchone()[0])
    except (OSError, sqlite3.Error) as error:
        raise BackupFailed(f"{file} is no copy of a store: {error}") from error
    return Copied(zones=zones, changes=changes, size_bytes=file.stat().st_size, schema=schema)


def restore_store(source: Path, folder: Path, *, replace: bool) -> tuple[Copied, Path | None]:
    """Put a copy in place of the store; returns where the former store was set aside as well, if there was one.

    Raises BackupFailed: when a service runs here, when there is a store and not `replace`, when the copy is none.
    """
    copied = look_at(source)
    store = folder / FILE_NAME
    aside: Path | None = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _owned(folder):
            if store.exists():
                if not replace:
                    raise BackupFailed(f"there is a store in {folder} already: give --replace to put it aside")
                aside = folder / f"before-restore-{time.strftime('%Y%m%d-%H%M%S')}"
                aside.mkdir(mode=0o700)
                for file in sorted(folder.glob(f"{FILE_NAME}*")):
                    file.rename(aside / file.name)
            partial = folder / f".{FILE_NAME}.partial"
            with (
                source.open("rb") as octets,
                os.fdopen(os.open(partial, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as made,
            ):
                while part := octets.read(2**20):
                    made.write(part)
            look_at(partial)
            _sync(partial)
            partial.replace(store)
            _sync(folder)
    except OSError as error:
        raise BackupFailed(f"{store} cannot be written: {error}") from error
    return copied, aside


@contextmanager
def _owned(folder: Path) -> Iterator[None]:
    """Nobody else has the store open meanwhile: the lock is the one that a service holds."""
    handle = os.open(folder / "outbox.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        holder = os.pread(handle, 32, 0).decode("ascii", "replace").strip()
        raise BackupFailed(f"a service runs on this store (process {holder or '?'}): stop it first") from None
    finally:
        os.close(handle)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
