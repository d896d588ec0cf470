"""BIND: zone files, and its control channel (or `rndc`)."""
