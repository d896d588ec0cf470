"""What backends that write zone files have in common: the folder, its faults, the name servers' own checkers."""
