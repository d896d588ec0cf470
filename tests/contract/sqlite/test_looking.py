"""Looking over SQLite."""

from tests.contract.store_exercises.looking import *
