"""A whole year of one regency, drawn from a seed and lived through by the real services in warped time."""
