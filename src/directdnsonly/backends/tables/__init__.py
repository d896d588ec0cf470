"""Shared by backends that write a database: settings, batches, and the difference to write."""
