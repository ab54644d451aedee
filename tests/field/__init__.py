"""Devices in the field under every fault that a line, a server and a battery have (``make sync-storm``)."""
