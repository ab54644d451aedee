"""Everybody tries every door: the verdicts of access.yaml, exercised through the gateway of a whole stack."""
