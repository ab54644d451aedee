"""The list of revocations from a played admin API: what fails is told as such, never as an empty list."""

import importlib.util
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from pydantic import SecretStr

from slrt_kit.http.revocations import RevocationList
from slrt_kit.testing import PlayedHttp

NOW = 1_800_000_000.0


class Admin:
    """As much of Keycloak as is asked."""

    def __init__(self) -> None:
        self.realm: dict[str, Any] = {"notBefore": 0, "accessTokenLifespan": 900}
        self.clients: list[dict[str, Any]] = [{"clientId": "slrt-web", "enabled": True, "notBefore": 0}]
        self.admin_events: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        self.asked: list[httpx.URL] = []
        self.token = "first"
        self.fails: dict[str, httpx.Response] = {}

    def answer(self, request: httpx.Request) -> httpx.Response:
        """What it says."""
        self.asked.append(request.url)
        name = request.url.path.removeprefix("/identity/admin/realms/slrt").strip("/") or "realm"
        if request.url.path.endswith("/token"):
            return self.fails.get("token", httpx.Response(200, json={"access_token": self.token}))
        if request.headers["Authorization"] != f"Bearer {self.token}":
            return httpx.Response(401)
        if name in self.fails:
            return self.fails[name]
        query = {key: values[0] for key, values in parse_qs(request.url.query.decode()).items()}
        if name in ("admin-events", "events"):
            found = self.admin_events if name == "admin-events" else self.events
            return httpx.Response(200, json=found[int(query["first"]) :][: int(query["max"])])
        return httpx.Response(200, json=self.realm if name == "realm" else self.clients)


@pytest.fixture(scope="module")
def side() -> Any:
    path = Path(__file__).resolve().parents[3] / "deploy" / "side" / "revocations.py"
    spec = importlib.util.spec_from_file_location("slrt_side_revocations", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def admin() -> Admin:
    return Admin()


@pytest.fixture
def keycloak(side: Any, admin: Admin) -> Any:
    client = PlayedHttp(httpx.MockTransport(admin.answer))
    return side.Keycloak(
        base_url="http://keycloak.test/identity",
        realm="slrt",
        client_id="slrt-revocations",
        client_secret=SecretStr("secret"),
        client=client,
    )


@pytest.mark.parametrize("name", ["token", "realm", "clients", "admin-events", "events"])
@pytest.mark.parametrize("status", [302, 401, 403, 404, 500, 503])
async def test_what_keycloak_does_not_answer_makes_no_list(
    side: Any, admin: Admin, keycloak: Any, name: str, status: int
) -> None:
    admin.fails[name] = httpx.Response(status)
    with pytest.raises(side.KeycloakAwayError):
        await keycloak.revocations(now=NOW)
    transport = httpx.ASGITransport(side.build_app(keycloak))
    async with httpx.AsyncClient(transport=transport, base_url="http://side.test") as client:
        assert (await client.get("/revocations.json")).status_code == 503


async def test_more_events_than_can_be_read_make_no_list(side: Any, admin: Admin, keycloak: Any) -> None:
    admin.events = [{"userId": "a", "time": 1000}] * (side._PAGE * side._MOST_PAGES + 1)
    with pytest.raises(side.KeycloakAwayError):
        await keycloak.revocations(now=NOW)


async def test_what_was_done_to_people_clients_and_the_realm_is_the_list(admin: Admin, keycloak: Any) -> None:
    admin.realm["notBefore"] = 50
    admin.clients += [
        {"clientId": "slrt-intake", "enabled": True, "notBefore": 70},
        {"clientId": "partner", "enabled": False, "notBefore": 0},
    ]
    admin.admin_events = [
        {"resourcePath": "users/kader-1", "time": 100_999},
        {"resourcePath": "users/kader-1/role-mappings/realm", "time": 200_001},
        {"resourcePath": "clients/slrt-web", "time": 300_000},
        {"resourcePath": "users", "time": 300_000},
        {"time": 300_000},
    ]
    admin.events = [{"userId": "kader-2", "time": 5_000}, {"userId": None, "time": 6_000}]
    found = await keycloak.revocations(now=NOW)
    assert found["subjects"] == {"kader-1": 201, "kader-2": 6}
    assert found["clients"]["slrt-intake"] == 70
    assert found["clients"]["partner"] > NOW
    assert "slrt-web" not in found["clients"]
    assert RevocationList.parse(found).everyone == 50


async def test_events_are_asked_for_as_far_back_as_a_token_lives_and_to_the_last_page(
    side: Any, admin: Admin, keycloak: Any
) -> None:
    admin.clients[0]["attributes"] = {"access.token.lifespan": "3600"}
    admin.events = [{"userId": f"kader-{number}", "time": 1000} for number in range(side._PAGE + 1)]
    assert len((await keycloak.revocations(now=NOW))["subjects"]) == side._PAGE + 1
    asked = [parse_qs(url.query.decode()) for url in admin.asked if url.path.endswith("/events")]
    assert {query["dateFrom"][0] for query in asked} == {str(int((NOW - 3660) * 1000))}
    assert set(asked[0]["type"]) >= {"LOGOUT", "UPDATE_PASSWORD"}


async def test_its_own_token_is_renewed_when_it_is_over(admin: Admin, keycloak: Any) -> None:
    await keycloak.revocations(now=NOW)
    admin.token = "second"
    await keycloak.revocations(now=NOW)
    assert sum(url.path.endswith("/token") for url in admin.asked) == 2


async def test_keycloak_is_asked_once_for_many_services(side: Any, admin: Admin, keycloak: Any) -> None:
    transport = httpx.ASGITransport(side.build_app(keycloak))
    async with httpx.AsyncClient(transport=transport, base_url="http://side.test") as client:
        first = await client.get("/revocations.json")
        asked = len(admin.asked)
        same = await client.get("/revocations.json", headers={"If-None-Match": first.headers["etag"]})
    assert (first.status_code, same.status_code, len(admin.asked)) == (200, 304, asked)
