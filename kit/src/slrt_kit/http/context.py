"""Give every request its id, its span, its limit and its place in the metrics."""

import time
from collections.abc import Sequence
from uuid import uuid4

import structlog
from opentelemetry import context, trace
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from slrt_kit import metrics
from slrt_kit.http.streams import EventStream
from slrt_kit.logs import get_logger
from slrt_kit.telemetry import context_of, tracer

log = get_logger(__name__)

MAX_BODY_BYTES = 256 * 1024
REQUEST_ID_HEADER = b"x-request-id"
_TRACEPARENT_HEADER = b"traceparent"
_MAX_REQUEST_ID = 100
_LIMIT = "slrt.max_body"
_SERVER_ERROR = 500


class RequestContext:
    """ASGI middleware: a request id and a span for every request, the body limit, RED metrics of the route."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = _one_of_each(scope["headers"], (REQUEST_ID_HEADER, _TRACEPARENT_HEADER))
        request_id = _keep_id(scope, given.get(REQUEST_ID_HEADER, ""))
        status = 500
        received = 0
        started = time.perf_counter()
        is_stream = False

        def answered() -> None:
            route = getattr(scope.get("route"), "path", "(none)")
            metrics.http_seconds(scope["method"], route, status).observe(time.perf_counter() - started)

        async def bounded_receive() -> Message:
            nonlocal received
            limit = scope.get(_LIMIT, MAX_BODY_BYTES)
            if received <= limit:
                message = await receive()
                received += len(message.get("body", b""))
            if received > limit:
                raise HTTPException(413)
            return message

        async def send_with_id(message: Message) -> None:
            nonlocal status, is_stream
            if message["type"] == "http.response.start":
                status = message["status"]
                is_stream = (b"content-type", EventStream.content_type) in message.setdefault("headers", [])
                if is_stream:
                    # It ends when its caller leaves, which says nothing of us.
                    answered()
                message["headers"].append((REQUEST_ID_HEADER, request_id.encode()))
            await send(message)

        structlog.contextvars.bind_contextvars(request_id=request_id)
        above = context_of(given.get(_TRACEPARENT_HEADER))
        span = tracer.start_span(scope["method"], context=above, kind=trace.SpanKind.SERVER)
        token = context.attach(trace.set_span_in_context(span, above))
        try:
            await self._app(scope, bounded_receive, send_with_id)
        except Exception as error:
            # What an exception says may be somebody's data.
            log.error("request crashed", error=type(error).__name__, path=scope["path"])  # noqa: TRY400
            span.set_attribute("error.type", type(error).__name__)
            raise
        finally:
            if not is_stream:
                answered()
            context.detach(token)
            _end(span, scope, status)
            structlog.contextvars.unbind_contextvars("request_id")


def expect_large_body(scope: Scope, limit: int) -> None:
    """Let this one request bring more than `MAX_BODY_BYTES`, for a route that reads it piece by piece.

    The route says so itself, when it knows who calls: nobody else gets more than others.
    """
    scope[_LIMIT] = limit


def _end(span: trace.Span, scope: Scope, status: int) -> None:
    if span.is_recording():
        route = getattr(scope.get("route"), "path", "(none)")
        span.update_name(f"{scope['method']} {route}")
        span.set_attributes({"http.route": route, "http.response.status_code": status})
        if status >= _SERVER_ERROR:
            span.set_status(trace.StatusCode.ERROR)
    span.end()


def request_id_of(scope: Scope) -> str:
    """The id of a request: the caller's own, or a new one. It is kept with the request's state."""
    given = _one_of_each(scope["headers"], (REQUEST_ID_HEADER,))
    return _keep_id(scope, given.get(REQUEST_ID_HEADER, ""))


def _keep_id(scope: Scope, given: str) -> str:
    given = given[:_MAX_REQUEST_ID]
    request_id = given if given.isprintable() and given else str(uuid4())
    scope.setdefault("state", {})["request_id"] = request_id
    return request_id


def _one_of_each(headers: Sequence[tuple[bytes, bytes]], names: Sequence[bytes]) -> dict[bytes, str]:
    """The first header of each name, where it is ASCII."""
    return {name: value.decode() for name, value in reversed(headers) if name in names and value.isascii()}
