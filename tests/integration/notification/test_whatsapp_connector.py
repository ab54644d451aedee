"""The WhatsApp connector on a real HTTP provider: one message per notification, faults by their class."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from starlette.applications import Starlette
from structlog.testing import capture_logs

from slrt_contracts.codes import NotificationChannel
from slrt_kit.inbox import RawEvent
from slrt_kit.messaging.errors import TransientError
from slrt_kit.messaging.processor import Outcome
from slrt_kit.testing import PlayedHttp
from slrt_local.journal import Journal
from slrt_local.provider import Provider
from slrt_notification.adapters.provider import ProviderSender
from slrt_notification.domain.messages import Message

if TYPE_CHECKING:
    from tests.integration.notification.conftest import Service

WHATSAPP = NotificationChannel.WHATSAPP
TICKET, PHONE = "1274-7KQ4-M2XD", "+6281200009901"


async def process(service: "Service", raw: RawEvent) -> Outcome:
    """Let the WhatsApp connector receive the event."""
    return await service.connector(WHATSAPP).process(raw)


async def ended(service: "Service", raw: RawEvent) -> tuple[str, str | None]:
    """Status and reason of the notification."""
    row = await service.row(raw)
    return row["status"], row["reason_code"]


async def test_a_queued_message_is_handed_to_the_provider_under_its_own_key(service: "Service") -> None:
    raw = await service.queued(WHATSAPP)
    assert await process(service, raw) is Outcome.APPLIED
    [(body, headers)] = service.outside.messages
    assert body == {
        "to": PHONE,
        "text": f"SLRT, tiket {TICKET}: laporan Anda sudah terdaftar. Pesan otomatis, tidak perlu dibalas.",
        "reference": raw.key,
    }
    assert headers["path"] == "/messages"
    assert headers["idempotency-key"] == raw.key
    assert await ended(service, raw) == ("delivered", None)
    assert await process(service, raw) is Outcome.DUPLICATE
    await service.forget(raw)
    await process(service, raw)
    assert len(service.outside.messages) == 1


@pytest.mark.parametrize("status", [401, 404, 408, 429, 500, 503])
async def test_a_provider_that_is_away_delays_and_the_message_then_arrives_once(
    service: "Service", status: int
) -> None:
    raw = await service.queued(WHATSAPP)
    service.outside.provider_status = status
    for _ in range(2):
        with pytest.raises(TransientError, match=f"^message provider answered {status}$"):
            await process(service, raw)
    assert await ended(service, raw) == ("queued", None)
    service.outside.provider_status = 202
    assert await process(service, raw) is Outcome.APPLIED
    assert len(service.outside.messages) == 1


@pytest.mark.parametrize("status", [400, 410])
async def test_a_number_that_the_provider_refuses_is_a_failure(service: "Service", status: int) -> None:
    raw = await service.queued(WHATSAPP)
    service.outside.provider_status = status
    assert await process(service, raw) is Outcome.APPLIED
    assert await ended(service, raw) == ("failed", "recipient_refused")


@pytest.mark.parametrize("status", [302, 409, 422])
async def test_any_other_refusal_parks_this_message_alone(service: "Service", status: int) -> None:
    raw, other = await service.queued(WHATSAPP), await service.queued(WHATSAPP)
    service.outside.provider_status = status
    assert await process(service, raw) is Outcome.PARKED
    service.outside.provider_status = 202
    assert await process(service, other) is Outcome.APPLIED
    assert await ended(service, raw) == ("queued", None)


async def test_a_resident_without_phone_is_a_failure_without_sending(service: "Service") -> None:
    raw = await service.queued(WHATSAPP, phone=None)
    assert await process(service, raw) is Outcome.APPLIED
    assert await ended(service, raw) == ("failed", "no_contact")
    assert service.outside.messages == []


async def test_a_slow_channel_holds_up_no_other(service: "Service") -> None:
    message = await service.queued(WHATSAPP)
    service.outside.provider_status = 503
    with pytest.raises(TransientError):
        await process(service, message)
    mails = [raw for raw, event in await service.told() if getattr(event, "channel", "") == "email"]
    assert await service.connector(NotificationChannel.EMAIL).process(mails[0]) is Outcome.APPLIED
    assert len(service.mail.mails) == 1


async def test_no_number_or_text_is_stored_or_logged(service: "Service", caplog: pytest.LogCaptureFixture) -> None:
    with capture_logs() as logs:
        for status in (202, 400, 422):
            service.outside.provider_status = status
            await process(service, await service.queued(WHATSAPP))
    said = f"{logs}\n{caplog.text}\n{await service.everything_stored()}"
    for personal in (TICKET, PHONE, PHONE[3:], "@contoh.id", "terdaftar"):
        assert personal not in said


@pytest.fixture
def stack_provider(tmp_path: Path) -> tuple[Provider, Journal]:
    """The provider that the local stack plays."""
    journal = Journal(tmp_path / "journal.sqlite")
    return Provider(journal, lambda: datetime(2026, 7, 1, tzinfo=UTC)), journal


async def test_the_provider_of_the_local_stack_takes_a_message_once(
    service: "Service", stack_provider: tuple[Provider, Journal]
) -> None:
    provider, journal = stack_provider
    raw = await service.queued(WHATSAPP)
    async with service.database.read() as session:
        parts = service.connector(WHATSAPP)._deps
        notification = await parts.delivery_log.find(session, raw.key)  # type: ignore[arg-type]
    assert notification is not None
    transport = httpx.ASGITransport(Starlette(routes=provider.routes()))
    sender = ProviderSender(base_url="http://outside.test/provider", client=PlayedHttp(transport))
    for _ in range(2):
        await sender.send(notification, Message(subject=None, text="Tiket"), to=PHONE)
    provider.is_open = False
    with pytest.raises(TransientError):
        await sender.send(notification, Message(subject=None, text="Tiket"), to=PHONE)
    found: Any = journal.find("message", raw.key)
    assert (found.body["to"], found.seen) == (PHONE, 2)
