"""What stands on a Debian 12 is served after an upgrade to 13 and 14, or was named before: `make test-upgrade`.

No pytest: it runs in a root that is upgraded beneath it (deploy/debian/try-upgrade.sh), with what the service itself needs.
"""
