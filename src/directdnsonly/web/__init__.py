"""Beside the line: the status pages, for people who would rather look than read. They change nothing."""
