"""The classes of failure of a handler; each class has one named behaviour in the consumer."""


class TransientError(Exception):
    """A part we depend on is away: the partition pauses and the event is tried again, without limit."""


class RejectedError(Exception):
    """The event cannot be applied now (or never): it is parked, later events of its key queue behind it.

    ``reason`` is a constant for the operator, without personal data.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class UnreadableError(Exception):
    """The bytes are no event of ours: they go to the dead-letter topic with the reason."""


class IgnoredError(Exception):
    """The event does not concern this consumer: it is counted and passed over."""


class DeadLetterLimitError(Exception):
    """Too many unreadable events: a bad deploy must not shovel a topic into the dead letters."""
