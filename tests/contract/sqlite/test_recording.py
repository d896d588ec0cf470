"""Recording over SQLite."""

from tests.contract.store_exercises.recording import *
