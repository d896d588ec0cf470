"""The PowerDNS backends: its HTTP API, or the MySQL database that it reads."""
