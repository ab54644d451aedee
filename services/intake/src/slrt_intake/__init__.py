"""The one door: reports, cases, needs, desk decisions, tracking."""
