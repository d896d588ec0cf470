"""DirectDNSOnly: the extra DNS server of DirectAdmin's Multi Server Setup."""

__version__ = "3.0.0a1"
