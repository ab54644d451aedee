"""Drills: what must be found is done on purpose, many times, and counted."""
