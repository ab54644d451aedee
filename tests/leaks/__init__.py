"""Look for people's data in what left a process."""
