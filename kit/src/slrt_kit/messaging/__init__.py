"""Receive events from Kafka and apply each exactly once to the service's own database."""
