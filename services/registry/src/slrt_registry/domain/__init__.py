"""Persons and families, how they are found again, what a family needs and takes part in; pure."""
