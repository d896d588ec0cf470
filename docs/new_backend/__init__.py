"""Writes the skeleton of a backend: `make new-backend NAME=foo`."""
