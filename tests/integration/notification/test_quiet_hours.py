"""Quiet hours hold a message back until they are over; what a region has switched off is not queued at all."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from slrt_contracts.codes import NotificationChannel
from slrt_contracts.events.intake import CaseClosed
from slrt_contracts.events.notification import NotificationQueued
from slrt_kit.clock import new_uuid7
from slrt_kit.messaging.processor import Outcome
from slrt_kit.policy.book import PolicyBook
from slrt_kit.policy.packaged import packaged_documents
from slrt_kit.testing import case_registered
from slrt_notification.store import COUNT_HELD_OVER, NotificationStore
from slrt_notification.sweeps import QuietHours

if TYPE_CHECKING:
    from tests.integration.notification.conftest import Service

LATE_EVENING = datetime(2026, 3, 2, 22, 30, tzinfo=UTC).timestamp() - 7 * 3600
"""22.30 WIB: quiet in Lampung Barat (18.04)."""


def sweep(service: "Service") -> QuietHours:
    """What a worker runs."""
    return QuietHours(service.database, lambda work: NotificationStore(work, service.runtime.outbox))


def go_to(service: "Service", at: float) -> None:
    """Let it be that moment."""
    service.clock.move(seconds=at - service.clock.now().timestamp())


async def statuses(service: "Service") -> dict[str, str]:
    """By channel."""
    rows = await service.rows("SELECT channel, status FROM notifications")
    return {row["channel"]: row["status"] for row in rows}


async def test_at_night_a_mail_goes_out_and_the_phone_stays_silent_until_morning(service: "Service") -> None:
    go_to(service, LATE_EVENING)
    case_id = new_uuid7()
    service.contact(case_id)
    await service.hear(case_registered(case_id, district_code="18.04.08"))
    assert await statuses(service) == {"whatsapp": "held", "email": "queued"}
    [row] = await service.rows("SELECT not_before, policy_version FROM notifications WHERE status = 'held'")
    assert row["not_before"] == datetime(2026, 3, 2, 22, 0, tzinfo=UTC)  # 05.00 WIB
    assert row["policy_version"] == "00:1,18.04:1"
    go_to(service, row["not_before"].timestamp() - 1)
    assert await sweep(service).once() == 0
    service.clock.move(seconds=1)
    assert [await sweep(service).once(), await sweep(service).once()] == [1, 0]
    told = [(raw, event) for raw, event in await service.told() if isinstance(event, NotificationQueued)]
    [raw] = [raw for raw, event in told if event.channel == "whatsapp"]
    assert await service.connector(NotificationChannel.WHATSAPP).process(raw) is Outcome.APPLIED
    assert await statuses(service) == {"whatsapp": "delivered", "email": "queued"}
    [(message, _)] = service.outside.messages
    assert message["text"].endswith("laporan Anda sudah terdaftar. Pesan otomatis, tidak perlu dibalas.")


async def test_in_another_region_nobody_waits(service: "Service") -> None:
    go_to(service, LATE_EVENING)
    await service.hear(case_registered(new_uuid7(), district_code="12.74.03"))
    assert await statuses(service) == {"whatsapp": "queued", "email": "queued"}


async def test_many_that_waited_are_released_once_each(service: "Service") -> None:
    go_to(service, LATE_EVENING)
    for _ in range(3):
        await service.hear(case_registered(new_uuid7(), district_code="18.04.08"))
    service.clock.move(seconds=8 * 3600)
    assert await sweep(service).once() == 3
    told = [event for _, event in await service.told() if isinstance(event, NotificationQueued)]
    assert len(told) == len({event.notification_id for event in told}) == 6


async def test_a_channel_that_the_region_has_switched_off_is_passed_over(service: "Service") -> None:
    rules = service.runtime.policy_rules
    own = {"18.04": {"channels": "entries:\n  whatsapp: {enabled: false}\n"}}
    service.runtime.policy_book = PolicyBook.of(rules, packaged_documents("slrt_notification", rules) | own)
    await service.hear(case_registered(new_uuid7(), district_code="18.04.08"))
    assert await statuses(service) == {"email": "queued"}


async def test_words_are_those_of_the_version_that_queued_the_message(service: "Service") -> None:
    case_id = new_uuid7()
    service.contact(case_id)
    await service.hear(case_registered(case_id, district_code="12.74.03"))
    await service.hear(CaseClosed(case_id=case_id, closed_by="policy"))
    rows = await service.rows("SELECT DISTINCT policy_version FROM notifications")
    assert [row["policy_version"] for row in rows] == ["00:1,12.74:1"]


async def test_messages_that_nobody_released_are_counted_for_the_alert(service: "Service") -> None:
    go_to(service, LATE_EVENING)
    await service.hear(case_registered(new_uuid7(), district_code="18.04.08"))

    async def held_over() -> int:
        async with service.database.read() as session:
            return int(await session.value(COUNT_HELD_OVER))

    # By the clock of the database, which is long past that morning.
    assert await held_over() == 1
    service.clock.move(seconds=8 * 3600)
    await sweep(service).once()
    assert await held_over() == 0
