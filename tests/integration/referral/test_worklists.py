"""Offices work from a list by due instant; whoever may gives one more time, and a pause stops what counts."""

from typing import Any
from uuid import uuid4

import pytest

from slrt_kit.clock import new_uuid7
from slrt_kit.testing import FixedClock

EXTERNAL = {"reason": "external_decision"}
MORE = {"unit": "working_days", "count": 10, "reason": "other_office"}


@pytest.fixture(autouse=True)
async def _from_an_empty_list(service: Any) -> None:
    async with service.database.statement() as connection:
        await connection.run(
            "UPDATE clocks SET state = 'stopped', stopped_at = now(), next_at = NULL, wake_at = NULL "
            "WHERE state <> 'stopped'"
        )


async def sent(service: Any, *needs: Any) -> dict[str, Any]:
    """The referral of the first need of a decided case."""
    case_id = await service.decide(*(needs or ("ADMINDUK",)))
    found: dict[str, Any] = next(iter((await service.referrals(case_id)).values()))
    return found


async def worklist(service: Any, headers: dict[str, str], **query: Any) -> list[dict[str, Any]]:
    """All that is on somebody's list."""
    answer = await service.client.get("/v1/worklists", params=query, headers=headers)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def act(
    service: Any, referral: dict[str, Any], what: str, body: Any = None, *, headers: dict[str, str] | None = None
) -> Any:
    """A command about the referral's clock, by its office unless somebody else is named."""
    path = f"/v1/referrals/{referral['referral_id']}/clock"
    officer = service.officer(referral["office_code"])
    version = (await service.client.get(path, headers=officer)).headers["ETag"]
    more = {"Idempotency-Key": str(new_uuid7()), "If-Match": version}
    return await service.client.post(f"{path}/{what}", json=body, headers={**(headers or officer), **more})


async def clock(service: Any, referral: dict[str, Any]) -> dict[str, Any]:
    """The referral's clock."""
    answer = await service.client.get(
        f"/v1/referrals/{referral['referral_id']}/clock", headers=service.officer(referral["office_code"])
    )
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def holders(service: Any, referral: dict[str, Any]) -> list[tuple[str, str | None]]:
    """Who had the referral, and why nobody."""
    async with service.database.read() as session:
        rows = await session.rows(
            "SELECT holder, reason FROM holdings WHERE held_id = %(id)s ORDER BY sequence",
            {"id": referral["referral_id"]},
        )
    return [(row.holder, row.reason) for row in rows]


async def test_an_owner_that_is_no_office_is_refused(service: Any) -> None:
    answer = await service.client.get("/v1/worklists", params={"owner": "nobody"}, headers=service.manager())
    assert answer.status_code == 422


async def test_an_office_sees_what_it_has_and_no_other_offices(service: Any) -> None:
    referral = await sent(service)
    (item,) = await worklist(service, service.officer(referral["office_code"]))
    assert (item["referral_id"], item["step"], item["owner"]) == (
        referral["referral_id"],
        "sent",
        referral["office_code"],
    )
    assert [each["code"] for each in item["reasons"]] == ["your_step"]
    assert await worklist(service, service.officer("12.74.PUPR")) == []


async def test_the_back_office_sees_all_of_its_area_and_a_manager_what_came_up(
    service: Any, fixed_clock: FixedClock
) -> None:
    referral = await sent(service)
    desk = service.issuer.headers("back_office", region="12.74")
    assert [each["referral_id"] for each in await worklist(service, desk)] == [referral["referral_id"]]
    assert await worklist(service, service.issuer.headers("back_office", region="34.04")) == []
    assert await worklist(service, service.manager()) == []
    fixed_clock.move(days=14)
    await service.timers.once()
    (item,) = await worklist(service, service.manager())
    assert (item["escalated"], item["late_seconds"] > 0) == (2, True)


async def test_a_restricted_referral_is_on_its_offices_list_alone(service: Any) -> None:
    case_id = await service.decide_restricted("ADMINDUK")
    assert await service.referrals(case_id) == {}
    (item,) = await worklist(service, service.officer("12.74.DUKCAPIL"))
    assert item["restricted"]
    assert await worklist(service, service.issuer.headers("back_office", region="12.74")) == []


async def test_an_office_pauses_its_clock_and_the_ledger_says_why(service: Any, fixed_clock: FixedClock) -> None:
    referral = await sent(service)
    before = await clock(service, referral)
    stranger = service.officer("12.74.PUPR")
    assert (await act(service, referral, "pauses", EXTERNAL, headers=stranger)).status_code == 404
    assert (await act(service, referral, "resumptions")).status_code == 409
    assert (await act(service, referral, "pauses", EXTERNAL)).status_code == 200
    assert (await act(service, referral, "pauses", EXTERNAL)).status_code == 409
    assert await holders(service, referral) == [("office", None), ("paused", "external_decision")]
    fixed_clock.move(days=7)
    answer = await act(service, referral, "resumptions")
    assert answer.status_code == 200, answer.text
    assert answer.json()["due_at"] > before["due_at"]
    assert (await holders(service, referral))[-1] == ("office", None)


async def test_the_next_step_ends_a_pause(service: Any, fixed_clock: FixedClock) -> None:
    referral = await sent(service)
    assert (await act(service, referral, "pauses", EXTERNAL)).status_code == 200
    fixed_clock.move(minutes=10)
    answer = await service.act(referral, "accept")
    assert answer.status_code == 200, answer.text
    assert ((await clock(service, referral))["state"], (await holders(service, referral))[-1]) == (
        "running",
        ("office", None),
    )


async def test_an_office_asks_for_more_time_and_the_manager_grants_it(service: Any) -> None:
    referral = await sent(service)
    assert (await act(service, referral, "extensions", MORE)).status_code == 409  # accepting is never extended
    referral = (await service.act(referral, "accept")).json()
    before = await clock(service, referral)
    assert (await act(service, referral, "extensions", MORE | {"count": 15})).status_code == 409
    answer = await act(service, referral, "extensions", MORE)
    assert answer.status_code == 200, answer.text
    asked = answer.json()["extension_id"]
    (item,) = await worklist(service, service.manager())
    assert [each["code"] for each in item["reasons"]] == ["their_step", "extension_asked"]
    assert (await act(service, referral, f"extensions/{asked}/approve")).status_code == 403
    assert (await act(service, referral, f"extensions/{uuid4()}/approve", headers=service.manager())).status_code == 404
    answer = await act(service, referral, f"extensions/{asked}/approve", headers=service.manager())
    assert answer.status_code == 200, answer.text
    assert answer.json()["due_at"] > before["due_at"]
    assert await worklist(service, service.manager()) == []


async def test_a_completed_referral_refuses_everything(service: Any) -> None:
    referral = (await service.act(await sent(service), "accept")).json()
    assert (await service.act(referral, "complete", {"outcome_code": "fulfilled"})).status_code == 200
    assert (await clock(service, referral))["state"] == "stopped"
    for what, body in (("pauses", EXTERNAL), ("resumptions", None), ("extensions", MORE)):
        assert (await act(service, referral, what, body)).status_code == 409


async def test_pages_follow_one_another(service: Any, fixed_clock: FixedClock) -> None:
    made = []
    for _ in range(5):
        made.append((await sent(service))["referral_id"])
        fixed_clock.move(minutes=1)
    seen, cursor = [], None
    officer = service.officer("12.74.DUKCAPIL")
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await service.client.get("/v1/worklists", params=query, headers=officer)).json()
        seen += [each["referral_id"] for each in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert sorted(seen) == sorted(made)
