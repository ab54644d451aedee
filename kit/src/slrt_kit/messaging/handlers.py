"""Say which function handles which event type; the table of a consumer, filled by decorators."""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from slrt_contracts.envelope import Envelope
from slrt_contracts.events.base import Event
from slrt_kit.db import UnitOfWork

E_co = TypeVar("E_co", bound=Event, covariant=True)
EventT = TypeVar("EventT", bound=Event)
Deps = TypeVar("Deps")
Prepared = TypeVar("Prepared")

_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]{0,50}")


@dataclass(frozen=True, slots=True)
class Received(Generic[E_co]):
    """An event with its envelope, decoded and validated."""

    event: E_co
    envelope: Envelope


Handler = Callable[[Received[EventT], UnitOfWork, Deps], Awaitable[None]]
Prepare = Callable[[Received[EventT], Deps], Awaitable[Prepared]]
PreparedHandler = Callable[[Received[EventT], UnitOfWork, Deps, Prepared], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Entry(Generic[Deps]):
    """One row of the table. ``prepare`` runs outside any transaction and may call the outside world."""

    apply: Callable[..., Awaitable[None]]
    prepare: Callable[..., Awaitable[Any]] | None = None
    concerns: Callable[..., bool] | None = None
    only_asks: bool = False

    @property
    def acts_outside(self) -> bool:
        """Whether its preparation does something outside that must be on record before anything else happens."""
        return self.prepare is not None and not self.only_asks


Project = Callable[[Sequence[Received[Event]], UnitOfWork, Deps], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectionTable:
    """The table that a projection keeps, each row of which tells the event that it is from.

    ``event_id`` (uuid), ``event_type`` (its CloudEvents type) and ``recorded_at`` (timestamptz, when the event was
    recorded) are the columns that do.
    """

    name: str
    event_id: str = "event_id"
    event_type: str = "event_type"
    recorded_at: str = "recorded_at"

    def __post_init__(self) -> None:
        """Raises ValueError: the name of the table or of a column would mean something else in SQL."""
        for name in (self.name, self.event_id, self.event_type, self.recorded_at):
            if not _IDENTIFIER.fullmatch(name):
                raise ValueError(f"{name!r} is no plain name of a table or a column")


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """A table that is a copy of what topics tell, who keeps it, and the function that does, with its parts.

    ``topics`` has the topics of each event type that it takes.
    """

    consumer: str
    table: ProjectionTable
    topics: Mapping[str, Sequence[str]]
    apply: Callable[[Sequence[Received[Event]], UnitOfWork], Awaitable[None]]

    @property
    def all_topics(self) -> frozenset[str]:
        """Every topic that it is made from."""
        return frozenset(topic for topics in self.topics.values() for topic in topics)


class Handlers(Generic[Deps]):
    """Event type → handler.

    ``on(CaseRegistered)`` decorates ``async def handle(received, work, deps)``: it runs inside the transaction
    that also inserts the inbox row; it must not commit. ``on_prepared(CaseRegistered, fetch)`` first awaits
    ``fetch(received, deps)`` outside the transaction (a claim check, a delivery to an office) and hands its
    result to ``async def handle(received, work, deps, result)``. ``fetch`` may run again for the same event
    after a crash, so what it does outside must be idempotent by the event's id.

    ``project(types, table=…)`` decorates ``async def project(events, work, deps)`` for a consumer that only keeps a
    copy of what others tell: it gets a whole batch in order, in one transaction, and writes to no other table. With
    ``table`` an operator can have it made anew from the topics. A consumer has either handlers or one projection.
    """

    def __init__(self) -> None:
        self._entries: dict[str, Entry[Deps]] = {}
        self.projection: Project[Deps] | None = None
        self.table: ProjectionTable | None = None

    def on(self, event: type[EventT]) -> Callable[[Handler[EventT, Deps]], Handler[EventT, Deps]]:
        """Register a handler for one event type."""

        def register(handler: Handler[EventT, Deps]) -> Handler[EventT, Deps]:
            self._add(event, Entry(handler))
            return handler

        return register

    def on_prepared(
        self,
        event: type[EventT],
        prepare: Prepare[EventT, Deps, Prepared],
        *,
        concerns: Callable[[Received[EventT], Deps], bool] | None = None,
        only_asks: bool = False,
    ) -> Callable[[PreparedHandler[EventT, Deps, Prepared]], PreparedHandler[EventT, Deps, Prepared]]:
        """Register a handler whose first half runs before the transaction.

        ``concerns(received, deps)`` says from the event alone whether it is this consumer's business: for a
        connector, most are not, and those cost no look into the database. ``only_asks``: the first half changes
        nothing outside, so several events may be prepared side by side and applied in one transaction.
        """

        def register(
            handler: PreparedHandler[EventT, Deps, Prepared],
        ) -> PreparedHandler[EventT, Deps, Prepared]:
            self._add(event, Entry(handler, prepare, concerns, only_asks))
            return handler

        return register

    def project(
        self, events: Iterable[type[Event]], *, table: ProjectionTable | None = None
    ) -> Callable[[Project[Deps]], Project[Deps]]:
        """Register the one function that keeps a copy of all these types in ``table``, batch by batch."""

        def register(projection: Project[Deps]) -> Project[Deps]:
            async def apply_one(received: Received[Event], work: UnitOfWork, deps: Deps) -> None:
                await projection([received], work, deps)

            for event in events:
                self._add(event, Entry(apply_one))
            self.projection, self.table = projection, table
            return projection

        return register

    def _add(self, event: type[Event], entry: Entry[Deps]) -> None:
        if event.TYPE in self._entries:
            raise ValueError(f"{event.TYPE} has two handlers in one consumer")
        self._entries[event.TYPE] = entry

    @property
    def entries(self) -> Mapping[str, Entry[Deps]]:
        """The table by event type."""
        return self._entries
