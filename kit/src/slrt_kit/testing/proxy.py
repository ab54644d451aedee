"""Stand between a client and a server as a network that fails: slow, silent, one-sided, or gone.

The known program of this kind (toxiproxy) would be one more binary on every machine that runs the tests; what they need
of it fits here, and lives in their own event loop.
"""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

_CHUNK = 64 * 1024
_CHUNKS_UNDER_WAY = 16
_NO_LINGER = struct.pack("ii", 1, 0)
Allowed = Callable[["_Mode"], bool]


@dataclass(frozen=True, slots=True)
class _Mode:
    """What becomes of bytes, of the ends of connections, and of new connections."""

    requests: bool = True
    answers: bool = True
    ends: bool = True
    delay: float = 0.0
    resets_new: bool = False


@dataclass(slots=True)
class Counts:
    """What the proxy did so far."""

    accepted: int = 0
    delayed: int = 0
    """Pieces that came later than they could have."""
    held: int = 0
    """How often a piece, an end or a beginning of a connection had to wait for `FaultProxy.heal`."""
    reset: int = 0
    """Connections that got an RST."""
    ended: int = 0
    """Connections that `FaultProxy.refuse` ended."""


class FaultProxy:
    """Listens on loopback and forwards to ``target``; its methods change what it does, for open connections too.

    What it holds back it delivers, in order, as soon as it may. So does TCP: whoever has sent something sends it again
    until the other end has it or the connection is given up, even after the program has closed it; a stream that goes
    on with a gap in it does not exist. To the kernels at both ends the proxy is a healthy peer that acknowledges what
    it gets, as a sidecar or a balancer that hangs would be: TCP's own keepalives notice nothing.
    """

    def __init__(self, target: str, *, port: int = 0) -> None:
        """``target`` is host:port. One that is to `refuse` needs a ``port`` below the ephemeral range."""
        host, _, number = target.rpartition(":")
        self._target = host, int(number)
        self._port = port
        self._mode = _Mode()
        self._changed = asyncio.Event()
        self._links: dict[asyncio.Task[None], _Link] = {}
        self._accepting: asyncio.Task[None] | None = None
        self.counts = Counts()

    @property
    def address(self) -> str:
        """host:port for clients."""
        return f"127.0.0.1:{self._port}"

    # -- faults ---------------------------------------------------------------------------------------------

    async def heal(self) -> None:
        """Forward everything, beginning with what was held."""
        self._set(_Mode())
        self._listen()

    async def latency(self, seconds: float) -> None:
        """Everything comes so much later, in either direction."""
        self._set(_Mode(delay=seconds))

    async def black_hole(self) -> None:
        """Connections stay and can be made; nothing comes through in either direction, not even that one ended."""
        self._set(_Mode(requests=False, answers=False, ends=False))

    async def half_open(self) -> None:
        """What clients send arrives; no answer comes back, and neither side is told that the other has ended."""
        self._set(_Mode(answers=False, ends=False))

    async def reset(self) -> None:
        """RST for all open connections, and for whoever connects."""
        self._set(_Mode(resets_new=True))
        self.counts.reset += await self._end_all(_reset)

    async def refuse(self) -> None:
        """Open connections end in good order and nobody listens any more, as when a server is stopped."""
        await self._stop_listening()
        self.counts.ended += await self._end_all(socket.socket.close)

    # -- life -----------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        self._listen()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop_listening()
        await self._end_all(_reset)

    async def until(self, allowed: Allowed) -> float:
        """Wait for a mode that allows something; gives the delay, in seconds, that it has."""
        if not allowed(self._mode):
            self.counts.held += 1
        while not allowed(self._mode):
            await self._changed.wait()
        return self._mode.delay

    def _set(self, mode: _Mode) -> None:
        self._mode = mode
        self._changed.set()
        self._changed = asyncio.Event()

    def _listen(self) -> None:
        if self._accepting is None:
            listener = socket.create_server(("127.0.0.1", self._port))
            listener.setblocking(False)
            self._port = listener.getsockname()[1]
            self._accepting = asyncio.create_task(self._accept(listener))

    async def _stop_listening(self) -> None:
        accepting, self._accepting = self._accepting, None
        if accepting is not None:
            await _cancel(accepting)

    async def _accept(self, listener: socket.socket) -> None:
        with listener:
            while True:
                client, _ = await asyncio.get_running_loop().sock_accept(listener)
                self.counts.accepted += 1
                if self._mode.resets_new:
                    _reset(client)
                    self.counts.reset += 1
                    continue
                link = _Link(self, client)
                task = asyncio.create_task(link.run(self._target))
                self._links[task] = link
                task.add_done_callback(self._links.pop)

    async def _end_all(self, end: Callable[[socket.socket], None]) -> int:
        links = dict(self._links)
        for task, link in links.items():
            await _cancel(task)
            link.end(end)
        return len(links)


class _Link:
    """A client's connection and the one to the server that belongs to it."""

    def __init__(self, proxy: FaultProxy, client: socket.socket) -> None:
        self._proxy = proxy
        self._client = client
        self._server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        for each in (self._client, self._server):
            each.setblocking(False)
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    async def run(self, target: tuple[str, int]) -> None:
        """Forward until both sides have ended."""
        try:
            await self._proxy.until(lambda mode: mode.requests)
            await asyncio.get_running_loop().sock_connect(self._server, target)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._forward(self._client, self._server, lambda mode: mode.requests))
                group.create_task(self._forward(self._server, self._client, lambda mode: mode.answers))
        except (OSError, ExceptionGroup):
            # One side is gone at once; the other is told in the same way, once it may be.
            await self._proxy.until(_ends)
            self.end(_reset)
        else:
            self.end(socket.socket.close)

    async def _forward(self, source: socket.socket, sink: socket.socket, allowed: Allowed) -> None:
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_CHUNKS_UNDER_WAY)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._read(source, under_way, allowed))
            group.create_task(self._write(sink, under_way, allowed))

    async def _read(
        self, source: socket.socket, under_way: asyncio.Queue[tuple[float, bytes]], allowed: Allowed
    ) -> None:
        loop, chunk = asyncio.get_running_loop(), b"."
        while chunk:
            # Where nothing comes through, nothing leaves the sender's buffer either.
            await self._proxy.until(allowed)
            chunk = await loop.sock_recv(source, _CHUNK)
            await under_way.put((loop.time(), chunk))

    async def _write(
        self, sink: socket.socket, under_way: asyncio.Queue[tuple[float, bytes]], allowed: Allowed
    ) -> None:
        loop, chunk = asyncio.get_running_loop(), b"."
        while chunk:
            came, chunk = await under_way.get()
            may = allowed if chunk else _ends
            delay = await self._proxy.until(may)
            if (late := came + delay - loop.time()) > 0:
                self._proxy.counts.delayed += 1
                await asyncio.sleep(late)
                await self._proxy.until(may)
            if chunk:
                await loop.sock_sendall(sink, chunk)
            else:
                sink.shutdown(socket.SHUT_WR)

    def end(self, how: Callable[[socket.socket], None]) -> None:
        """Close both sides."""
        how(self._client)
        how(self._server)


def _ends(mode: _Mode) -> bool:
    return mode.ends


def _reset(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it may be closed already
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    connection.close()


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])
