"""2 accept: parses a zone from any source, judges it, holds or records it, and wakes the delivery lanes. Knows no HTTP."""
