"""No route without a permission: each demands one, or says in its source that and why it is public."""

import importlib
import importlib.util
import inspect
import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from slrt_kit.access import permission_table
from slrt_kit.testing import TestIssuer, environment_of

PUBLIC = re.compile(r"#\s*lint-skip: public — \S+")
HEALTH = {"/livez", "/readyz", "/metrics", "/openapi.json"}
SERVICES = ("intake", "referral", "registry", "notification")


def permissions(dependant: Dependant) -> Iterator[str]:
    """Every permission that a route's dependencies demand, however deep."""
    permission = getattr(dependant.call, "permission", None)
    if permission is not None:
        yield permission
    for inner in dependant.dependencies:
        yield from permissions(inner)


def routes(app: Any) -> Iterator[APIRoute]:
    """The routes, also those inside included routers."""
    pending = list(app.routes)
    while pending:
        route = pending.pop()
        if isinstance(route, APIRoute):
            yield route
        # FastAPI keeps an included router whole; a mounted application has its routes in ``app``.
        for inside in ("original_router", "app"):
            pending += getattr(getattr(route, inside, None), "routes", [])


@pytest.fixture(params=SERVICES)
def composed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    """The `app` module of each service and its runtime, connected to nothing."""
    service = request.param
    environment = environment_of(
        service,
        database_url="postgresql://x:x@127.0.0.1:9/x",
        issuer=TestIssuer(),
        intake_url="http://127.0.0.1:9",
        smtp_host="127.0.0.1",
        smtp_port="9",
        mail_from="slrt@example.test",
        message_provider_url="http://127.0.0.1:9",
    )
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    module = importlib.import_module(f"slrt_{service}.app")
    return module, module.build_runtime()


@pytest.fixture
def service_app(composed: tuple[Any, Any]) -> Any:
    """The application of each service, composed as in production."""
    module, runtime = composed
    return module.build_app(runtime)


def test_every_route_demands_a_permission_or_says_why_not(service_app: Any) -> None:
    found = list(routes(service_app))
    assert found, "the application has routes"
    for route in found:
        demanded = set(permissions(route.dependant))
        if not demanded:
            assert PUBLIC.search(inspect.getsource(route.endpoint)), f"{route.methods} {route.path} asks for nothing"
        assert demanded <= set(permission_table())


def is_command(dependant: Dependant) -> bool:
    """Whether a dependency, however deep, is that of `command`: it demands the key."""
    name = getattr(dependant.call, "__qualname__", "")
    return name.startswith(("command.", "upload.")) or any(is_command(inner) for inner in dependant.dependencies)


def test_every_post_goes_by_an_idempotency_key_and_every_put_by_a_version(service_app: Any) -> None:
    for route in routes(service_app):
        source = inspect.getsource(route.endpoint)
        if "PUT" in route.methods:
            assert "if_match" in source, f"PUT {route.path} overwrites what the caller has not read"
        # A search is a POST only to keep names out of addresses; a question about rules, or about what a text says,
        # keeps nothing.
        elif (
            route.methods & {"POST", "DELETE"}
            and not route.path.endswith(("/search", "/unmask", "/explain", "/parse"))
            and not PUBLIC.search(source)
        ):
            assert is_command(route.dependant), f"{route.methods} {route.path} can be done twice by a repeated request"
        assert "PATCH" not in route.methods


def test_reads_wait_for_every_consumer_of_the_service(composed: tuple[Any, Any], service_app: Any) -> None:
    module, runtime = composed
    groups = {consumer._settings.group for consumer in module.build_consumers(runtime)}
    assert groups
    assert service_app.state.arrivals.groups == groups


def test_every_route_that_knows_its_caller_takes_a_position(service_app: Any) -> None:
    documented = service_app.openapi()["paths"]
    for route in routes(service_app):
        if set(permissions(route.dependant)):
            for operation in documented["/v1" + route.path].values():
                assert "slrt-position" in {each["name"] for each in operation["parameters"]}, route.path


def test_outside_v1_there_is_only_health(service_app: Any) -> None:
    outside = {route.path for route in service_app.routes if hasattr(route, "path")}
    assert outside == HEALTH
    document = service_app.openapi()
    assert all(path.startswith("/v1/") for path in document["paths"])
    assert len(document["paths"]) == len({route.path for route in routes(service_app)}), "the walk above sees them all"


def test_the_test_sees_a_route_that_asks_for_nothing() -> None:
    from fastapi import FastAPI

    app = FastAPI()

    @app.get("/open")
    async def forgotten() -> None: ...

    (route,) = routes(app)
    assert not set(permissions(route.dependant))
    assert not PUBLIC.search(inspect.getsource(route.endpoint))
