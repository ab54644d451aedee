"""Whom which event concerns and in which words: data in messages.yaml, checked when it is read."""
