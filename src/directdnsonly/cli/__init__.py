"""The operator's hands: `dadns`."""
