"""5 verify: ask the name server itself, and judge its answer."""
