"""What other services tell becomes queued notifications: once, in the right place, without anything personal."""

import asyncio
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from slrt_contracts.envelope import Envelope
from slrt_contracts.events import Event
from slrt_contracts.events.intake import CaseClosed, CaseDecided, CaseScreened
from slrt_contracts.events.notification import NotificationQueued
from slrt_contracts.events.referral import ReferralAccepted, ReferralSent
from slrt_kit.clock import new_uuid7
from slrt_kit.inbox import RawEvent
from slrt_kit.messaging.errors import UnreadableError
from slrt_kit.messaging.processor import Outcome
from slrt_kit.testing import case_registered, raw_event

if TYPE_CHECKING:
    from tests.integration.notification.conftest import Service


def accepted(case_id: UUID) -> ReferralAccepted:
    """An office took a need of the case."""
    return ReferralAccepted(referral_id=new_uuid7(), case_id=case_id, need_id=new_uuid7(), office_code="12.74.DUKCAPIL")


async def test_a_registered_case_queues_one_notification_per_channel_with_its_event(service: "Service") -> None:
    case_id, event_id = new_uuid7(), new_uuid7()
    assert await service.hear(case_registered(case_id), event_id=event_id) is Outcome.APPLIED
    rows = await service.rows("SELECT * FROM notifications ORDER BY channel")
    assert [(row["channel"], row["template"], row["status"]) for row in rows] == [
        ("email", "case-registered", "queued"),
        ("whatsapp", "case-registered", "queued"),
    ]
    for row in rows:
        assert (row["case_id"], row["cause_event_id"], row["district_code"]) == (case_id, event_id, "12.74.05")
        assert row["queued_at"] == row["caused_at"] == service.clock.now()
    told = await service.told()
    assert {event for _, event in told} == {
        NotificationQueued(
            notification_id=row["notification_id"],
            case_id=case_id,
            channel=row["channel"],
            template="case-registered",
            cause_event_id=event_id,
        )
        for row in rows
    }
    for raw, event in told:
        envelope = Envelope.from_headers(raw.headers)
        assert raw.topic == "slrt.notification.delivery.v1"
        assert raw.key == envelope.subject == str(event.notification_id)  # type: ignore[attr-defined]
        assert envelope.source == "/slrt/notification"
        assert (envelope.causationid, envelope.correlationid) == (event_id, case_id)
        assert envelope.keysequence == 1


@pytest.mark.parametrize(
    ("reachable_by", "queued"),
    [
        (None, ["email", "whatsapp"]),
        (("email", "whatsapp"), ["email", "whatsapp"]),
        (("whatsapp",), ["whatsapp"]),
        ((), []),
    ],
)
async def test_only_channels_that_the_resident_gave_an_address_for_are_queued_now_and_later(
    service: "Service", reachable_by: tuple[str, ...] | None, queued: list[str]
) -> None:
    case_id = new_uuid7()
    await service.hear(case_registered(case_id, reachable_by=reachable_by))
    await service.hear(accepted(case_id))
    rows = await service.rows(
        "SELECT template, array_agg(channel ORDER BY channel) AS channels FROM notifications GROUP BY template"
    )
    assert [row["channels"] for row in rows] == ([queued] * 2 if queued else [])


async def test_a_channel_of_a_newer_contract_is_no_channel_of_ours(service: "Service") -> None:
    event = case_registered(new_uuid7(), reachable_by=("whatsapp",))
    payload = event.encode().replace(b'"whatsapp"', b'"pigeon"')
    raw = raw_event(event)
    told = RawEvent(raw.topic, raw.key, raw.headers, payload)
    assert await service.consumer("cases").process(told) is Outcome.APPLIED
    assert await service.rows("SELECT 1 FROM notifications") == []


async def test_an_event_that_comes_twice_queues_once(service: "Service") -> None:
    raw = raw_event(case_registered(), at=service.clock.now())
    assert await service.consumer("cases").process(raw) is Outcome.APPLIED
    assert await service.consumer("cases").process(raw) is Outcome.DUPLICATE
    # Even when the inbox has lost it: one resident contact per event and channel.
    await service.forget(raw)
    assert await service.consumer("cases").process(raw) is Outcome.APPLIED
    assert len(await service.rows("SELECT 1 FROM notifications")) == 2
    assert await service.told_types() == ["NotificationQueued"] * 2


@pytest.mark.parametrize(
    ("decisions", "template"),
    [
        (["solved_locally", "refer"], "case-decided-referred"),
        (["solved_locally"], "case-decided-locally"),
    ],
)
async def test_the_template_follows_the_decision(service: "Service", decisions: list[str], template: str) -> None:
    needs = [
        {"need_id": new_uuid7(), "need_code": "BPBL", "sector": "energi", "urgent": False, "decision": decision}
        for decision in decisions
    ]
    await service.hear(
        CaseDecided(case_id=new_uuid7(), district_code="12.74.03", decided_by_level="village", needs=needs)
    )
    rows = await service.rows("SELECT template, district_code FROM notifications")
    assert rows == [{"template": template, "district_code": "12.74.03"}] * 2


async def test_an_event_that_concerns_no_resident_is_passed_over(service: "Service") -> None:
    assert await service.hear(CaseScreened(case_id=new_uuid7(), registry_status="listed")) is Outcome.IGNORED
    assert await service.rows("SELECT 1 FROM notifications") == []
    assert await service.rows("SELECT 1 FROM inbox") == []


async def test_an_unreadable_event_changes_nothing(service: "Service") -> None:
    good = raw_event(case_registered(), at=service.clock.now())
    bad = RawEvent(good.topic, good.key, good.headers, b'{"case_id": "no"}')
    with pytest.raises(UnreadableError):
        await service.consumer("cases").process(bad)
    assert await service.rows("SELECT 1 FROM notifications") == []
    assert await service.rows("SELECT 1 FROM inbox") == []


async def test_a_referral_that_is_heard_before_its_case_gets_the_district_afterwards(service: "Service") -> None:
    case_id = new_uuid7()
    await service.hear(accepted(case_id))
    assert {row["district_code"] for row in await service.rows("SELECT district_code FROM notifications")} == {None}
    await service.hear(case_registered(case_id, district_code="12.74.06"))
    await service.hear(accepted(case_id))
    await service.hear(CaseClosed(case_id=case_id, closed_by="policy"))
    rows = await service.rows("SELECT district_code FROM notifications")
    assert [row["district_code"] for row in rows] == ["12.74.06"] * 8


async def test_consumers_of_one_case_side_by_side_leave_no_notification_without_district(service: "Service") -> None:
    case_ids = [new_uuid7() for _ in range(15)]

    def referral(case_id: UUID) -> list[Event]:
        sent = ReferralSent(
            referral_id=new_uuid7(),
            case_id=case_id,
            need_id=new_uuid7(),
            office_code="12.74.PUPR",
            need_code="JALAN",
            district_code="12.74.05",
            urgent=False,
        )
        return [accepted(case_id), sent, accepted(case_id)]

    events = [event for case_id in case_ids for event in [case_registered(case_id), *referral(case_id)]]
    # As many at once as the pool has connections: more would wait for a connection and not for each other.
    connections = asyncio.Semaphore(6)

    async def hear(event: Event) -> None:
        async with connections:
            await service.hear(event)

    await asyncio.gather(*map(hear, events))
    rows = await service.rows("SELECT district_code, count(*) AS n FROM notifications GROUP BY 1")
    assert rows == [{"district_code": "12.74.05", "n": 15 * 4 * 2}]
