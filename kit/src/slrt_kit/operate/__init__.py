"""What an operator sees and does of a service's events: `parked`, `dlq`, `consumer`, `outbox` and `events`."""
