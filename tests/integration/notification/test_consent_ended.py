"""The resident is told that a consent ended, where it is theirs, and not what it was about."""

from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from tests.leaks.scan import Planted, Scanner

from slrt_contracts.codes import NotificationChannel
from slrt_contracts.events import ConsentEnded, NotificationQueued, SharingWithdrawn
from slrt_kit.clock import new_uuid7
from slrt_kit.inbox import RawEvent
from slrt_kit.messaging.processor import Outcome
from slrt_kit.testing import case_registered, raw_event

if TYPE_CHECKING:
    from tests.integration.notification.conftest import Service

WHATSAPP, EMAIL = NotificationChannel.WHATSAPP, NotificationChannel.EMAIL


def _ended(case_id: UUID, *, reason: str, shown: bool = True) -> ConsentEnded:
    return ConsentEnded(
        consent_id=new_uuid7(), case_id=case_id, reason_code=reason, by_resident=False, shown_to_resident=shown
    )


async def _queued(service: "Service", case_id: UUID) -> list[RawEvent]:
    return [
        raw
        for raw, event in await service.told()
        if isinstance(event, NotificationQueued) and event.case_id == case_id and event.template.startswith("consent-")
    ]


async def test_of_a_consent_that_is_another_s_the_phone_of_the_case_is_told_nothing(service: "Service") -> None:
    case_id = new_uuid7()
    await service.hear(case_registered(case_id, reachable_by=(WHATSAPP,)))
    for reason in ("withdrawn", "expired"):
        assert await service.hear(_ended(case_id, reason=reason, shown=False)) is Outcome.APPLIED
    assert await _queued(service, case_id) == []


async def test_what_is_for_an_office_is_passed_over(service: "Service") -> None:
    assert SharingWithdrawn.TOPIC == ConsentEnded.TOPIC
    withdrawn = SharingWithdrawn(
        consent_id=new_uuid7(),
        case_id=new_uuid7(),
        office_code="12.74.DUKCAPIL",
        purposes=("additional-assistance",),
        receipt_ids=(new_uuid7(),),
        reason_code="withdrawn",
        erase_by=service.clock.now().date(),
    )
    assert await service.consumer("consents").process(raw_event(withdrawn)) is Outcome.IGNORED


@pytest.mark.parametrize(
    ("reason", "language", "words"),
    [
        (
            "withdrawn",
            "id",
            "SLRT, tiket 1274-7KQ4-M2XD: satu persetujuan Anda sudah dicabut. Pesan otomatis, tidak perlu dibalas.",
        ),
        (
            "withdrawn",
            "en",
            "SLRT, ticket 1274-7KQ4-M2XD: a consent of yours was withdrawn. This is an automatic message, no need to "
            "reply.",
        ),
        (
            "expired",
            "id",
            "SLRT, tiket 1274-7KQ4-M2XD: satu persetujuan Anda sudah berakhir. Pesan otomatis, tidak perlu dibalas.",
        ),
        (
            "expired",
            "en",
            "SLRT, ticket 1274-7KQ4-M2XD: a consent of yours has run out. This is an automatic message, no need to "
            "reply.",
        ),
    ],
)
async def test_the_resident_is_told_once_that_it_ended_and_how(
    reason: str, language: str, words: str, service: "Service"
) -> None:
    case_id = new_uuid7()
    service.contact(case_id, language=language)
    await service.hear(case_registered(case_id, reachable_by=(WHATSAPP,)))
    event, event_id = _ended(case_id, reason=reason), new_uuid7()
    assert await service.hear(event, event_id=event_id) is Outcome.APPLIED
    assert await service.hear(event, event_id=event_id) is Outcome.DUPLICATE
    (raw,) = await _queued(service, case_id)
    assert await service.connector(WHATSAPP).process(raw) is Outcome.APPLIED
    [(body, _)] = service.outside.messages
    assert body["text"] == words
    reached = Scanner((Planted("phone", "+6281200009901"), Planted("e-mail", "warga.9901@contoh.id")))
    assert reached.leaks_in({"message": body["text"], "stored": await service.everything_stored()}) == []
