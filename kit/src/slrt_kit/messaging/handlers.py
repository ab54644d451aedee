"""Say which function handles which event type; the table of a consumer, filled by decorators."""

from collections.abc import Awaitable, Callable, Mapping
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


class Handlers(Generic[Deps]):
    """Event type → handler.

    ``on(CaseRegistered)`` decorates ``async def handle(received, work, deps)``: it runs inside the transaction
    that also inserts the inbox row; it must not commit. ``on_prepared(CaseRegistered, fetch)`` first awaits
    ``fetch(received, deps)`` outside the transaction (a claim check, a delivery to an office) and hands its
    result to ``async def handle(received, work, deps, result)``. ``fetch`` may run again for the same event
    after a crash, so what it does outside must be idempotent by the event's id.
    """

    def __init__(self) -> None:
        self._entries: dict[str, Entry[Deps]] = {}

    def on(self, event: type[EventT]) -> Callable[[Handler[EventT, Deps]], Handler[EventT, Deps]]:
        """Register a handler for one event type."""

        def register(handler: Handler[EventT, Deps]) -> Handler[EventT, Deps]:
            self._add(event, Entry(handler))
            return handler

        return register

    def on_prepared(
        self, event: type[EventT], prepare: Prepare[EventT, Deps, Prepared]
    ) -> Callable[[PreparedHandler[EventT, Deps, Prepared]], PreparedHandler[EventT, Deps, Prepared]]:
        """Register a handler whose first half runs before the transaction."""

        def register(
            handler: PreparedHandler[EventT, Deps, Prepared],
        ) -> PreparedHandler[EventT, Deps, Prepared]:
            self._add(event, Entry(handler, prepare))
            return handler

        return register

    def _add(self, event: type[Event], entry: Entry[Deps]) -> None:
        if event.TYPE in self._entries:
            raise ValueError(f"{event.TYPE} has two handlers in one consumer")
        self._entries[event.TYPE] = entry

    @property
    def entries(self) -> Mapping[str, Entry[Deps]]:
        """The table by event type."""
        return self._entries
