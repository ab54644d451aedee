"""Alembic's entry point."""

from slrt_kit.migrations import run_environment

run_environment()
