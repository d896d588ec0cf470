"""The BIND backend: zone files, and named's control channel (or `rndc`)."""
