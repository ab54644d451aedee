"""Build the HTTP application of a service: routes, problems, request ids, metrics, health."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from types import MappingProxyType
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from slrt_kit.audit.refusals import Refusals
from slrt_kit.db import Database
from slrt_kit.http.auth import permission_of
from slrt_kit.http.commands import plain_fingerprint
from slrt_kit.http.context import RequestContext
from slrt_kit.http.fast import FastLane, FastRoute
from slrt_kit.http.health import Lacks, health_routes
from slrt_kit.http.overload import BoundedApp
from slrt_kit.http.positions import Arrivals
from slrt_kit.http.problems import PROBLEM_RESPONSES, install_problem_handlers
from slrt_kit.http.rates import PersonLimit
from slrt_kit.http.tokens import TokenVerifier
from slrt_kit.messaging.handlers import Handlers

_PREFIX = "/v1"
PERMISSION_KEY = "x-slrt-permission"
"""OpenAPI keyword of ours: the permission of access.yaml that an operation demands; ``public`` for none."""


def build_app(
    *,
    title: str,
    description: str,
    version: str,
    package: str,
    routers: Sequence[APIRouter],
    fast: Mapping[Callable[..., object], int | None] = MappingProxyType({}),
    database: Database,
    verifier: TokenVerifier,
    person_limit: PersonLimit | None = None,
    service: str | None = None,
    lacks: Lacks = lambda: None,
    consumers: Mapping[str, Handlers[Any]] | None = None,
    lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]] | None = None,
) -> FastAPI:
    """The application of one service. ``package`` is where its migrations are; ``service`` whose audit log it keeps.

    ``consumers`` are the handlers by consumer group whose effects the routes show (see `slrt_kit.http.positions`).
    ``fast`` are functions of those routes that carry the load, each with how many requests it works on at a time (see
    `slrt_kit.http.fast` and `slrt_kit.http.overload`). ``lacks`` keeps it from being ready.
    """
    app = BoundedApp(
        title=title,
        description=description,
        version=version,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        # `RequestContext` makes the one span that we want, also for what FastAPI never sees.
        telemetry={"logs": False, "metrics": False, "tracing": False},
        routes=list(health_routes(database=database, package=package, lacks=lacks)),
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.database = database
    app.state.verifier = verifier
    app.state.person_limit = person_limit or PersonLimit(per_second=0, burst=0)
    app.state.fingerprint = plain_fingerprint
    app.state.service = service
    app.state.refusals = None if service is None else Refusals(database, service)
    app.state.arrivals = Arrivals(database, consumers or {})
    app.state.stop = asyncio.Event()  # nobody's, until `serve` has one
    install_problem_handlers(app)
    own = [route for router in routers for route in router.routes if isinstance(route, APIRoute)]
    for route in own:
        route.openapi_extra = {**(route.openapi_extra or {}), PERMISSION_KEY: permission_of(route) or "public"}
    for router in routers:
        app.include_router(router, prefix=_PREFIX, responses=PROBLEM_RESPONSES)
    hot = [FastRoute(_PREFIX + route.path, route, fast[route.endpoint]) for route in own if route.endpoint in fast]
    if hot:
        app.add_middleware(FastLane, routes=hot)
        app.limit(hot)
    app.add_middleware(RequestContext)
    return app
