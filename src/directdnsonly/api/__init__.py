"""Beside the line: the JSON API and the health answers."""
