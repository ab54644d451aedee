"""An office has so long to accept and so long to be heard of; what a machine notes gives it no more time."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from slrt_contracts.events.intake import CaseDecided
from slrt_kit.clock import new_uuid7
from slrt_kit.testing import FixedClock
from slrt_referral import usecases


async def clocks(service: Any, referral_id: str) -> list[Any]:
    """All clocks of a referral, oldest first."""
    async with service.database.read() as session:
        return list(
            await session.rows(
                "SELECT step, owner_kind, owner, sla_class, state, started_at, due_at FROM clocks "
                "WHERE subject_id = %(id)s ORDER BY started_at, state DESC",
                {"id": referral_id},
            )
        )


async def running(service: Any, referral_id: str) -> Any:
    """The one clock that runs."""
    (found,) = [each for each in await clocks(service, referral_id) if each.state == "running"]
    return found


async def sent(service: Any, *needs: Any) -> dict[str, Any]:
    """The referral of the first need of a decided case."""
    case_id = await service.decide(*(needs or ("ADMINDUK",)))
    found: dict[str, Any] = next(iter((await service.referrals(case_id)).values()))
    return found


async def test_an_office_has_three_working_days_to_accept(service: Any, fixed_clock: FixedClock) -> None:
    referral = await sent(service)
    clock = await running(service, referral["referral_id"])
    assert (clock.owner_kind, clock.owner) == ("office", referral["office_code"])
    assert (clock.step, clock.sla_class, clock.started_at) == ("sent", "owner-acceptance", fixed_clock.now())


async def test_what_is_urgent_has_one(service: Any) -> None:
    referral = await sent(service, {"need_code": "PBI-JK", "urgent": True})
    assert (await running(service, referral["referral_id"])).sla_class == "urgent"


async def test_a_draft_that_waits_has_no_clock_until_it_is_sent(service: Any) -> None:
    case_id = await service.decide("ADMINDUK", "PIP")
    found = await service.referrals(case_id)
    assert await clocks(service, found["PIP"]["referral_id"]) == []
    first = found["ADMINDUK"]
    accepted = (await service.act(first, "accept")).json()
    done = await service.act(accepted, "complete", {"outcome_code": "fulfilled"})
    assert done.status_code == 200, done.text
    assert (await running(service, found["PIP"]["referral_id"])).step == "sent"


async def test_a_machine_that_takes_the_notice_gives_the_office_no_more_time(
    service: Any, fixed_clock: FixedClock
) -> None:
    referral = await sent(service)
    before = await running(service, referral["referral_id"])
    fixed_clock.move(minutes=90)
    async with service.database.unit_of_work() as work:
        await usecases.note_received(
            referral["referral_id"], referrals=service.stores(work), at=service.database.clock.now()
        )
        await work.commit()
    assert await running(service, referral["referral_id"]) == before


async def test_accepting_begins_the_time_in_which_the_office_is_heard_of(service: Any) -> None:
    referral = await sent(service)
    accepted = (await service.act(referral, "accept")).json()
    assert (await running(service, referral["referral_id"])).sla_class == "owner-feedback"
    await service.act(accepted, "complete", {"outcome_code": "fulfilled"})
    assert {each.state for each in await clocks(service, referral["referral_id"])} == {"stopped"}


async def test_the_next_office_has_its_own_time(service: Any) -> None:
    referral = await sent(service, "JALAN")
    answer = await service.act(
        referral, "decline", {"reason_code": "other_owner", "better_office_code": "12.74.PERKIM"}
    )
    assert answer.status_code == 200, answer.text
    assert {each.state for each in await clocks(service, referral["referral_id"])} == {"stopped"}
    successor = answer.json()["rerouted_to"]
    assert (await running(service, successor)).owner == "12.74.PERKIM"


async def test_an_office_that_stays_silent_is_told_of_upwards_step_by_step(
    service: Any, fixed_clock: FixedClock
) -> None:
    begins = datetime(2026, 7, 1, 8, tzinfo=UTC)
    fixed_clock.move(seconds=(begins - fixed_clock.now()).total_seconds())
    referral = await sent(service)
    for _ in range(60):
        fixed_clock.move(days=1)
        await service.timers.once()
    async with service.database.read() as session:
        rows = await session.rows(
            "SELECT headers, payload FROM outbox WHERE partition_key = %(id)s ORDER BY seq",
            {"id": referral["referral_id"]},
        )
    facts = [(dict(row.headers)["ce_type"].split(".")[-2], orjson.loads(row.payload)) for row in rows]
    about = [(kind, said) for kind, said in facts if "clock" in kind]
    assert [said["offset"] for _, said in about] == ["-20%", "0", "+3wd", "+7wd", "+14wd"]
    assert [said.get("audience") for _, said in about[1:]] == [
        ["owner", "supervisor"],
        ["manager"],
        ["head_of_office", "office_head"],
        ["next_level"],
    ]
    assert about[0][1]["office_code"] == referral["office_code"]
    assert datetime.fromisoformat(about[0][1]["due_at"]) - begins > timedelta(days=3)


@pytest.mark.parametrize("urgent", [False, True])
async def test_a_trip_in_sleman_is_the_transport_services_and_has_hours(
    service: Any, fixed_clock: FixedClock, *, urgent: bool
) -> None:
    need = {
        "need_id": new_uuid7(),
        "need_code": "TRANSPORT",
        "sector": "sosial_ekonomi",
        "programme_code": "TRANSPORT",
        "urgent": urgent,
        "decision": "refer",
        "attributes": [{"name": "destination", "value": "referral_place"}],
    }
    event = CaseDecided(case_id=new_uuid7(), district_code="34.04.07", decided_by_level="village", needs=[need])
    await service.hear(event)
    [referral] = await rows_of(service, event.case_id)
    assert (referral.office_code, referral.policy_version) == ("34.04.PAIMAH", "00:1,34:1,34.04:1")
    clock = await running(service, referral.referral_id)
    assert (clock.owner, clock.sla_class) == ("34.04.PAIMAH", "transport-answer")
    # Within the working hours of the next working day at the latest.
    assert clock.due_at - fixed_clock.now() <= timedelta(days=4)
    officer = service.issuer.headers("opd_officer", region="34.04", office="34.04.PAIMAH", sub="driver-1")
    shown = {"referral_id": str(referral.referral_id), "office_code": referral.office_code, "version": referral.version}
    accepted = await service.act(shown, "accept", headers=officer)
    assert accepted.status_code == 200, accepted.text
    assert (await running(service, referral.referral_id)).sla_class == "transport-trip"


async def rows_of(service: Any, case_id: Any) -> list[Any]:
    """The referrals of a case as they are stored."""
    async with service.database.read() as session:
        return list(
            await session.rows(
                "SELECT referral_id, office_code, policy_version, version FROM referrals WHERE case_id = %(id)s",
                {"id": case_id},
            )
        )
