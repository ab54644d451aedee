"""The whole suite on one machine with one command, without containers."""
