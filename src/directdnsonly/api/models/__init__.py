"""Shapes of the JSON API, by subject."""
