"""The answer: what residents are told, through which channel, and whether it arrived."""
