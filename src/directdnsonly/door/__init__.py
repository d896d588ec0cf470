"""The hardened HTTP server: connection limits, TLS, trusted proxies, body limits."""
