"""Drift over SQLite."""

from tests.contract.store_exercises.drift import *
