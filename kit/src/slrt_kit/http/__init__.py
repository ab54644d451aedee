"""The HTTP face of a service: problems, identity, commands, reads, health."""
