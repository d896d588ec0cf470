"""What every engine of the store promises, an exercise for each part, and for what goes through several.

An engine's folder has the fixture `opener` (see opening), and a line for each exercise: `from tests.contract.store_exercises.work
import *`. What is left there is its own.
"""
