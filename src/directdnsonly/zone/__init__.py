"""The vocabulary: names, zones, serials, digests. Pure; no I/O anywhere below this folder."""
