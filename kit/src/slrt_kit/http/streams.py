"""Tell a caller what happens, as it happens: server-sent events in an answer that stays open, until it must end.

WHATWG HTML, section 9.2. A stream ends when its messages do, when its caller leaves or stops reading, when its caller's
token expires or is revoked, when the process is asked to stop and when the database is away. None of that is an error:
the caller comes back by itself and says by ``Last-Event-ID`` what it has.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Self

from fastapi import Request
from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from slrt_kit import metrics
from slrt_kit.access import Principal
from slrt_kit.db import DATABASE_DOWN
from slrt_kit.http.tokens import TokenVerifier
from slrt_kit.logs import get_logger
from slrt_kit.problems import ProblemError, Text

log = get_logger(__name__)

RETRY_MS = 2000
"""After how long a caller whose stream has ended comes back."""
HEARTBEAT_S = 15.0
"""Proxies close a connection on which nothing comes; many do so after 60 s, some after 30."""
_STUCK_AFTER_S = 60.0
"""Whoever has not taken one message for so long does not read."""
_FAREWELL_S = 1.0


class TooManyStreamsError(ProblemError):
    slug, status = "too-many-streams", 503
    title = Text(
        "Terlalu banyak aliran terbuka; coba sebentar lagi", "Too many streams are open; try again in a moment"
    )
    headers = MappingProxyType({"Retry-After": "5"})


@dataclass(frozen=True, slots=True)
class Message:
    """One message. ``id`` and ``event`` are of one line; ``data`` is text."""

    id: str
    event: str
    data: str

    def frame(self) -> bytes:
        """As it goes over the wire."""
        return format_sse_event(id=self.id, event=self.event, data_str=self.data)


class Streams:
    """The open streams of a process, at most ``limit``."""

    def __init__(self, *, limit: int) -> None:
        self._limit = limit
        self._open = 0

    @contextlib.contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place for the length of the block.

        Raises:
            TooManyStreamsError: none is free (503).
        """
        if self._open >= self._limit:
            metrics.REFUSALS.labels("streams").inc()
            raise TooManyStreamsError
        self._open += 1
        metrics.STREAMS_OPEN.inc()
        try:
            yield
        finally:
            self._open -= 1
            metrics.STREAMS_OPEN.dec()


class EventStream(Response):
    """An answer that is told message by message. ``messages`` is asked for the next one when the last one was taken."""

    media_type = "text/event-stream"
    content_type: ClassVar[bytes] = b"text/event-stream"

    def __init__(
        self,
        messages: AsyncGenerator[Message, None],
        *,
        streams: Streams,
        seconds: float,
        stop: asyncio.Event,
        refused: Callable[[], Coroutine[Any, Any, None]] | None = None,
    ) -> None:
        """It ends after ``seconds`` at the latest, and soon after ``stop`` is set or ``refused`` has returned."""
        self._messages = messages
        self._streams = streams
        self._seconds = seconds
        self._stop = stop
        self._refused = refused
        self.status_code = 200
        self.background = None
        # The last two are for proxies: nginx would hold the answer back, others compress it and so do the same.
        headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-store, no-transform"}
        self.init_headers({**headers, "X-Accel-Buffering": "no"})

    @classmethod
    def to(
        cls,
        principal: Principal,
        request: Request,
        messages: AsyncGenerator[Message, None],
        *,
        streams: Streams,
    ) -> Self:
        """A stream that its caller gets for as long as the token that it came with is good."""
        verifier: TokenVerifier = request.app.state.verifier
        return cls(
            messages,
            streams=streams,
            seconds=verifier.seconds_left(principal),
            stop=request.app.state.stop,
            refused=lambda: verifier.until_refused(principal),
        )

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Raises TooManyStreamsError before anything is sent."""
        with self._streams.place():
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            causes: list[Coroutine[Any, Any, Any]]
            causes = [self._tell(send), _beat(send), _left(receive), self._stop.wait()]
            causes += [self._refused()] if self._refused else []
            ends = [asyncio.create_task(cause) for cause in causes]
            try:
                await asyncio.wait(ends, timeout=self._seconds, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in ends:
                    task.cancel()
                await asyncio.wait(ends)
                await self._messages.aclose()
            for task in ends:
                if not task.cancelled() and (error := task.exception()) is not None:
                    raise error
            # Whoever does not read does not get this either, and waits for nothing.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_FAREWELL_S):
                    await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _tell(self, send: Send) -> None:
        try:
            await _send(send, format_sse_event(retry=RETRY_MS))
            async for message in self._messages:
                await _send(send, message.frame())
        except DATABASE_DOWN as error:
            log.warning("stream ended: database is away", error=type(error).__name__)
        except _StuckError:
            log.info("stream ended: its caller does not read")


class _StuckError(Exception):
    """The caller has taken nothing for `_STUCK_AFTER_S`."""


async def _send(send: Send, frame: bytes) -> None:
    """Returns when the server has room for more: what a caller does not read stays in the database."""
    try:
        async with asyncio.timeout(_STUCK_AFTER_S):
            await send({"type": "http.response.body", "body": frame, "more_body": True})
    except TimeoutError as error:
        raise _StuckError from error


async def _beat(send: Send) -> None:
    with contextlib.suppress(_StuckError):
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            await _send(send, KEEPALIVE_COMMENT)


async def _left(receive: Receive) -> None:
    """Returns when the caller has gone, or sends more than any request may have."""
    with contextlib.suppress(HTTPException):
        while (await receive())["type"] != "http.disconnect":
            pass
