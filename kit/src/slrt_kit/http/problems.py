"""Answer every failure as RFC 9457 problem+json with a stable type and a sentence in the caller's language."""

import re
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from slrt_kit.db import DATABASE_DOWN, StaleVersionError
from slrt_kit.http.audited import note_refusal
from slrt_kit.logs import get_logger
from slrt_kit.problems import (
    InternalError,
    InvalidRequestError,
    MalformedJsonError,
    NotFoundError,
    ProblemError,
    ServiceUnavailableError,
    StaleError,
    Text,
)

log = get_logger(__name__)

LANGUAGES = ("id", "en")
"""Of what is said to people; the first where nothing else is asked for."""
_WEIGHT = re.compile(r"q=([01](?:\.[0-9]{0,3})?)")

PROBLEM_TYPE_PREFIX = "urn:slrt:problem:"


class Problem(BaseModel):
    """RFC 9457: what went wrong, with a stable type."""

    type: str = Field(examples=["urn:slrt:problem:not-found"])
    title: str
    status: int
    detail: str | None = None
    request_id: str | None = None


_PROBLEM_CONTENT = {"application/problem+json": {"schema": Problem.model_json_schema()}}
PROBLEM_RESPONSES: dict[int | str, dict[str, Any]] = {
    "4XX": {"description": "The request was refused; nothing was changed.", "content": _PROBLEM_CONTENT},
    "422": {"description": "The request does not fit; nothing was changed.", "content": _PROBLEM_CONTENT},
    "503": {"description": "Nothing can be stored at the moment; see Retry-After.", "content": _PROBLEM_CONTENT},
}
"""What every route may answer besides its own."""


def language_of(request: Request) -> str:
    """``"en"`` or ``"id"`` by Accept-Language (RFC 9110 section 12.5.4); Indonesian unless English is preferred."""
    wanted: dict[str, float] = {}
    for part in request.headers.get("accept-language", "").lower().split(","):
        tag, _, weight = part.partition(";")
        language = tag.strip().partition("-")[0]
        found = _WEIGHT.fullmatch(weight.strip())
        if language in LANGUAGES and (found or not weight):
            wanted.setdefault(language, float(found[1]) if found else 1.0)
    ranked = sorted((item for item in wanted.items() if item[1] > 0), key=lambda item: -item[1])
    return ranked[0][0] if ranked else LANGUAGES[0]


def problem_response(request: Request, problem: ProblemError) -> Response:
    """The problem as a response, in the caller's language."""
    language = language_of(request)
    body: dict[str, Any] = {
        "type": PROBLEM_TYPE_PREFIX + problem.slug,
        "title": getattr(problem.title, language),
        "status": problem.status,
    }
    if problem.detail is not None:
        body["detail"] = getattr(problem.detail, language)
    body |= problem.extra
    request_id = getattr(request.state, "request_id", None)
    if request_id:
        body["request_id"] = request_id
    headers = {"Content-Language": language, **problem.headers}
    return Response(orjson.dumps(body), problem.status, headers, media_type="application/problem+json")


_HTTP_TITLES = {
    401: Text("Masuk terlebih dahulu", "Sign in first"),
    404: NotFoundError.title,
    405: Text("Metode tidak tersedia di alamat ini", "This address does not take that method"),
    413: Text("Isi permintaan terlalu besar", "The body is too large"),
    415: Text("Kirim sebagai application/json", "Send it as application/json"),
}
_HTTP_SLUGS = {
    404: "not-found",
    405: "method-not-allowed",
    413: "body-too-large",
    415: "unsupported-media-type",
}


def _from_http(error: HTTPException) -> ProblemError:
    if error.status_code == MalformedJsonError.status:
        # The framework's answer to what no JSON parser takes: no UTF-8, endless nesting, a number of 5,000 digits.
        return MalformedJsonError()
    title = _HTTP_TITLES.get(error.status_code, Text(str(error.detail), str(error.detail)))
    slug = _HTTP_SLUGS.get(error.status_code, f"http-{error.status_code}")
    kind = type("HttpProblem", (ProblemError,), {"slug": slug, "status": error.status_code, "title": title})
    problem: ProblemError = kind()
    problem.headers = dict(error.headers or {})
    return problem


def _from_validation(error: RequestValidationError) -> ProblemError:
    found = error.errors()
    if any(e["type"] == "json_invalid" for e in found):
        return MalformedJsonError()
    # The value that was sent is left out on purpose: it may be somebody's number.
    errors = [
        {"pointer": "/" + "/".join(str(part) for part in e["loc"]), "code": e["type"], "detail": e["msg"]}
        for e in found
    ]
    return InvalidRequestError(errors=errors)


def problem_of(error: Exception) -> ProblemError | None:
    """The expected failure that an exception is; None for a fault of ours."""
    if isinstance(error, ProblemError):
        return error
    if isinstance(error, StaleVersionError):
        return StaleError()
    if isinstance(error, RequestValidationError):
        return _from_validation(error)
    if isinstance(error, HTTPException):
        return _from_http(error)
    if isinstance(error, DATABASE_DOWN):
        log.warning("database is away", error=type(error).__name__)
        return ServiceUnavailableError()
    return None


def install_problem_handlers(app: FastAPI) -> None:
    """Turn every exception that can leave a route into a problem."""

    async def _expected(request: Request, error: Exception) -> Response:
        problem = problem_of(error)
        if problem is None:
            raise error
        await note_refusal(request, problem)
        return problem_response(request, problem)

    for kind in (ProblemError, StaleVersionError, RequestValidationError, HTTPException, *DATABASE_DOWN):
        app.add_exception_handler(kind, _expected)

    @app.exception_handler(Exception)
    async def _bug(request: Request, _error: Exception) -> Response:
        # Starlette re-raises after this answer, so the server logs the stack too.
        response = problem_response(request, InternalError())
        # This one is answered outside our middleware, which marks all others.
        response.headers["X-Request-Id"] = getattr(request.state, "request_id", "")
        return response
