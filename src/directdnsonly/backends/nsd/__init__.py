"""The NSD backend: zone files, and its control socket (or `nsd-control`)."""
