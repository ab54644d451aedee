"""How long each office had referrals: a ledger of each, from its making to its confirmation or the end of the case."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
import pytest

from slrt_contracts.events.intake import CaseClosed, CaseTransferred
from slrt_kit.messaging.processor import Outcome
from slrt_kit.testing import raw_event

if TYPE_CHECKING:
    from tests.integration.referral.conftest import Service

    from slrt_kit.testing import FixedClock

RECONSTRUCT = import_module("slrt_referral.migrations.versions.0010_holdings")._RECONSTRUCT
OF_CASE = (
    "SELECT r.need_code, r.reroute_count, h.holder, h.office_code, h.district_code, h.since, h.until "
    "FROM holdings h JOIN referrals r ON r.referral_id = h.held_id WHERE r.case_id = %(case)s "
    "ORDER BY r.need_code, r.reroute_count, h.sequence"
)


async def _held(service: Service, case_id: UUID) -> list[tuple[Any, ...]]:
    """Need, holder or its office, and minutes; up to now while it lasts, which shows as None."""
    async with service.database.read() as session:
        rows = await session.rows(OF_CASE, {"case": case_id})
    return [
        (
            row.need_code,
            row.office_code or row.holder,
            None if row.until is None else (row.until - row.since).total_seconds() / 60,
        )
        for row in rows
    ]


async def _close(service: Service, fixed_clock: FixedClock, case_id: UUID, *, satisfied: bool) -> None:
    closed = CaseClosed(case_id=case_id, closed_by="resident", satisfied=satisfied)
    assert await service.hear(raw_event(closed, at=fixed_clock.now(), key_sequence=9)) is Outcome.APPLIED


@pytest.mark.parametrize("query", ["", "?month=2026-13", "?month=2026-7"])
async def test_figures_of_no_month_are_refused(query: str, service: Service) -> None:
    answer = await service.client.get(f"/v1/holding-times{query}", headers=service.manager())
    assert answer.status_code == 422


@pytest.mark.parametrize("satisfied", [True, False])
async def test_a_referral_is_held_by_its_office_then_by_the_resident_until_the_case_is_closed(
    satisfied: bool, service: Service, fixed_clock: FixedClock
) -> None:
    case_id = await service.decide("JALAN")
    road = (await service.referrals(case_id))["JALAN"]
    fixed_clock.move(minutes=10)
    accepted = await service.act(road, "accept")
    fixed_clock.move(minutes=10)
    done = await service.act(accepted.json(), "complete", {"outcome_code": "fulfilled"})
    assert done.status_code == 200, done.text
    fixed_clock.move(minutes=5)
    await _close(service, fixed_clock, case_id, satisfied=satisfied)
    fixed_clock.move(minutes=5)
    assert await _held(service, case_id) == [("JALAN", "12.74.PUPR", 20), ("JALAN", "resident", 5)]


async def test_a_draft_is_held_by_the_office_it_waits_for_also_after_that_one_declined(
    service: Service, fixed_clock: FixedClock
) -> None:
    case_id = await service.decide("ADMINDUK", "PIP")
    found = await service.referrals(case_id)
    fixed_clock.move(minutes=10)
    body = {"reason_code": "other_owner", "better_office_code": "12.74.PUPR"}
    declined = await service.act(found["ADMINDUK"], "decline", body)
    assert declined.status_code == 200, declined.text
    fixed_clock.move(minutes=10)
    found = await service.referrals(case_id)
    accepted = await service.act(found["ADMINDUK"], "accept")
    done = await service.act(accepted.json(), "complete", {"outcome_code": "fulfilled"})
    assert done.status_code == 200, done.text
    fixed_clock.move(minutes=5)
    assert await _held(service, case_id) == [
        ("ADMINDUK", "12.74.DUKCAPIL", 10),
        ("ADMINDUK", "12.74.PUPR", 10),
        ("ADMINDUK", "resident", None),
        ("PIP", "12.74.DUKCAPIL", 10),
        ("PIP", "12.74.PUPR", 10),
        ("PIP", "12.74.DIKBUD", None),
    ]


async def test_a_transfer_moves_the_place_of_what_is_open(service: Service, fixed_clock: FixedClock) -> None:
    case_id = await service.decide("JALAN")
    fixed_clock.move(minutes=10)
    moved = CaseTransferred(case_id=case_id, district_code="12.71.01")
    await service.hear(raw_event(moved, at=fixed_clock.now(), key_sequence=2))
    async with service.database.read() as session:
        rows = await session.rows(OF_CASE, {"case": case_id})
    assert [(row.district_code, row.office_code) for row in rows] == [
        ("12.74.05", "12.74.PUPR"),
        ("12.71.01", "12.74.PUPR"),
    ]


async def test_figures_are_of_the_caller_s_area_or_office_and_leave_out_small_numbers(
    service: Service, fixed_clock: FixedClock
) -> None:
    for _ in range(6):
        await service.decide("JALAN")
    await service.decide("ADMINDUK")
    await service.decide_restricted("JALAN")
    fixed_clock.move(minutes=10)

    async def times(headers: dict[str, str]) -> dict[str, Any]:
        answer = await service.client.get("/v1/holding-times?month=2026-07", headers=headers)
        assert answer.status_code == 200, answer.text
        return {each["cell"]: (each["minutes"], each["held"]) for each in answer.json()["times"]}

    # The one of the other office points at somebody, and with the total both would be known.
    assert await times(service.manager()) == {"12.74.DUKCAPIL": (None, None), "12.74.PUPR": (None, None)}
    assert await times(service.officer("12.74.PUPR")) == {"12.74.PUPR": (60, 6)}
    assert await times(service.manager(region="12.71", office=None)) == {}


async def test_what_is_written_afterwards_is_what_was_lived(service: Service, fixed_clock: FixedClock) -> None:
    case_id = await service.decide("JALAN", "ADMINDUK")
    found = await service.referrals(case_id)
    fixed_clock.move(minutes=10)
    body = {"reason_code": "other_owner", "better_office_code": "12.PUPR"}
    assert (await service.act(found["JALAN"], "decline", body)).status_code == 200
    fixed_clock.move(minutes=10)
    accepted = await service.act(found["ADMINDUK"], "accept")
    done = await service.act(accepted.json(), "complete", {"outcome_code": "fulfilled"})
    assert done.status_code == 200, done.text
    lived = (
        "SELECT h.held_id, sequence, holder, h.office_code, h.district_code, since, until FROM holdings h "
        "JOIN referrals ON referral_id = held_id ORDER BY 1, 2"
    )
    with psycopg.connect(service.database.url) as connection:
        before = connection.execute(lived).fetchall()
        connection.execute("TRUNCATE holdings")
        connection.execute(RECONSTRUCT)
        assert connection.execute(lived).fetchall() == before
        assert len(before) == 4
        connection.rollback()
