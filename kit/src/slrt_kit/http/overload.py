"""Refuse what a route has no room for before anything is made for it."""

from collections.abc import Sequence
from typing import Any

import orjson
from fastapi import FastAPI
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from slrt_kit import metrics
from slrt_kit.http.context import REQUEST_ID_HEADER, request_id_of
from slrt_kit.http.fast import FastRoute
from slrt_kit.http.problems import LANGUAGES, language_of, problem_response
from slrt_kit.problems import ServiceUnavailableError

_ACCEPT_LANGUAGE = b"accept-language"
_LENGTH = b"content-length"
_HERE_THE_ID = "00000000-0000-0000-0000-000000000000"


class BoundedApp(FastAPI):
    """An application whose routes may have a limit: what comes beyond it is answered by 503 with Retry-After at once.

    Without it a flood takes all of the processor for requests whose callers have left, and nobody is served. So a
    refusal must cost next to nothing: no middleware, no span, no token, no look at the body.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._limited: dict[tuple[str, str], FastRoute] = {}

    def limit(self, routes: Sequence[FastRoute]) -> None:
        """Have those of the routes limited that have a limit; they must have no values in their path."""
        self._limited = {
            (method, route.path): route for route in routes if route.limit is not None for method in route.methods
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not scope.get("root_path"):
            route = self._limited.get((scope["method"], scope["path"]))
            if route is not None and route.is_full:
                await _refuse(scope, send)
                return
        await super().__call__(scope, receive, send)


class _Refusal:
    """The answer in one language, all but the request's id."""

    def __init__(self, language: str) -> None:
        headers = [(_ACCEPT_LANGUAGE, language.encode())]
        scope = {"type": "http", "headers": headers, "state": {"request_id": _HERE_THE_ID}}
        response = problem_response(Request(scope), ServiceUnavailableError())
        self.status = response.status_code
        self.headers = [each for each in response.raw_headers if each[0] != _LENGTH]
        self.before, _, self.after = bytes(response.body).partition(_HERE_THE_ID.encode())


_REFUSALS = {language: _Refusal(language) for language in LANGUAGES}


async def _refuse(scope: Scope, send: Send) -> None:
    request_id = request_id_of(scope)
    asked = any(name == _ACCEPT_LANGUAGE for name, _ in scope["headers"])
    refusal = _REFUSALS[language_of(Request(scope)) if asked else LANGUAGES[0]]
    body = refusal.before + orjson.dumps(request_id)[1:-1] + refusal.after
    metrics.REFUSALS.labels("queue").inc()
    metrics.http_seconds(scope["method"], scope["path"], refusal.status).observe(0.0)
    headers = [*refusal.headers, (_LENGTH, b"%d" % len(body)), (REQUEST_ID_HEADER, request_id.encode())]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
