"""The systems that the registry asks."""
