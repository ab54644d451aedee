"""Say which function handles which event type; the table of a consumer, filled by decorators."""

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


class Handlers(Generic[Deps]):
    """Event type → handler.

    ``on(CaseRegistered)`` decorates ``async def handle(received, work, deps)``: it runs inside the transaction
    that also inserts the inbox row; it must not commit. ``on_prepared(CaseRegistered, fetch)`` first awaits
    ``fetch(received, deps)`` outside the transaction (a claim check, a delivery to an office) and hands its
    result to ``async def handle(received, work, deps, result)``. ``fetch`` may run again for the same event
    after a crash, so what it does outside must be idempotent by the event's id.

    ``project(types)`` decorates ``async def project(events, work, deps)`` for a consumer that only keeps a copy
    of what others tell: it gets a whole batch in order, in one transaction. A table has either handlers or one
    projection.
    """

    def __init__(self) -> None:
        self._entries: dict[str, Entry[Deps]] = {}
        self.projection: Project[Deps] | None = None

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

    def project(self, events: Iterable[type[Event]]) -> Callable[[Project[Deps]], Project[Deps]]:
        """Register the one function that keeps a copy of all these types, batch by batch."""

        def register(projection: Project[Deps]) -> Project[Deps]:
            async def apply_one(received: Received[Event], work: UnitOfWork, deps: Deps) -> None:
                await projection([received], work, deps)

            for event in events:
                self._add(event, Entry(apply_one))
            self.projection = projection
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
