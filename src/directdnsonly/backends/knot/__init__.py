"""Knot DNS: zone files, and its control socket (or `knotc`)."""
