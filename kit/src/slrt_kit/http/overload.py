"""Refuse what a route has no room for before anything is made for it."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from slrt_kit import metrics
from slrt_kit.http.context import REQUEST_ID_HEADER, request_id_of
from slrt_kit.http.fast import FastRoute
from slrt_kit.http.problems import problem_response
from slrt_kit.problems import ServiceUnavailableError


class OverloadGate:
    """ASGI middleware, the outermost: what comes beyond a route's limit is answered by 503 with Retry-After at once.

    Without it a flood takes all of the processor for requests whose callers have left, and nobody is served. So a
    refusal must cost next to nothing: no span, no token, no look at the body.
    """

    def __init__(self, app: ASGIApp, *, routes: Sequence[FastRoute]) -> None:
        """``routes`` with a limit must have no values in their path."""
        self._app = app
        self._limited = {
            (method, route.path): route for route in routes if route.limit is not None for method in route.methods
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            route = self._limited.get((scope["method"], scope["path"]))
            if route is not None and route.is_full:
                await _refuse(scope, receive, send)
                return
        await self._app(scope, receive, send)


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    refused = ServiceUnavailableError()
    request_id = request_id_of(scope)
    response = problem_response(Request(scope), refused)
    response.raw_headers.append((REQUEST_ID_HEADER, request_id.encode()))
    metrics.REFUSALS.labels("queue").inc()
    metrics.HTTP_SECONDS.labels(scope["method"], scope["path"], metrics.status_class(refused.status)).observe(0.0)
    await response(scope, receive, send)
