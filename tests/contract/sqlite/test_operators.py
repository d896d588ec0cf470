"""Operators over SQLite."""

from tests.contract.store_exercises.operators import *
