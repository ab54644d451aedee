"""Let the command line ask a running supervisor to stop, start or restart one unit."""

import asyncio
import hmac
import json
import secrets
import socket
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self

from slrt_local.net import LOOPBACK
from slrt_local.process import PartError
from slrt_local.state import State, write_private

VERBS = ("stop", "start", "restart")
_PATIENCE = 120.0
_FILE = "control.json"


class ControlServer:
    """One JSON line in, one out, on loopback; the token is in a file that only the owner can read."""

    def __init__(self, state: State, obey: Callable[[str, str], Awaitable[str]]) -> None:
        self._state, self._obey = state, obey
        self._token = secrets.token_hex(16)
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._talk, LOOPBACK, 0)
        port = self._server.sockets[0].getsockname()[1]
        write_private(self._state.run / _FILE, json.dumps({"port": port, "token": self._token}))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server:
            self._server.close()
        (self._state.run / _FILE).unlink(missing_ok=True)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            answer = {"ok": await self._answer(await reader.readline())}
        except (PartError, ValueError, TimeoutError) as error:
            answer = {"error": str(error) or "not ready in time"}
        writer.write(json.dumps(answer).encode() + b"\n")
        await writer.drain()
        writer.close()

    async def _answer(self, line: bytes) -> str:
        asked: Any = json.loads(line)
        if not isinstance(asked, dict) or not hmac.compare_digest(str(asked.get("token")), self._token):
            raise PartError("the token is wrong")
        verb = asked.get("verb")
        if verb not in VERBS:
            raise PartError(f"{verb!r} is none of {', '.join(VERBS)}")
        return await self._obey(verb, str(asked.get("name")))


def ask(state: State, verb: str, name: str) -> str:
    """Ask the supervisor of ``state``; returns its answer, raises `PartError` when there is none or it refuses."""
    try:
        where = json.loads((state.run / _FILE).read_text())
        with socket.create_connection((LOOPBACK, where["port"]), timeout=_PATIENCE) as connection:
            connection.sendall(json.dumps({"token": where["token"], "verb": verb, "name": name}).encode() + b"\n")
            with connection.makefile() as lines:
                answer = json.loads(lines.readline() or "{}")
    except (OSError, ValueError) as error:
        raise PartError(f"No stack answers on {state.root}: {error}") from error
    if "ok" not in answer:
        raise PartError(answer.get("error", "the supervisor ended"))
    return str(answer["ok"])
