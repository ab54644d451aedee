"""What a case is and what may happen to it; no I/O, no clock, no framework."""
