"""Count versions and collect the events of one aggregate; pure, so that every domain can build on it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from slrt_contracts.events.base import Event


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """An event that an aggregate has raised and that is not yet in the outbox.

    ``key_sequence`` counts 1, 2, 3… per aggregate; ``happened_at`` (UTC) is when it happened, which for work
    done offline is earlier than when it is recorded.
    """

    event: Event
    key_sequence: int
    happened_at: datetime
    restricted: bool = False
    """It is about a case that few may know of: it goes to the topic's twin, where it has one."""

    @property
    def topic(self) -> str:
        """Where it is told."""
        twin = self.event.RESTRICTED_TOPIC
        return twin if self.restricted and twin is not None else self.event.TOPIC


@dataclass(kw_only=True)
class Aggregate:
    """Base of the aggregates that raise events.

    ``version`` is the version that was loaded (0 for a new one): a store saves with a compare-and-set on it and
    writes ``version + 1``. ``event_sequence`` is the key sequence of the last event ever raised; a store whose clocks
    tell events on the same key compares `loaded_sequence` too.
    """

    version: int = 0
    event_sequence: int = 0
    _raised: list[RecordedEvent] = field(default_factory=list, repr=False, compare=False)

    def _raise_event(self, event: Event, *, at: datetime) -> None:
        self.event_sequence += 1
        self._raised.append(RecordedEvent(event, self.event_sequence, at, self.is_restricted))

    @property
    def is_restricted(self) -> bool:
        """Whether few may know of it; that must not change in its life, or its events lose their order."""
        return False

    @property
    def loaded_sequence(self) -> int:
        """The key sequence of the last event that had been raised when it was loaded or last saved."""
        return self.event_sequence - len(self._raised)

    @property
    def raised(self) -> Sequence[RecordedEvent]:
        """What was raised since the aggregate was loaded or last saved."""
        return tuple(self._raised)

    def mark_saved(self) -> None:
        """Called by a store after its compare-and-set: the next save starts from the new version."""
        self.version += 1
        self._raised.clear()
