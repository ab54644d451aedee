"""``python -m slrt_kit.topics plan|apply``."""

from slrt_kit.topics.cli import app

app(prog_name="slrt topics")
