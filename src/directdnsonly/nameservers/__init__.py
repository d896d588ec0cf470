"""Bundled name servers: write their configuration, start, supervise, restart and stop them."""
