"""Serve the merged API document, its page, and the problem documents the gateway answers with.

A small ASGI application beside the gateway: the local stack mounts it, containers run it with
``uvicorn --app-dir deploy/gateway docs_app:app``. Nothing on the page comes from another host: Swagger UI
(Apache-2.0) is the copy inside the ``fastapi-offline`` package; its import is not needed, only its files.
"""

import importlib.util
import os
from http import HTTPStatus
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

HERE = Path(__file__).resolve().parent
DOCUMENT_VARIABLE = "SLRT_DOCS_OPENAPI"
_OWN = ("docs.js", "docs.css")
_VENDORED = ("swagger-ui-bundle.js", "swagger-ui.css", "favicon.png")
_ANY_METHOD = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

# status: slug, Indonesian title, English title, seconds after which another try makes sense
PROBLEMS: dict[int, tuple[str, str, str, int | None]] = {
    404: ("not-found", "Alamat ini tidak ada", "There is nothing at this address", None),
    413: ("body-too-large", "Isi permintaan terlalu besar", "The body is too large", None),
    502: ("bad-gateway", "Layanan sedang tidak dapat dihubungi", "The service cannot be reached now", 5),
    504: ("gateway-timeout", "Layanan terlalu lama menjawab", "The service took too long to answer", 5),
}


def assets() -> Path | None:
    """The folder of the Swagger UI files, None when the package that brings them is not installed."""
    package = importlib.util.find_spec("fastapi_offline")
    return Path(package.origin).parent / "static" if package and package.origin else None


def problem(request: Request, status: int) -> Response:
    """A problem document (RFC 9457) of the shape the services use."""
    slug, indonesian, english, retry_after = PROBLEMS[status]
    is_english = request.headers.get("accept-language", "").split(",")[0].strip().lower().startswith("en")
    headers = {"Content-Language": "en" if is_english else "id", "Cache-Control": "no-store"}
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    body: dict[str, object] = {
        "type": f"urn:slrt:problem:{slug}",
        "title": english if is_english else indonesian,
        "status": status,
    }
    if request_id := request.headers.get("x-request-id"):
        body["request_id"] = request_id
    return JSONResponse(body, status, headers, media_type="application/problem+json")


async def problem_page(request: Request) -> Response:
    """What the gateway shows instead of its own answer with that status."""
    status = request.path_params["status"]
    return problem(request, status if status in PROBLEMS else HTTPStatus.NOT_FOUND)


async def nothing_here(request: Request) -> Response:
    """Any other address."""
    return problem(request, HTTPStatus.NOT_FOUND)


def openapi(request: Request) -> Response:
    """The merged OpenAPI document, whatever file is there now."""
    file = Path(os.environ.get(DOCUMENT_VARIABLE) or HERE / "openapi.json")
    if not file.is_file():
        return problem(request, HTTPStatus.NOT_FOUND)
    return FileResponse(file, media_type="application/json", headers={"Cache-Control": "no-cache"})


async def page(_request: Request) -> Response:
    """The page that shows the document."""
    return FileResponse(HERE / "docs" / "index.html", media_type="text/html")


def asset(request: Request) -> Response:
    """One file of the page: only the names listed above."""
    name, vendored = request.path_params["name"], assets()
    if name in _OWN:
        return FileResponse(HERE / "docs" / name)
    if name in _VENDORED and vendored and (vendored / name).is_file():
        return FileResponse(vendored / name, headers={"Cache-Control": "max-age=86400"})
    return problem(request, HTTPStatus.NOT_FOUND)


async def ready(_request: Request) -> Response:
    """Liveness and readiness: there is nothing to wait for."""
    return JSONResponse({"status": "ok"})


ROUTES = [
    Route("/livez", ready),
    Route("/readyz", ready),
    Route("/openapi.json", openapi),
    Route("/docs", page),
    Route("/docs/{name}", asset),
    Route("/problems/{status:int}", problem_page, methods=_ANY_METHOD),
    Route("/{path:path}", nothing_here, methods=_ANY_METHOD),
]

app = Starlette(routes=ROUTES)
