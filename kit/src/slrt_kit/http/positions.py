"""Position tokens: what a command has written, so that a read at another service can wait until it has arrived there.

A token names events, not places in a log: when a command is answered its events are not published yet. A service has
arrived at a token when each of its consumers that takes an event of it has that event on record (its inbox, written
in the transaction of the effects). Whoever makes up a token only makes his own read wait.
"""

import asyncio
import base64
import binascii
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from uuid import UUID

from fastapi import Request

from slrt_contracts.events import EVENT_TYPES
from slrt_contracts.types import EventId
from slrt_kit import metrics
from slrt_kit.db import Database
from slrt_kit.messaging.handlers import Handlers
from slrt_kit.problems import ProblemError, Text

HEADER = "Slrt-Position"
WAIT_S = 2.0
"""How long a read waits when it does not say."""
WAIT_MAX_S = 10.0
MOST_EVENTS = 100
MAX_HEADER = 8192

_WAIT = re.compile(r"(?:^|[,;])\s*wait\s*=\s*\"?(\d{1,6})\"?\s*(?=$|[,;])", re.IGNORECASE)
_PREFIX = "id.slrt."
_PART = re.compile(r"([a-z][a-z0-9.-]{0,99})~([A-Za-z0-9_-]{22})")
_OUTCOMES = ("arrived", "late", "held-up")
_POLL_MIN_S = 0.005
_POLL_MAX_S = 0.1
_PARKED_RETRY_AFTER_S = 30

# What has not arrived, and whether it is held up there.
_MISSING = """
    SELECT EXISTS (SELECT FROM parked p WHERE p.consumer = w.consumer AND p.event_id = w.event_id) AS parked
    FROM unnest(CAST(%(consumers)s AS text[]), CAST(%(events)s AS uuid[])) AS w(consumer, event_id)
    WHERE NOT EXISTS (SELECT FROM inbox i WHERE i.consumer = w.consumer AND i.event_id = w.event_id)
    """


class PositionMalformedError(ProblemError):
    slug, status = "position-malformed", 400
    title = Text(
        "Slrt-Position bukan token yang kami berikan; kirim apa adanya",
        "Slrt-Position is no token of ours; send it as it was given",
    )


class NotArrivedError(ProblemError):
    slug, status = "not-arrived-yet", 409
    title = Text(
        "Perubahan Anda sudah tersimpan, tetapi belum sampai di layanan ini; baca lagi sebentar lagi",
        "Your change is stored but has not arrived at this service yet; read again in a moment",
    )
    headers = MappingProxyType({"Retry-After": "1"})


class HeldUpError(NotArrivedError):
    title = Text(
        "Perubahan Anda sudah tersimpan, tetapi tertahan di layanan ini; petugas sudah diberi tahu",
        "Your change is stored but held up at this service; its operators have been told",
    )
    headers = MappingProxyType({"Retry-After": str(_PARKED_RETRY_AFTER_S)})


@dataclass(frozen=True, slots=True)
class Position:
    """Events by id, each with its type."""

    events: Mapping[UUID, str]

    @classmethod
    def of(cls, recorded: Iterable[tuple[EventId, str]]) -> "Position":
        """The position of a command that wrote these: pairs of event id and type."""
        return cls(dict(recorded))

    def encode(self) -> str:
        """The token. Tokens joined by commas are a token again."""
        return ",".join(f"{name.removeprefix(_PREFIX)}~{_packed(event_id)}" for event_id, name in self.events.items())

    @classmethod
    def decode(cls, token: str) -> "Position":
        """Of a header, in which several tokens may be joined by commas.

        Raises:
            PositionMalformedError: 400.
        """
        parts = [part.strip() for part in token.split(",")]
        if len(parts) > MOST_EVENTS:
            raise PositionMalformedError
        events: dict[UUID, str] = {}
        for part in parts:
            match = _PART.fullmatch(part)
            if match is None:
                raise PositionMalformedError
            # A type that is newer than this build has no handler here: nothing waits for it.
            events[_unpacked(match[2])] = _PREFIX + match[1]
        return cls(events)


def _packed(event_id: UUID) -> str:
    return base64.urlsafe_b64encode(event_id.bytes).rstrip(b"=").decode()


def _unpacked(text: str) -> UUID:
    try:
        return UUID(bytes=base64.b64decode(text + "==", altchars=b"-_", validate=True))
    except (binascii.Error, ValueError) as error:
        raise PositionMalformedError from error


class Arrivals:
    """What has arrived at one service."""

    def __init__(self, database: Database, consumers: Mapping[str, Handlers[object]]) -> None:
        """``consumers``: the handlers of each consumer group whose effects this service's reads show."""
        self._database = database
        self.groups = frozenset(consumers)
        for outcome in _OUTCOMES:
            metrics.POSITION_WAIT_SECONDS.labels(outcome)
        self._takers: dict[str, list[str]] = {name: [] for name in EVENT_TYPES}
        for group, handlers in consumers.items():
            for name in handlers.entries:
                self._takers[name].append(group)

    async def wait(self, position: Position, *, until: float) -> None:
        """Return when everything of the position has arrived; ``until`` is a time of the running loop's clock.

        Raises:
            HeldUpError: something of it is parked here (409, at once: waiting would not help).
            NotArrivedError: not in time (409).
            psycopg.Error: the database is away.
        """
        wanted = [(group, event) for event, name in position.events.items() for group in self._takers.get(name, ())]
        if not wanted:
            return
        loop = asyncio.get_running_loop()
        began = loop.time()
        pause = _POLL_MIN_S
        # A database that is away, or a caller who leaves, is no wait that ended.
        while missing := await self._missing(wanted):
            if any(missing):
                self._ended("held-up", began)
                raise HeldUpError
            if loop.time() >= until:
                self._ended("late", began)
                raise NotArrivedError
            await asyncio.sleep(min(pause, max(until - loop.time(), 0)))
            pause = min(pause * 1.5, _POLL_MAX_S)
        self._ended("arrived", began)

    def _ended(self, outcome: str, began: float) -> None:
        metrics.POSITION_WAIT_SECONDS.labels(outcome).observe(asyncio.get_running_loop().time() - began)

    async def _missing(self, wanted: Sequence[tuple[str, UUID]]) -> Sequence[bool]:
        """For each that has not arrived: whether it is parked."""
        consumers, events = zip(*wanted, strict=True)
        async with self._database.read() as session:
            return await session.values(_MISSING, {"consumers": list(consumers), "events": list(events)})


async def wait_for_arrival(request: Request, token: str, prefer: str | None) -> None:
    """Wait until what the token names has arrived at the service that was asked; for as long as ``Prefer`` says.

    Raises:
        PositionMalformedError: 400. HeldUpError, NotArrivedError: 409.
    """
    position = Position.decode(token)
    asked = None if prefer is None else _WAIT.search(prefer)
    seconds = min(float(asked[1]), WAIT_MAX_S) if asked else WAIT_S
    # Whoever asks again for the same request (see `slrt_kit.http.fast`) does not wait once more.
    until = request.scope["state"].setdefault("arrives_until", asyncio.get_running_loop().time() + seconds)
    arrivals: Arrivals = request.app.state.arrivals
    await arrivals.wait(position, until=until)
