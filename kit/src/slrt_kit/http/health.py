"""Tell whether a process lives, whether it is ready, and what it has counted; for roles with and without an API."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from slrt_kit import metrics, schema
from slrt_kit.backlog import measure_backlog
from slrt_kit.db import DATABASE_DOWN, Database

Lacks = Callable[[], str | None]
"""Says what a process still waits for before it can serve; None when it has everything."""


def health_routes(*, database: Database, package: str, lacks: Lacks = lambda: None) -> list[Route]:
    """``/livez``, ``/readyz`` (own database at the expected schema, nothing lacks; never Kafka) and ``/metrics``."""

    async def livez(_: Request) -> Response:
        return PlainTextResponse("ok")

    async def readyz(_: Request) -> Response:
        try:
            async with database.read() as session:
                if not await schema.at_head(session, package):
                    return PlainTextResponse("migrations pending", 503)
            if lacking := lacks():
                return PlainTextResponse(lacking, 503, {"Retry-After": "2"})
        except DATABASE_DOWN:
            return PlainTextResponse("database away", 503, {"Retry-After": "2"})
        except Exception as error:  # noqa: BLE001 — readiness answers whatever is wrong, by its kind
            return PlainTextResponse(f"not ready: {type(error).__name__}", 503)
        return PlainTextResponse("ready")

    async def prometheus(_: Request) -> Response:
        await measure_backlog(database)
        return Response(metrics.render(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return [Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", prometheus)]
