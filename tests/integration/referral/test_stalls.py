"""Referrals that could not go on are found by one look, told, and over by themselves."""

from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import orjson
import pytest

from slrt_kit.clock import new_uuid7
from slrt_kit.clocks.starting import start_missing
from slrt_kit.testing import FixedClock, packaged_deadlines
from slrt_referral.store.stalls import CLOCKLESS

PLACES = {"supervisor": "12.74", "manager": "12.74", "head_of_office": "12.74", "province_desk": "12"}


@pytest.fixture(autouse=True)
async def _healthy(service: Any) -> AsyncIterator[None]:
    """Everybody above the offices is on duty, and nothing is held up."""
    await change(service, "TRUNCATE stalls, duties, clocks CASCADE")
    for role in PLACES:
        await on_duty(service, role)
    yield
    await change(service, "TRUNCATE stalls, duties, clocks CASCADE")


async def change(service: Any, statement: str, **values: Any) -> None:
    async with service.database.statement() as connection:
        await connection.run(statement, values)


async def rows(service: Any, query: str, **values: Any) -> list[Any]:
    async with service.database.read() as session:
        return list(await session.rows(query, values))


async def on_duty(service: Any, role: str) -> None:
    values = {"duty_id": new_uuid7(), "role": role, "area_code": PLACES[role], "first_day": date(2020, 1, 1)}
    await change(
        service,
        "INSERT INTO duties (duty_id, officer_id, role, area_code, first_day) "
        "VALUES (%(duty_id)s, %(duty_id)s, %(role)s, %(area_code)s, %(first_day)s)",
        **values,
    )


async def held_up(service: Any) -> list[str]:
    """The kinds of what lasts."""
    return [row.kind for row in await rows(service, "SELECT kind FROM stalls WHERE ended_at IS NULL ORDER BY kind")]


async def told(service: Any, fact: str) -> list[dict[str, Any]]:
    found = await rows(service, "SELECT headers, payload FROM outbox ORDER BY seq")
    return [orjson.loads(row.payload) for row in found if f".{fact}." in dict(row.headers)["ce_type"]]


async def sent(service: Any, *needs: Any) -> dict[str, dict[str, Any]]:
    """The referrals of a decided case, by need."""
    found: dict[str, dict[str, Any]] = await service.referrals(await service.decide(*(needs or ("ADMINDUK",))))
    return found


async def test_where_all_is_well_nothing_is_held_up(service: Any) -> None:
    await sent(service, "ADMINDUK", "PIP", "JALAN")
    referral = (await sent(service))["ADMINDUK"]
    accepted = (await service.act(referral, "accept")).json()
    await service.act(accepted, "start")
    assert await service.stalls.once() == 0
    assert await held_up(service) == []


async def test_a_referral_whose_office_exists_no_more_is_told_until_it_does(service: Any) -> None:
    referral = (await sent(service))["ADMINDUK"]
    await change(service, "UPDATE clocks SET owner = '12.74.GONE'")
    await service.stalls.once()
    assert "no_owner" in await held_up(service)
    said = next(each for each in await told(service, "referral-stalled") if each["kind"] == "no_owner")
    assert (said["referral_id"], said["step"], said["owner"]) == (referral["referral_id"], "sent", "office")
    await change(service, "UPDATE clocks SET owner = %(office)s", office=referral["office_code"])
    await service.stalls.once()
    assert await held_up(service) == []
    assert said["stall_id"] in {each["stall_id"] for each in await told(service, "referral-stall-ended")}


async def test_a_referral_without_its_clock_is_found(service: Any) -> None:
    await sent(service)
    await change(service, "DELETE FROM clocks")
    await service.stalls.once()
    assert await held_up(service) == ["no_clock"]


async def test_a_referral_in_a_step_that_has_no_exit_is_found(service: Any) -> None:
    await sent(service)
    await change(service, "UPDATE referrals SET policy_version = '00:9999'")
    await service.stalls.once()
    assert "no_next_action" in await held_up(service)
    await change(service, "UPDATE referrals SET policy_version = '00:1,12:1,12.74:1'")
    await service.stalls.once()
    assert await held_up(service) == []


async def test_a_pause_whose_end_nobody_would_hear_of_is_found(service: Any) -> None:
    await sent(service)
    await change(
        service,
        "UPDATE clocks SET state = 'paused', next_at = NULL, wake_at = NULL, "
        """pauses = '[{"since": "2026-07-01T08:00:00Z", "until": null, "reason": "the_moon"}]'""",
    )
    await service.stalls.once()
    assert await held_up(service) == ["endless_pause"]
    await change(
        service, "UPDATE clocks SET pauses = replace(CAST(pauses AS text), 'the_moon', 'external_decision')::jsonb"
    )
    await service.stalls.once()
    assert await held_up(service) == []


async def test_a_draft_that_waits_for_what_has_ended_is_found(service: Any) -> None:
    found = await sent(service, "ADMINDUK", "PIP")
    await service.stalls.once()
    assert await held_up(service) == []
    await change(service, "UPDATE referrals SET waiting_on = '{}' WHERE status = 'draft'")
    await service.stalls.once()
    assert await held_up(service) == ["not_on_its_way"]
    (said,) = await told(service, "referral-stalled")
    assert (said["referral_id"], said["need_id"]) == (found["PIP"]["referral_id"], found["PIP"]["need_id"])
    await change(
        service,
        "UPDATE referrals SET waiting_on = ARRAY[CAST(%(first)s AS uuid)] WHERE status = 'draft'",
        first=found["ADMINDUK"]["referral_id"],
    )
    await service.stalls.once()
    assert await held_up(service) == []


async def test_what_was_declined_and_went_nowhere_is_found(service: Any) -> None:
    await sent(service)
    await change(service, "UPDATE referrals SET status = 'declined'")
    await service.stalls.once()
    assert "not_on_its_way" in await held_up(service)


async def test_a_referral_of_which_nobody_above_would_hear_is_found(service: Any) -> None:
    await sent(service)
    await change(service, "DELETE FROM duties WHERE role = 'manager'")
    await service.stalls.once()
    assert await held_up(service) == ["no_escalation"]
    await on_duty(service, "manager")
    await service.stalls.once()
    assert await held_up(service) == []


async def test_an_effect_that_fails_for_good_is_found(service: Any) -> None:
    await sent(service)
    await change(service, "UPDATE clocks SET attempts = 5")
    await service.stalls.once()
    assert await held_up(service) == ["effect_failing"]
    await change(service, "UPDATE clocks SET attempts = 0")
    await service.stalls.once()
    assert await held_up(service) == []


async def test_a_regency_without_a_roster_is_told_once(service: Any) -> None:
    await sent(service, "ADMINDUK", "JALAN")
    await change(service, "DELETE FROM duties")
    await service.stalls.once()
    assert await held_up(service) == ["no_roster"]
    assert await told(service, "referral-stalled") == []


async def test_what_is_restricted_is_told_on_the_twin_of_the_topic(service: Any) -> None:
    await service.decide_restricted("ADMINDUK")
    await change(service, "DELETE FROM clocks")
    await service.stalls.once()
    topics = await rows(service, "SELECT topic, headers FROM outbox ORDER BY seq DESC LIMIT 1")
    assert topics[0].topic == "slrt.referral.restricted.v1"


async def test_an_office_reads_what_of_its_own_is_held_up(service: Any) -> None:
    referral = (await sent(service, "ADMINDUK", "JALAN"))["ADMINDUK"]
    await change(service, "DELETE FROM clocks")
    await service.stalls.once()
    answer = await service.client.get("/v1/stalls", headers=service.officer(referral["office_code"]))
    assert answer.status_code == 200, answer.text
    (item,) = answer.json()["items"]
    assert (item["subject_id"], item["kind"], item["step"]) == (referral["referral_id"], "no_clock", "sent")
    answer = await service.client.get("/v1/stalls?limit=1", headers=service.manager())
    assert len(answer.json()["items"]) == 1
    rest = await service.client.get(f"/v1/stalls?cursor={answer.json()['next']}", headers=service.manager())
    assert (len(rest.json()["items"]), rest.json()["next"]) == (1, None)
    elsewhere = await service.client.get("/v1/stalls", headers=service.manager(region="12.71", office="12.71.SLRT"))
    assert elsewhere.json()["items"] == []


async def test_clocks_that_are_missing_are_started_from_when_the_office_got_it(
    service: Any, fixed_clock: FixedClock
) -> None:
    found = await sent(service, "ADMINDUK", "PIP", "JALAN")
    fixed_clock.move(minutes=30)
    accepted = (await service.act(found["JALAN"], "accept")).json()
    fixed_clock.move(minutes=30)
    await service.act(accepted, "start")
    clocks = (
        "SELECT subject_id, step, owner, started_at, due_at FROM clocks WHERE state <> 'stopped' ORDER BY subject_id"
    )
    before = await rows(service, clocks)
    assert [row.step for row in before] == ["sent", "in_service"]
    await change(service, "DELETE FROM clocks")
    # A machine took the notice meanwhile: the office has no more time for that.
    await change(service, "UPDATE referrals SET status = 'received' WHERE status = 'sent'")
    fixed_clock.move(minutes=30)
    for started in (2, 0):
        done = await start_missing(service.database, packaged_deadlines("referral"), CLOCKLESS)
        assert (done.started, done.from_now) == (started, 0)
    assert await rows(service, clocks) == before
    await service.stalls.once()
    assert await held_up(service) == []
