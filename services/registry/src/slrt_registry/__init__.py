"""Who they are: persons, families, programme needs and participation."""
