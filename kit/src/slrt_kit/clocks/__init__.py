"""Deadlines: the working days they are counted in, the clocks that keep them, the timers that act when they are due."""
