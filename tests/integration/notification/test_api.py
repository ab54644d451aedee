"""The delivery log over HTTP: each sees the own area, page by page."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx
import pytest

from slrt_contracts.codes import NotificationChannel
from slrt_contracts.events import CaseSealed, CaseTransferred, CaseUnsealed
from slrt_kit.clock import new_uuid7
from slrt_kit.testing import TestIssuer, api_client, case_registered
from slrt_notification.app import build_app

if TYPE_CHECKING:
    from tests.integration.notification.conftest import Service

LOG = "/v1/notifications"


@pytest.fixture
async def api(service: "Service") -> AsyncIterator[httpx.AsyncClient]:
    """A client of the API."""
    async with api_client(build_app(service.runtime)) as client:
        yield client


async def registered(service: "Service", district_code: str) -> UUID:
    """Hear of a case in the district; each a minute later than the one before."""
    case_id = new_uuid7()
    service.clock.move(minutes=1)
    await service.hear(case_registered(case_id, district_code=district_code))
    return case_id


async def ask(
    api: httpx.AsyncClient, issuer: TestIssuer, *roles: str, path: str = LOG, region: str | None = None, **query: Any
) -> httpx.Response:
    """GET as somebody with these roles in this region."""
    return await api.get(path, params=query, headers=issuer.headers(*roles, region=region))


async def test_a_notification_shows_what_became_of_it_and_nothing_personal(
    service: "Service", api: httpx.AsyncClient, token_issuer: TestIssuer
) -> None:
    raw = await service.queued(NotificationChannel.EMAIL, email=None)
    await service.connector(NotificationChannel.EMAIL).process(raw)
    response = await ask(api, token_issuer, "manager", region="12.74", path=f"{LOG}/{raw.key}")
    assert response.status_code == 200
    assert response.headers["etag"] == '"2"'
    row = await service.row(raw)
    assert response.json() == {
        "notification_id": raw.key,
        "case_id": str(row["case_id"]),
        "district_code": "12.74.05",
        "channel": "email",
        "template": "case-registered",
        "cause_event_id": str(row["cause_event_id"]),
        "status": "failed",
        "reason_code": "no_contact",
        "queued_at": "2026-07-01T08:00:00Z",
        "ended_at": "2026-07-01T08:00:00Z",
    }


@pytest.mark.parametrize(
    ("roles", "region", "seen"),
    [
        (["manager"], "12.74.05", {"12.74.05"}),
        (["supervisor"], "12.74", {"12.74.05", "12.74.06"}),
        (["back_office"], "12", {"12.74.05", "12.74.06", "12.09.01"}),
        (["manager"], "12.7", set()),
        (["manager"], "12.74.0", set()),
        (["manager"], "12.74.05.1002", set()),
        (["manager"], "13", set()),
        (["manager"], None, set()),
        (["service"], None, {"12.74.05", "12.74.06", "12.09.01", None}),
        (["facilitator", "supervisor"], "12.09", {"12.09.01"}),
    ],
)
async def test_each_sees_the_notifications_of_the_own_area_and_no_other(
    service: "Service",
    api: httpx.AsyncClient,
    token_issuer: TestIssuer,
    roles: list[str],
    region: str | None,
    seen: set[str | None],
) -> None:
    districts: dict[str, str | None] = {}
    for district in ("12.74.05", "12.74.06", "12.09.01"):
        districts[str(await registered(service, district))] = district
    unknown = new_uuid7()
    async with service.database.unit_of_work() as work:
        await work.connection.run("INSERT INTO cases (case_id) VALUES (%s)", (unknown,))
        await work.connection.run(
            "INSERT INTO notifications SELECT gen_random_uuid(), 1, 1, %s, NULL, channel, template, gen_random_uuid(), "
            "caused_at, queued_at, status FROM notifications LIMIT 1",
            (unknown,),
        )
        await work.commit()
    districts[str(unknown)] = None
    listed = (await ask(api, token_issuer, *roles, region=region)).json()["items"]
    assert {item["district_code"] for item in listed} == seen
    # One by one and case by case it is the same: what is not in the list does not exist for the caller.
    everything = (await ask(api, token_issuer, "service")).json()["items"]
    for item in everything:
        one = await ask(api, token_issuer, *roles, region=region, path=f"{LOG}/{item['notification_id']}")
        assert one.status_code == (200 if item["district_code"] in seen else 404)
    for case_id, place in districts.items():
        found = (await ask(api, token_issuer, *roles, region=region, case_id=case_id)).json()["items"]
        assert bool(found) == (place in seen)
        assert {item["case_id"] for item in found} <= {case_id}


@pytest.mark.parametrize("path", [LOG, f"{LOG}/{UUID(int=1)}"])
@pytest.mark.parametrize(
    "roles",
    [[], ["resident"], ["facilitator"], ["front_office"], ["opd_officer"], ["partner"], ["leadership"], ["admin"]],
)
async def test_a_role_without_the_permission_is_refused(
    api: httpx.AsyncClient, token_issuer: TestIssuer, path: str, roles: list[str]
) -> None:
    response = await ask(api, token_issuer, *roles, region="12.74", path=path)
    assert response.status_code == 403
    assert response.json()["type"] == "urn:slrt:problem:forbidden"


async def test_nobody_gets_in_without_a_good_token(api: httpx.AsyncClient, token_issuer: TestIssuer) -> None:
    assert (await api.get(LOG)).status_code == 401
    stale = token_issuer.headers("service", ttl=-10)
    assert (await api.get(LOG, headers=stale)).json()["type"] == "urn:slrt:problem:token-expired"


async def test_pages_follow_each_other_without_gap_or_repeat_while_new_ones_come(
    service: "Service", api: httpx.AsyncClient, token_issuer: TestIssuer
) -> None:
    for _ in range(4):
        await registered(service, "12.74.05")
    before = [item["notification_id"] for item in (await ask(api, token_issuer, "service")).json()["items"]]
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await ask(api, token_issuer, "supervisor", region="12.74", limit=3, **cursor)).json()
        seen += [item["notification_id"] for item in page["items"]]
        if page["next"] is None:
            break
        assert len(page["items"]) == 3
        cursor = {"cursor": page["next"]}
        await registered(service, "12.74.05")
    assert seen == before
    assert len(seen) == 8


async def test_the_list_can_be_narrowed_by_channel_and_status(
    service: "Service", api: httpx.AsyncClient, token_issuer: TestIssuer
) -> None:
    raw = await service.queued(NotificationChannel.EMAIL)
    await service.connector(NotificationChannel.EMAIL).process(raw)
    delivered = (await ask(api, token_issuer, "service", status="delivered")).json()["items"]
    assert [item["notification_id"] for item in delivered] == [raw.key]
    waiting = (await ask(api, token_issuer, "service", channel="whatsapp")).json()["items"]
    assert [item["status"] for item in waiting] == ["queued"]


@pytest.mark.parametrize(
    ("query", "status", "slug"),
    [
        ({"case_id": "12.74"}, 422, "invalid-request"),
        ({"channel": "pigeon"}, 422, "invalid-request"),
        ({"limit": 0}, 422, "invalid-request"),
        ({"limit": 201}, 422, "invalid-request"),
        ({"cursor": "!!"}, 400, "bad-cursor"),
        ({"cursor": "WzEsMl0"}, 400, "bad-cursor"),
        ({"cursor": "WyIyMDI2LTA3LTAxIiwieCJd"}, 400, "bad-cursor"),
    ],
)
async def test_a_bad_question_is_a_problem(
    api: httpx.AsyncClient, token_issuer: TestIssuer, query: dict[str, Any], status: int, slug: str
) -> None:
    response = await ask(api, token_issuer, "service", **query)
    assert response.status_code == status
    assert response.json()["type"] == f"urn:slrt:problem:{slug}"
    assert response.headers["content-type"] == "application/problem+json"


async def test_the_service_is_ready_at_its_head_without_kafka(api: httpx.AsyncClient) -> None:
    assert (await api.get("/readyz")).text == "ready"
    assert (await api.get("/livez")).text == "ok"
    paths = (await api.get("/openapi.json")).json()["paths"]
    audit = {"/v1/audit/entries", "/v1/audit/reviews", "/v1/audit/reviews/{review_id}/close"}
    own = {path for path in paths if not path.startswith("/v1/policy/")}
    assert own == {LOG, LOG + "/{notification_id}"} | audit


@pytest.mark.parametrize("kept", ["restricted", "sealed"])
async def test_of_a_case_that_is_kept_from_most_nobody_sees_what_was_told(
    kept: str, service: "Service", api: httpx.AsyncClient, token_issuer: TestIssuer
) -> None:
    case_id = new_uuid7()
    await service.hear(case_registered(case_id, district_code="12.74.05", restricted=kept == "restricted"))
    if kept == "sealed":
        await service.hear(CaseSealed(case_id=case_id))
    [row] = await service.rows("SELECT notification_id FROM notifications WHERE channel = 'email'")
    one = f"{LOG}/{row['notification_id']}"
    assert (await ask(api, token_issuer, "manager", region="12.74")).json()["items"] == []
    assert (await ask(api, token_issuer, "manager", region="12.74", case_id=str(case_id))).json()["items"] == []
    assert (await ask(api, token_issuer, "manager", region="12.74", path=one)).status_code == 404
    assert (await ask(api, token_issuer, "service", path=one)).status_code == 200
    if kept == "sealed":
        await service.hear(CaseUnsealed(case_id=case_id))
        assert (await ask(api, token_issuer, "manager", region="12.74", path=one)).status_code == 200


async def test_what_was_told_moves_with_its_case_to_another_region(
    service: "Service", api: httpx.AsyncClient, token_issuer: TestIssuer
) -> None:
    case_id = await registered(service, "12.74.05")
    await service.hear(CaseTransferred(case_id=case_id, district_code="12.71.01"))
    assert (await ask(api, token_issuer, "manager", region="12.74")).json()["items"] == []
    assert len((await ask(api, token_issuer, "manager", region="12.71")).json()["items"]) == 2
