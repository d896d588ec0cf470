"""Shared by backends that write zone files: the folder, its errors, and the name servers' own checkers."""
