"""Bring a broker to what the topic registry declares: topics with their settings, users, and what each may do."""
