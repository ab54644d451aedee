"""The copy of the duty roster: each duty as it was told last."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import orjson

from slrt_contracts.codes import DutyRole
from slrt_contracts.events.duty import DutyAssigned, DutyEnded
from slrt_kit.clock import new_uuid7
from slrt_kit.duty import duties_around, officer_id_of
from slrt_kit.messaging.processor import Outcome, Processor
from slrt_kit.testing import raw_event
from slrt_referral.consumers.duties import duties

if TYPE_CHECKING:
    from slrt_kit.db import Database

DAY = date(2026, 7, 1)


async def test_a_duty_is_kept_as_it_was_told_last_and_no_longer_found_when_it_has_ended(database: Database) -> None:
    processor: Processor[None] = Processor(
        consumer="slrt.referral.duties", database=database, handlers=duties, deps=None
    )
    duty_id = new_uuid7()

    async def found(area: str) -> list[tuple[Any, DutyRole]]:
        async with database.read() as session:
            around = await duties_around(session, area, on=DAY)
        return [(duty.area_code, duty.role) for duty in around if duty.duty_id == duty_id]

    told = DutyAssigned(
        duty_id=duty_id,
        officer_id=officer_id_of("manajer.1274"),
        role_code=DutyRole.SUPERVISOR,
        area_code="12.74",
        first_day=DAY,
    )
    assert await processor.process(raw_event(told)) is Outcome.APPLIED
    assert await found("12.74.05") == [("12.74", DutyRole.SUPERVISOR)]
    changed = told.model_copy(update={"area_code": "12.74.05"})
    assert await processor.process(raw_event(changed, key_sequence=2)) is Outcome.APPLIED
    assert await found("12.74.03") == []
    assert await found("12.74.05") == [("12.74.05", DutyRole.SUPERVISOR)]
    assert await processor.process(raw_event(DutyEnded(duty_id=duty_id), key_sequence=3)) is Outcome.APPLIED
    assert await found("12.74.05") == []


async def test_a_role_of_a_newer_contract_is_passed_over(database: Database) -> None:
    processor: Processor[None] = Processor(
        consumer="slrt.referral.duties", database=database, handlers=duties, deps=None
    )
    told = DutyAssigned(
        duty_id=new_uuid7(),
        officer_id=new_uuid7(),
        role_code=DutyRole.MANAGER,
        area_code="12.74",
        first_day=DAY,
    )
    raw = raw_event(told)
    payload = orjson.loads(raw.payload or b"") | {"role_code": "ombudsman"}
    newer = type(raw)(raw.topic, raw.key, raw.headers, orjson.dumps(payload))
    assert await processor.process(newer) is Outcome.IGNORED
