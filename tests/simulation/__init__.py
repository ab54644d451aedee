"""The backbone's own code under a seeded scheduler: every fault at every step, the same again for the same seed."""
