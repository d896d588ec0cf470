"""The outbox in one SQLite file: WAL, synchronous=FULL, one writer, readers beside it."""
