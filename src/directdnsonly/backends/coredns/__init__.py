"""CoreDNS: zone files that its plug-in `auto` reads, or the MySQL tables of our plug-ins."""
