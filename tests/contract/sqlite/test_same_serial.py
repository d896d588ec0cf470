"""What a claim knows of its serial, over SQLite."""

from __future__ import annotations

from tests.contract.store_exercises.same_serial import *  # the exercise
