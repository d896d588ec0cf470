"""The outbox in one SQLite file: WAL, synchronous=FULL, one writer, concurrent readers."""
