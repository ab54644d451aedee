"""The audit log: who did or saw what, sealed into a chain that cannot be altered without it being found."""
