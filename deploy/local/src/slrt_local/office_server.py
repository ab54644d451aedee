"""Play the offices: one HTTP endpoint each that takes signed notices, can be closed and opened again."""

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import uvicorn
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from slrt_local.journal import Journal
from slrt_local.net import LOOPBACK
from slrt_local.offices import NOTICE_PATH, Endpoint

MAX_NOTICE = 65_536


class OfficeServer(uvicorn.Server):
    """A server that leaves the signals to the process it lives in."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Several servers share one loop: none of them may take SIGTERM."""
        yield


class Office:
    """One office: takes notices while it is open, refuses connections while it is closed."""

    def __init__(self, endpoint: Endpoint, journal: Journal, clock: Callable[[], datetime]) -> None:
        self.endpoint = endpoint
        self._journal, self._clock = journal, clock
        self._webhook = Webhook(endpoint.secret)
        self._server: OfficeServer | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def is_open(self) -> bool:
        """True while the office listens."""
        return self._server is not None and self._server.started

    async def open(self) -> None:
        """Listen; returns when the port accepts connections. Opening an open office changes nothing."""
        if self._server is not None:
            return
        app = Starlette(routes=[Route(NOTICE_PATH, self.take, methods=["POST"])])
        config = uvicorn.Config(
            app, host=LOOPBACK, port=self.endpoint.port, log_level="warning", access_log=False, lifespan="off"
        )
        self._server = OfficeServer(config)
        self._task = asyncio.create_task(self._server.serve())
        while not self._server.started:
            if self._task.done():
                self._task.result()
                raise RuntimeError(f"office {self.endpoint.code} cannot listen on port {self.endpoint.port}")
            await asyncio.sleep(0.01)

    async def close(self) -> None:
        """Stop listening and drop connections; whoever calls is refused from now on."""
        server, task = self._server, self._task
        if server is None or task is None:
            return
        server.should_exit = True
        server.force_exit = True
        await task
        self._server = self._task = None

    async def take(self, request: Request) -> Response:
        """Verify and keep one notice: 204 new or repeated, 401 bad signature, 400 no JSON object, 413 too large."""
        body = await request.body()
        if len(body) > MAX_NOTICE:
            return JSONResponse({"error": "too large"}, 413)
        try:
            self._webhook.verify(body, dict(request.headers), json_parse=False)
        except (WebhookVerificationError, ValueError) as error:  # ValueError: a signature that is no base64
            return JSONResponse({"error": str(error)}, 401)
        try:
            notice: Any = json.loads(body)
        except ValueError:
            return JSONResponse({"error": "body is not JSON"}, 400)
        if not isinstance(notice, dict):
            return JSONResponse({"error": "body is not a JSON object"}, 400)
        key = f"{self.endpoint.code} {request.headers['webhook-id']}"
        self._journal.add("notice", key, self.endpoint.code, notice, now=self._clock())
        return Response(status_code=204)
