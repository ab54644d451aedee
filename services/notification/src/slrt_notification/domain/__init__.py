"""What a notification is and what may become of it; no I/O, no clock, no framework."""
