"""Approval over SQLite."""

from tests.contract.store_exercises.approval import *
