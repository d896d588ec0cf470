"""Upkeep over SQLite."""

from tests.contract.store_exercises.upkeep import *
