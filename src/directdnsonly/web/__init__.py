"""The read-only status pages, for people."""
