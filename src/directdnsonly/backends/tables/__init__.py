"""What backends that write a database have in common: settings, batches, and the difference to write."""
