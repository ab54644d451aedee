"""What other services tell: applied once, in any order, and kept waiting rather than lost."""

from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest

from slrt_contracts.codes import OutcomeCode
from slrt_contracts.events import CaseRegistered, ReferralAccepted, ReferralDeclined, ReferralSent
from slrt_kit.messaging.errors import UnreadableError
from slrt_kit.messaging.processor import Outcome
from slrt_kit.testing import case_registered, raw_event


async def _parked(intake: Any) -> list[Any]:
    return await intake.rows("SELECT reason, attempts FROM parked WHERE consumer = 'slrt.intake.outcomes' ORDER BY id")


async def _seen(intake: Any, case: dict[str, Any]) -> dict[str, Any]:
    return (await intake.get(f"/v1/cases/{case['case_id']}")).json()


@pytest.fixture(autouse=True)
async def _nothing_waits_from_before(intake: Any) -> None:
    """Each test has the parking lot to itself."""
    async with intake.database.unit_of_work() as work:
        await work.connection.run("DELETE FROM parked")
        await work.commit()


# -- what cannot be applied -----------------------------------------------------------------------------------------


async def test_an_outcome_before_the_decision_waits_and_is_applied_after_it(intake: Any, made: Any) -> None:
    case = await intake.register()
    raw = raw_event(made.completed(case))
    async with intake.unchanged(but="parked"):
        assert await intake.outcomes.process(raw) is Outcome.PARKED
    for version, verb in enumerate(("screen", "recommend", "decide"), start=1):
        assert (await intake.step(case, verb, version)).status_code == 200
    assert await intake.outcomes.retry_parked() == 0  # its time has not come
    intake.clock.move(seconds=2)
    assert await intake.outcomes.retry_parked() == 1
    seen = await _seen(intake, case)
    assert seen["resolved_at"] is not None
    assert seen["needs"][0]["outcome_code"] == "fulfilled"
    assert await _parked(intake) == []


async def test_an_outcome_that_still_cannot_be_applied_rests_longer_each_time(intake: Any, made: Any) -> None:
    case = await intake.register()
    await intake.outcomes.process(raw_event(made.completed(case)))
    for attempts, seconds in enumerate((1, 2, 4, 8), start=1):
        intake.clock.move(seconds=seconds)
        async with intake.unchanged(but="parked"):
            assert await intake.outcomes.retry_parked() == 0
        assert await _parked(intake) == [("the need takes no outcome now", attempts)]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"case_id": uuid4()}, "no such case"), ({"need_id": uuid4()}, "the need takes no outcome now")],
)
async def test_an_outcome_of_what_is_not_here_is_parked(
    changes: dict[str, UUID], reason: str, intake: Any, made: Any
) -> None:
    case = await intake.decided()
    event = made.completed(case).model_copy(update=changes)
    async with intake.unchanged(but="parked"):
        assert await intake.outcomes.process(raw_event(event)) is Outcome.PARKED
    assert [row.reason for row in await _parked(intake)] == [reason]


async def test_a_second_outcome_of_a_need_is_parked_and_changes_nothing(intake: Any, made: Any) -> None:
    case = await intake.resolved()
    async with intake.unchanged(but="parked"):
        outcome = await intake.outcomes.process(raw_event(made.completed(case, code=OutcomeCode.NOT_ELIGIBLE)))
    assert outcome is Outcome.PARKED


async def test_later_events_of_a_parked_referral_queue_and_those_of_others_flow(intake: Any, made: Any) -> None:
    waiting, other = await intake.register(), await intake.decided()
    early = made.completed(waiting)
    await intake.outcomes.process(raw_event(early))
    sent = ReferralSent(
        referral_id=early.referral_id,
        case_id=early.case_id,
        need_id=early.need_id,
        office_code="12.74.ESDM",
        need_code="BPBL",
        district_code="12.74.03",
        urgent=False,
    )
    assert await intake.outcomes.process(raw_event(sent)) is Outcome.PARKED
    assert await intake.outcomes.process(raw_event(made.completed(other))) is Outcome.APPLIED
    assert not await intake.rows("SELECT 1 FROM office_needs WHERE case_id = %(id)s", id=waiting["case_id"])
    for version, verb in enumerate(("screen", "recommend", "decide"), start=1):
        await intake.step(waiting, verb, version)
    intake.clock.move(seconds=2)
    assert await intake.outcomes.retry_parked() == 2
    assert await intake.rows("SELECT 1 FROM office_needs WHERE case_id = %(id)s", id=waiting["case_id"])


@pytest.mark.parametrize("payload", [None, b"", b"{", b"null", b'{"case_id": 1}', b"\xff"])
async def test_bytes_that_are_no_outcome_are_unreadable(payload: bytes | None, intake: Any, made: Any) -> None:
    case = await intake.decided()
    raw = replace(raw_event(made.completed(case)), payload=payload)
    async with intake.unchanged():
        with pytest.raises(UnreadableError):
            await intake.outcomes.process(raw)


# -- what is applied ------------------------------------------------------------------------------------------------


async def test_an_outcome_that_comes_twice_is_applied_once(intake: Any, made: Any) -> None:
    case = await intake.decided()
    raw = raw_event(made.completed(case))
    assert await intake.outcomes.process(raw) is Outcome.APPLIED
    async with intake.unchanged():
        assert await intake.outcomes.process(raw) is Outcome.DUPLICATE


@pytest.mark.parametrize("code", list(OutcomeCode))
async def test_every_outcome_of_the_list_is_taken_over(code: OutcomeCode, intake: Any) -> None:
    case = await intake.decided()
    referral = await intake.answered(case, code=code)
    [need] = (await _seen(intake, case))["needs"]
    assert (need["status"], need["outcome_code"], need["referral_id"]) == ("outcome_recorded", code, str(referral))


async def test_an_outcome_of_a_newer_contract_still_ends_the_need(intake: Any, made: Any) -> None:
    case = await intake.decided()
    raw = raw_event(made.completed(case))
    payload = orjson.loads(raw.payload or b"") | {"outcome_code": "lent_a_generator", "a_newer_field": {"x": 1}}
    newer = replace(raw, payload=orjson.dumps(payload))
    assert await intake.outcomes.process(newer) is Outcome.APPLIED
    await intake.timeline.process(newer)
    seen = await _seen(intake, case)
    assert seen["needs"][0]["outcome_code"] == "partly"
    assert seen["resolved_at"] is not None
    # What the office really said is on the timeline.
    assert "lent_a_generator" in [entry["facts"].get("outcome_code") for entry in seen["timeline"]]


async def test_what_follows_from_an_event_names_it_as_its_cause(intake: Any, made: Any) -> None:
    case = await intake.decided()
    event_id = uuid4()
    await intake.outcomes.process(raw_event(made.completed(case), event_id=event_id, at=intake.clock.now()))
    rows = await intake.rows(
        "SELECT headers FROM outbox WHERE partition_key = %(id)s ORDER BY key_sequence DESC LIMIT 2", id=case["case_id"]
    )
    assert {dict(row.headers)["ce_causationid"] for row in rows} == {str(event_id)}
    assert [dict(row.headers)["ce_type"] for row in rows] == [
        "id.slrt.intake.case-resolved.v1",
        "id.slrt.intake.need-outcome-recorded.v1",
    ]


async def test_an_outcome_counts_from_when_it_happened(intake: Any, made: Any) -> None:
    case = await intake.decided()
    happened = intake.clock.now()
    intake.clock.move(days=3)
    await intake.outcomes.process(raw_event(made.completed(case), at=happened))
    seen = await _seen(intake, case)
    assert seen["resolved_at"] == happened.isoformat().replace("+00:00", "Z")


async def test_sent_and_declined_open_and_shut_the_office_s_claim_check(intake: Any) -> None:
    case = await intake.decided()
    fields = {
        "referral_id": uuid4(),
        "case_id": case["case_id"],
        "need_id": case["needs"][0]["need_id"],
        "office_code": "12.74.ESDM",
    }
    sent = ReferralSent(**fields, need_code="BPBL", district_code="12.74.03", urgent=False)
    query = "SELECT office_code FROM office_needs WHERE case_id = %(id)s"
    await intake.outcomes.process(raw_event(sent))
    assert await intake.rows(query, id=case["case_id"]) == [("12.74.ESDM",)]
    await intake.outcomes.process(raw_event(ReferralDeclined(**fields, reason_code="quota_full")))
    assert await intake.rows(query, id=case["case_id"]) == []


@pytest.mark.parametrize("kind", [ReferralAccepted, CaseRegistered])
async def test_events_that_concern_others_are_passed_over(kind: Any, intake: Any, made: Any) -> None:
    case = await intake.decided()
    event = case_registered() if kind is CaseRegistered else made.completed(case)
    if kind is ReferralAccepted:
        event = ReferralAccepted(**event.model_dump(include=set(ReferralAccepted.model_fields)))
    async with intake.unchanged():
        assert await intake.outcomes.process(raw_event(event)) is Outcome.IGNORED
