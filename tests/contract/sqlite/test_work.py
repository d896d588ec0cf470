"""Work over SQLite."""

from tests.contract.store_exercises.work import *
