"""Beside the line: an instance compares what it holds with another one, and takes what is newer there."""
