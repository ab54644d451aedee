"""A one-time code goes to the phone that the resident has shown to know, while it lives, and is kept nowhere."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from slrt_contracts.codes import NotificationChannel
from slrt_contracts.events import NotificationQueued, ResidentCodeRequested
from slrt_kit.clock import new_uuid7
from slrt_kit.inbox import RawEvent
from slrt_kit.messaging.errors import TransientError
from slrt_kit.messaging.processor import Outcome
from slrt_kit.testing import case_registered

if TYPE_CHECKING:
    from tests.integration.notification.conftest import Service

WHATSAPP, EMAIL = NotificationChannel.WHATSAPP, NotificationChannel.EMAIL
CODE = "042137"


async def _asked(service: "Service", *, code: Any = CODE, registered: bool = True, **contact: Any) -> RawEvent:
    """A resident asked; gives what was queued, of which there is one."""
    case_id: UUID = new_uuid7()
    service.contact(case_id, **contact)
    if code is not None:
        service.outside.codes[str(case_id)] = code
    if registered:
        await service.hear(case_registered(case_id, reachable_by=(EMAIL, WHATSAPP)))
    requested = ResidentCodeRequested(
        challenge_id=new_uuid7(),
        case_id=case_id,
        expires_at=service.clock.now() + timedelta(minutes=10),
        reachable_by=(WHATSAPP,),
    )
    assert await service.hear(requested) is Outcome.APPLIED
    [found] = [
        raw
        for raw, event in await service.told()
        if isinstance(event, NotificationQueued) and event.case_id == case_id and event.template == "resident-code"
    ]
    return found


async def _ended(service: "Service", raw: RawEvent) -> tuple[str, str | None]:
    row = await service.row(raw)
    return row["status"], row["reason_code"]


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "id",
            "SLRT, tiket 1274-7KQ4-M2XD: kode Anda adalah 042137. Hanya berlaku sebentar. Jangan beri tahu siapa pun, "
            "juga petugas. Jika bukan Anda yang meminta, abaikan pesan ini.",
        ),
        (
            "en",
            "SLRT, ticket 1274-7KQ4-M2XD: your code is 042137. It is good for a short time only. Never tell it to "
            "anybody, not even to staff. If you did not ask for it, ignore this message.",
        ),
    ],
)
async def test_the_code_goes_to_the_phone_with_a_warning_and_to_no_mailbox(
    language: str, words: str, service: "Service"
) -> None:
    raw = await _asked(service, language=language)
    assert await service.connector(EMAIL).process(raw) is not Outcome.PARKED
    assert await service.connector(WHATSAPP).process(raw) is Outcome.APPLIED
    [(body, _)] = service.outside.messages
    assert (body["to"], body["text"]) == ("+6281200009901", words)
    assert service.mail.mails == []
    assert await _ended(service, raw) == ("delivered", None)


async def test_the_code_is_fetched_for_its_one_purpose_in_the_name_of_what_made_us_ask(service: "Service") -> None:
    raw = await _asked(service)
    await service.connector(WHATSAPP).process(raw)
    purposes = [(headers["path"], headers["purpose"]) for _, headers in service.outside.claims]
    assert purposes == [("/v1/codes/search", "resident-code"), ("/v1/contacts/search", "resident-message")]


async def test_a_code_that_is_dead_is_not_sent_and_nobody_is_looked_up(service: "Service") -> None:
    raw = await _asked(service, code=None)
    assert await service.connector(WHATSAPP).process(raw) is Outcome.APPLIED
    assert service.outside.messages == []
    assert [headers["path"] for _, headers in service.outside.claims] == ["/v1/codes/search"]
    assert await _ended(service, raw) == ("failed", "expired")


async def test_while_intake_is_away_the_code_waits(service: "Service") -> None:
    raw = await _asked(service)
    service.outside.contact_status = 503
    with pytest.raises(TransientError):
        await service.connector(WHATSAPP).process(raw)
    service.outside.contact_status = 200
    assert await service.connector(WHATSAPP).process(raw) is Outcome.APPLIED
    assert len(service.outside.messages) == 1


@pytest.mark.parametrize("code", ["4213", "rahasia", 42137, "042137 dan lagi"])
async def test_what_is_no_code_is_never_sent(code: Any, service: "Service") -> None:
    raw = await _asked(service, code=code)
    with capture_logs() as logs:
        assert await service.connector(WHATSAPP).process(raw) is Outcome.PARKED
    assert service.outside.messages == []
    assert str(code) not in str(logs)


async def test_neither_table_nor_event_nor_log_has_the_code(service: "Service") -> None:
    raw = await _asked(service, code="987123")
    with capture_logs() as logs:
        await service.connector(WHATSAPP).process(raw)
    assert len(service.outside.messages) == 1
    assert "987123" not in await service.everything_stored()
    assert "987123" not in str(logs)


async def test_a_case_that_is_heard_of_later_still_gets_its_other_messages(service: "Service") -> None:
    """What is asked for may come before the registration, by another topic: that must not stop its mails."""
    raw = await _asked(service, registered=False)
    case_id = (await service.row(raw))["case_id"]
    await service.hear(case_registered(case_id, reachable_by=(EMAIL, WHATSAPP)))
    rows = await service.rows("SELECT channel, template FROM notifications WHERE case_id = %(id)s", id=case_id)
    assert {(row["channel"], row["template"]) for row in rows} == {
        ("whatsapp", "resident-code"),
        ("whatsapp", "case-registered"),
        ("email", "case-registered"),
    }


async def test_a_request_that_is_told_again_is_sent_once(service: "Service") -> None:
    raw = await _asked(service)
    await service.connector(WHATSAPP).process(raw)
    await service.forget(raw)
    await service.connector(WHATSAPP).process(raw)
    assert len(service.outside.messages) == 1
