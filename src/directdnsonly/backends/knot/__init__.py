"""The Knot DNS backend: zone files, and knotd's control socket (or `knotc`)."""
