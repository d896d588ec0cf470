"""HTTP that cannot hurt: places, TLS, proxies, bodies, and the server itself."""
