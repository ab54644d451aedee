"""No silent stop: find what is open and could not go on, say so, and take it back when it goes on (ADR 0042)."""
