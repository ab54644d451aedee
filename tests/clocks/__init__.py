"""Clocks under kill -9, and what their tests share."""
