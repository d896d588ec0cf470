"""The vocabulary of zones: names, records, zone text, serials, digests. Pure: nothing in this package does I/O."""
