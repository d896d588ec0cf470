"""Stores made by earlier programs, as SQL, with what those programs told of them (make.py)."""
