"""Answer the few routes that carry the load without what a framework costs; all else goes the ordinary way."""

import inspect
import typing
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from fastapi import params
from fastapi.routing import APIRoute
from pydantic import BaseModel, TypeAdapter
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from slrt_kit.http.audited import note_refusal
from slrt_kit.http.problems import problem_of, problem_response

_JSON = "application/json"


class NotFastError(TypeError):
    """A route takes something that the fast lane does not know; raised when the application is built."""


class _Read(Request):
    """A request whose body was read."""

    def __init__(self, scope: Scope, receive: Receive, content: bytes) -> None:
        super().__init__(scope, receive)
        self._content = content

    async def body(self) -> bytes:
        return self._content


@dataclass(slots=True)
class _Asked:
    """A request with its body and the values of its path."""

    request: Request
    body: bytes
    path: Mapping[str, str]
    headers: Mapping[bytes, bytes]
    """The first of each name, in lower case."""


Resolve = Callable[[_Asked], Awaitable[Any]]


class FastLane:
    """ASGI middleware that calls some routes' functions directly, with the values that FastAPI would give them.

    It takes only a request that it understands to the last detail. Whatever else comes (no token, a wrong header, a
    body that does not fit) is handed on untouched, and FastAPI says what is wrong: there is one place for that. What a
    function itself raises becomes the same problem on both ways.
    """

    def __init__(self, app: ASGIApp, *, routes: "Sequence[FastRoute]") -> None:
        self._app = app
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope.get("root_path"):
            await self._app(scope, receive, send)
            return
        for route in self._routes:
            path = route.match(scope)
            if path is not None:
                break
        else:
            await self._app(scope, receive, send)
            return
        read: list[Message] = []
        try:
            body = await _body(receive, read)
        except Exception:  # noqa: BLE001 — said by the ordinary way, as in `_answer`
            await self._app(scope, _replay(read, receive), send)
            return
        asked = _Asked(_Read(scope, receive, body), body, path, dict(reversed(scope["headers"])))
        # Only now: who takes long to send his body takes nobody's place.
        route.under_way += 1
        try:
            await self._answer(route, asked, _replay(read, receive), send)
        finally:
            route.under_way -= 1

    async def _answer(self, route: "FastRoute", asked: _Asked, receive: Receive, send: Send) -> None:
        """``receive`` gives the request from its beginning."""
        scope = asked.request.scope
        try:
            values = await route.values(asked)
        except Exception:  # noqa: BLE001 — whatever is wrong with the request is said by the ordinary way
            await self._app(scope, receive, send)
            return
        scope["route"] = route.route
        try:
            response = route.response(await route.route.endpoint(**values))
        except Exception as error:
            problem = problem_of(error)
            if problem is None:
                raise
            await note_refusal(asked.request, problem)
            response = problem_response(asked.request, problem)
        await response(scope, receive, send)


class FastRoute:
    """A route, and how to get what its function takes."""

    def __init__(self, path: str, route: APIRoute, limit: int | None = None) -> None:
        """``path`` is the whole path, with the prefix under which the route is included.

        ``limit`` is how many requests it works on at a time: see `slrt_kit.http.overload`.

        Raises:
            NotFastError: it takes what only FastAPI can give.
        """
        self.route = route
        self.path = path
        self.limit = limit
        self.under_way = 0
        self._pattern, _, convertors = compile_path(path)
        self.methods = route.methods or set()
        self._resolve = _resolvers(route.endpoint, frozenset(convertors))

    @property
    def is_full(self) -> bool:
        """Whether it works on as many requests as it may."""
        return self.limit is not None and self.under_way >= self.limit

    def match(self, scope: Scope) -> Mapping[str, str] | None:
        """The values of the path; None when it is another route's."""
        if scope["method"] not in self.methods:
            return None
        found = self._pattern.match(scope["path"])
        return None if found is None else found.groupdict()

    async def values(self, asked: _Asked) -> dict[str, Any]:
        """The arguments of the route's function. Raises whatever is wrong with the request."""
        return {name: await resolve(asked) for name, resolve in self._resolve.items()}

    def response(self, result: Response | BaseModel) -> Response:
        """What the function gave, as a response."""
        if isinstance(result, Response):
            return result
        return Response(result.model_dump_json(by_alias=True), self.route.status_code or 200, media_type=_JSON)


def _resolvers(function: Callable[..., Any], path_names: frozenset[str]) -> dict[str, Resolve]:
    hinted = function if inspect.isroutine(function) else type(function).__call__
    hints = typing.get_type_hints(hinted, include_extras=True)
    return {
        name: _resolver(name, hints.get(name), parameter.default, path_names)
        for name, parameter in inspect.signature(function).parameters.items()
    }


def _resolver(name: str, annotation: Any, default: Any, path_names: frozenset[str]) -> Resolve:
    extras = getattr(annotation, "__metadata__", ())
    for extra in extras:
        if isinstance(extra, params.Depends) and extra.dependency is not None:
            return _of_dependency(extra.dependency, path_names)
        if isinstance(extra, params.Header):
            return _of_header(name.replace("_", "-").encode(), annotation, default)
    if annotation in (Request, HTTPConnection):
        return _the_request
    if name in path_names:
        return _of_path(name, annotation)
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        return _of_body(annotation)
    raise NotFastError(f"{name}: {annotation}")


async def _the_request(asked: _Asked) -> Request:
    return asked.request


def _of_dependency(dependency: Callable[..., Any], path_names: frozenset[str]) -> Resolve:
    call = dependency if inspect.isroutine(dependency) else type(dependency).__call__
    if not inspect.iscoroutinefunction(call):
        raise NotFastError(f"{dependency} is no coroutine function")
    inner = tuple(_resolvers(dependency, path_names).items())

    async def resolve(asked: _Asked) -> Any:
        return await dependency(**{name: await each(asked) for name, each in inner})

    return resolve


def _of_header(name: bytes, annotation: Any, default: Any) -> Resolve:
    adapter: TypeAdapter[Any] = TypeAdapter(annotation)
    if default is inspect.Parameter.empty:
        raise NotFastError(f"header {name!r} has no default")

    async def resolve(asked: _Asked) -> Any:
        given = asked.headers.get(name)
        return default if given is None else adapter.validate_python(given.decode("latin-1"))

    return resolve


def _of_path(name: str, annotation: Any) -> Resolve:
    adapter: TypeAdapter[Any] = TypeAdapter(annotation)

    async def resolve(asked: _Asked) -> Any:
        return adapter.validate_python(asked.path[name])

    return resolve


def _of_body(model: type[BaseModel]) -> Resolve:
    async def resolve(asked: _Asked) -> BaseModel:
        if asked.headers.get(b"content-type") != _JSON.encode():
            raise ValueError(_JSON)
        # A parser that takes a little less than FastAPI's, and the same rules on what it gives.
        return model.model_validate(orjson.loads(asked.body))

    return resolve


async def _body(receive: Receive, read: list[Message]) -> bytes:
    """The whole body; ``read`` keeps the messages, also when reading fails in the middle.

    Raises:
        HTTPException: the body is too large. ConnectionError: the caller has gone.
    """
    parts = []
    more = True
    while more:
        message = await receive()
        read.append(message)
        if message["type"] != "http.request":
            raise ConnectionError
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


def _replay(messages: list[Message], receive: Receive) -> Receive:
    """What was read, and then what still comes."""

    async def again() -> Message:
        return messages.pop(0) if messages else await receive()

    return again
