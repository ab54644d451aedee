"""Build the HTTP application of a service: routes, problems, request ids, metrics, health."""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from uuid import uuid4

import structlog
from fastapi import APIRouter, FastAPI
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from slrt_kit import metrics
from slrt_kit.db import Database
from slrt_kit.http.auth import TokenVerifier
from slrt_kit.http.health import health_routes
from slrt_kit.http.problems import PROBLEM_RESPONSES, install_problem_handlers

MAX_BODY_BYTES = 256 * 1024
_REQUEST_ID_HEADER = b"x-request-id"
_MAX_REQUEST_ID = 100


class RequestContext:
    """ASGI middleware: a request id for every request, bound to the logs; the body limit; RED metrics of the route."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = next((value for name, value in scope["headers"] if name == _REQUEST_ID_HEADER), b"")
        request_id = given.decode("ascii", "ignore")[:_MAX_REQUEST_ID] if given.isascii() else ""
        request_id = request_id if request_id.isprintable() and request_id else str(uuid4())
        scope.setdefault("state", {})["request_id"] = request_id
        status = 500
        received = 0
        started = time.perf_counter()

        async def bounded_receive() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > MAX_BODY_BYTES:
                raise HTTPException(413)
            return message

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message.setdefault("headers", []).append((_REQUEST_ID_HEADER, request_id.encode()))
            await send(message)

        structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            await self._app(scope, bounded_receive, send_with_id)
        finally:
            route = getattr(scope.get("route"), "path", "(none)")
            metrics.HTTP_REQUESTS.labels(scope["method"], route, str(status)).inc()
            metrics.HTTP_SECONDS.labels(scope["method"], route).observe(time.perf_counter() - started)
            structlog.contextvars.unbind_contextvars("request_id")


def build_app(
    *,
    title: str,
    description: str,
    version: str,
    package: str,
    routers: Sequence[APIRouter],
    database: Database,
    verifier: TokenVerifier,
    lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]] | None = None,
) -> FastAPI:
    """The application of one service. ``package`` is where its migrations are."""
    app = FastAPI(
        title=title,
        description=description,
        version=version,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        telemetry={"logs": False, "metrics": False, "operation_spans": False},
        routes=list(health_routes(database=database, package=package)),
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.database = database
    app.state.verifier = verifier
    install_problem_handlers(app)
    for router in routers:
        app.include_router(router, prefix="/v1", responses=PROBLEM_RESPONSES)
    app.add_middleware(RequestContext)
    return app
