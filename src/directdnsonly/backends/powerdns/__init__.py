"""PowerDNS: its HTTP API, or the MySQL database that it reads."""
