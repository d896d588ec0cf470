"""Benchmarks: repeatable, real name servers, JSON and a table. `make bench`."""
