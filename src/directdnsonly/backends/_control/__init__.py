"""Ways to talk to name servers' control channels."""
