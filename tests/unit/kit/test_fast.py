"""The fast lane takes only routes whose every value it knows how to get; that is found out when the app is built."""

from collections.abc import Callable
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.routing import APIRoute

from slrt_kit.http.fast import FastRoute, NotFastError


def plain() -> int:
    return 1


async def asks_for_more(page: Annotated[int, Query()] = 1) -> int:
    return page


async def with_a_query(request: Request, page: int = 1) -> None: ...


async def with_a_thread(value: Annotated[int, Depends(plain)]) -> None: ...


async def with_a_needed_header(purpose: Annotated[str, Header()]) -> None: ...


async def with_a_query_further_in(value: Annotated[int, Depends(asks_for_more)]) -> None: ...


async def known(
    case_id: str, request: Request, purpose: Annotated[str | None, Header(max_length=3)] = None
) -> dict[str, Any]:
    return {"case_id": case_id}


def route_of(endpoint: Callable[..., Any]) -> APIRoute:
    router = APIRouter()
    router.get("/cases/{case_id}", response_model=None)(endpoint)
    (route,) = router.routes
    assert isinstance(route, APIRoute)
    return route


@pytest.mark.parametrize("endpoint", [with_a_query, with_a_thread, with_a_needed_header, with_a_query_further_in])
def test_a_route_that_takes_anything_else_is_refused(endpoint: Callable[..., Any]) -> None:
    with pytest.raises(NotFastError):
        FastRoute("/v1/cases/{case_id}", route_of(endpoint))


@pytest.mark.parametrize(
    ("method", "path", "found"),
    [
        ("GET", "/v1/cases/7", {"case_id": "7"}),
        ("POST", "/v1/cases/7", None),
        ("GET", "/v1/cases/7/", None),
        ("GET", "/v1/cases/7/contact", None),
        ("GET", "/v1/cases/", None),
        ("GET", "/cases/7", None),
    ],
)
def test_only_its_own_method_and_whole_path_are_a_routes(method: str, path: str, found: dict[str, str] | None) -> None:
    route = FastRoute("/v1/cases/{case_id}", route_of(known))
    assert route.match({"method": method, "path": path}) == found
