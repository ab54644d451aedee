"""The docs application: unknown addresses and gateway errors are problem documents, the page loads nothing foreign."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from slrt_local.outside import load_docs_app


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=load_docs_app()), base_url="http://docs") as it:
        yield it


@pytest.mark.parametrize(
    "path", ["/", "/intake/metrics", "/docs/x.js", "/docs/..%2Fdocs_app.py", "/docs/docs.js/x", "/problems/x"]
)
async def test_an_unknown_address_is_a_problem_document(path: str, client: httpx.AsyncClient) -> None:
    for method in ("GET", "POST", "DELETE"):
        if method != "GET" and path.startswith("/docs/"):
            continue
        answer = await client.request(method, path)
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["type"] == "urn:slrt:problem:not-found"


@pytest.mark.parametrize(
    ("status", "slug", "retry"),
    [
        (413, "body-too-large", None),
        (502, "bad-gateway", "5"),
        (504, "gateway-timeout", "5"),
    ],
)
async def test_gateway_errors_have_a_type_a_title_and_a_retry_time(
    status: int, slug: str, retry: str | None, client: httpx.AsyncClient
) -> None:
    answer = await client.post(f"/problems/{status}", headers={"Accept-Language": "en", "X-Request-Id": "r-1"})
    assert answer.status_code == status
    assert answer.json()["type"] == f"urn:slrt:problem:{slug}"
    assert answer.json()["request_id"] == "r-1"
    assert answer.headers.get("retry-after") == retry
    assert answer.headers["content-language"] == "en"
    indonesian = await client.get(f"/problems/{status}")
    assert indonesian.headers["content-language"] == "id"
    assert indonesian.json()["title"] != answer.json()["title"]


async def test_the_document_is_whatever_file_is_there(
    client: httpx.AsyncClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "openapi.json"
    monkeypatch.setenv("SLRT_DOCS_OPENAPI", str(file))
    assert (await client.get("/openapi.json")).status_code == 404
    file.write_text('{"openapi": "3.1.0"}')
    answer = await client.get("/openapi.json")
    assert answer.json() == {"openapi": "3.1.0"}
    assert answer.headers["content-type"] == "application/json"


async def test_the_page_loads_only_from_its_own_address_and_has_no_inline_script(client: httpx.AsyncClient) -> None:
    page = await client.get("/docs")
    assert page.status_code == 200
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert addresses
    assert all(address.startswith("/") and not address.startswith("//") for address in addresses)
    assert re.findall(r"<script(?![^>]*\bsrc=)", page.text) == []
    assert (await client.get("/docs/docs.js")).status_code == 200
