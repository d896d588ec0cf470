"""What comes too late, over SQLite."""

from __future__ import annotations

from tests.contract.store_exercises.late import *  # the exercise
