"""An entry goes with what it records, is sealed into the chain, taken away and checked with the public key alone."""

from typing import Any

from tests.drills.chains import Chain

from slrt_contracts.events import CaseClosed, IntakeAuditDaySealed


async def test_what_is_written_is_sealed_exported_and_found_sound(audited: Chain) -> None:
    await audited.write(25)
    await audited.seal()
    await audited.write(3)
    await audited.seal_next_day()
    await audited.write(4)
    await audited.seal()
    report = audited.check(await audited.export())
    assert report.problems == []
    assert (report.entries, report.last, len(report.days)) == (32, 32, 1)


async def test_an_entry_says_who_did_what_to_what_and_why(audited: Chain) -> None:
    event, request_id = await audited.close_case(subject="coordinator-1")
    await audited.seal()
    (entry,) = await audited.entries()
    assert entry == {
        "v": 1,
        "service": "intake",
        "at": "2026-07-01T08:00:00.000000Z",
        "subject": "coordinator-1",
        "roles": ["coordinator"],
        "office": "12.74.DINSOS",
        "region": "12.74",
        "request_id": request_id,
        "action": CaseClosed.TYPE.split(".")[3],
        "object_type": "case",
        "object_id": str(event.case_id),
        "event_id": entry["event_id"],
        "result": "ok",
    }


async def test_a_transaction_that_fails_leaves_no_entry(audited: Chain) -> None:
    await audited.close_case(subject="coordinator-1", commit=False)
    assert await audited.seal() == 0


async def test_each_closed_day_is_told_on_the_public_topic_also_an_empty_one(audited: Chain) -> None:
    await audited.write(5)
    await audited.seal()
    audited.clock.move(days=3)
    await audited.seal()
    told: list[Any] = await audited.told()
    assert [(day.number, str(day.day), day.first, day.last) for day in told] == [
        (1, "2026-07-01", 1, 5),
        (2, "2026-07-02", 6, 5),
        (3, "2026-07-03", 6, 5),
    ]
    assert all(isinstance(day, IntakeAuditDaySealed) for day in told)
    export = await audited.export()
    assert audited.check(export, published=told).is_sound
