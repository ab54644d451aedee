"""The e-mail connector on a real SMTP server: delivered once, faults by their class, nothing personal left behind."""

import asyncio
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from slrt_contracts.codes import NotificationChannel
from slrt_contracts.envelope import Envelope
from slrt_contracts.events.notification import NotificationDelivered, NotificationFailed
from slrt_kit.inbox import RawEvent
from slrt_kit.messaging.errors import TransientError
from slrt_kit.messaging.processor import Outcome

if TYPE_CHECKING:
    from tests.integration.notification.conftest import Service

MAIL = NotificationChannel.EMAIL
TICKET, PHONE, EMAIL_ADDRESS = "1274-7KQ4-M2XD", "+6281200009901", "warga.9901@contoh.id"


async def process(service: "Service", raw: RawEvent) -> Outcome:
    """Let the e-mail connector receive the event."""
    return await service.connector(MAIL).process(raw)


async def ended(service: "Service", raw: RawEvent) -> tuple[str, str | None]:
    """Status and reason of the notification."""
    row = await service.row(raw)
    return row["status"], row["reason_code"]


async def test_a_queued_mail_is_delivered_with_ticket_and_stage_only(service: "Service") -> None:
    raw = await service.queued(MAIL)
    service.clock.move(seconds=30)
    assert await process(service, raw) is Outcome.APPLIED
    [mail] = service.mail.mails
    assert service.mail.recipients == [EMAIL_ADDRESS]
    assert mail["Subject"] == f"Tiket {TICKET}: laporan Anda sudah terdaftar"
    assert mail["From"] == "SLRT <slrt@contoh.go.id>"
    assert mail["To"] == EMAIL_ADDRESS
    assert mail["Message-ID"] == f"<{raw.key}@contoh.go.id>"
    assert mail["X-SLRT-Notification"] == raw.key
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content_charset() == "utf-8"
    assert mail.get_content().splitlines()[0] == f"Tiket {TICKET}: laporan Anda sudah terdaftar."
    row = await service.row(raw)
    assert (row["status"], row["version"], row["ended_at"]) == ("delivered", 2, service.clock.now())
    told, event = (await service.told())[-1]
    assert event == NotificationDelivered(notification_id=UUID(raw.key), case_id=row["case_id"], channel="email")
    envelope = Envelope.from_headers(told.headers)
    assert envelope.keysequence == 2
    assert envelope.causationid == Envelope.from_headers(raw.headers).id


async def test_the_contact_is_fetched_for_a_stated_purpose_as_this_service(service: "Service") -> None:
    raw = await service.queued(MAIL)
    await process(service, raw)
    [(asked, headers)] = service.outside.claims
    row = await service.row(raw)
    event_id = str(Envelope.from_headers(raw.headers).id)
    assert asked == {"case_id": str(row["case_id"]), "event_id": event_id}
    assert headers["purpose"] == "resident-message"
    assert headers["x-request-id"] == event_id
    assert headers["authorization"].startswith("Bearer ")


async def test_the_mail_is_in_the_residents_language(service: "Service") -> None:
    await process(service, await service.queued(MAIL, language="en"))
    assert service.mail.mails[0]["Subject"] == f"Ticket {TICKET}: your report is registered"


async def test_another_channels_notification_is_passed_over_without_a_claim_check(service: "Service") -> None:
    raw = await service.queued(NotificationChannel.WHATSAPP)
    assert await process(service, raw) is Outcome.IGNORED
    assert service.outside.claims == []
    assert await ended(service, raw) == ("queued", None)


async def test_a_resident_without_mail_address_is_a_failure_without_sending(service: "Service") -> None:
    raw = await service.queued(MAIL, email=None)
    assert await process(service, raw) is Outcome.APPLIED
    assert await ended(service, raw) == ("failed", "no_contact")
    assert service.mail.mails == []
    _, event = (await service.told())[-1]
    assert isinstance(event, NotificationFailed)
    assert event.reason_code == "no_contact"


async def test_a_mail_server_that_is_down_delays_and_the_mail_then_arrives_once(service: "Service") -> None:
    raw = await service.queued(MAIL)
    await service.mail.stop()
    for _ in range(2):
        with pytest.raises(TransientError, match=r"^mail server: SMTPConnectError$"):
            await process(service, raw)
    assert await ended(service, raw) == ("queued", None)
    await service.mail.start()
    assert await process(service, raw) is Outcome.APPLIED
    assert await process(service, raw) is Outcome.DUPLICATE
    assert len(service.mail.mails) == 1
    assert await ended(service, raw) == ("delivered", None)


@pytest.mark.parametrize(
    ("where", "answer"),
    [
        ("connect_answer", "421 closing"),
        ("sender_answer", "451 try later"),
        ("sender_answer", "550 we do not relay for you"),
        ("recipient_answer", "421 closing"),
        ("data_answer", "452 disk full"),
    ],
)
async def test_a_fault_that_would_meet_every_mail_is_transient(service: "Service", where: str, answer: str) -> None:
    raw = await service.queued(MAIL)
    setattr(service.mail, where, answer)
    with pytest.raises(TransientError, match=f"^mail server answered {answer[:3]}$"):
        await process(service, raw)
    setattr(service.mail, where, None)
    assert await process(service, raw) is Outcome.APPLIED
    assert len(service.mail.mails) == 1


@pytest.mark.parametrize("answer", ["550 no such mailbox", "553 bad name", "521 takes no mail"])
async def test_a_recipient_who_is_refused_for_good_is_a_failure(service: "Service", answer: str) -> None:
    raw = await service.queued(MAIL)
    service.mail.recipient_answer = answer
    assert await process(service, raw) is Outcome.APPLIED
    assert await ended(service, raw) == ("failed", "recipient_refused")
    service.mail.recipient_answer = None
    await service.forget(raw)
    assert await process(service, raw) is Outcome.APPLIED
    assert service.mail.mails == []
    assert (await service.told_types()).count("NotificationFailed") == 1


@pytest.mark.parametrize(
    "address", ["tanpa-at", "a@b@c", "a b@contoh.id", "a@contoh.id\nBcc: x@contoh.id", "é@contoh.id"]
)
async def test_an_address_that_is_none_is_refused_before_the_server_sees_it(service: "Service", address: str) -> None:
    raw = await service.queued(MAIL, email=address)
    assert await process(service, raw) is Outcome.APPLIED
    assert await ended(service, raw) == ("failed", "recipient_refused")
    assert service.mail.mails == []


async def test_a_full_mailbox_waits_alone_while_other_mail_goes_out(service: "Service") -> None:
    full, other = await service.queued(MAIL), await service.queued(MAIL)
    service.mail.recipient_answer = "452 mailbox full"
    assert await process(service, full) is Outcome.PARKED
    service.mail.recipient_answer = None
    assert await process(service, other) is Outcome.APPLIED
    assert await ended(service, full) == ("queued", None)
    service.clock.move(minutes=10)
    assert await service.connector(MAIL).retry_parked() == 1
    assert await ended(service, full) == ("delivered", None)
    assert {mail["X-SLRT-Notification"] for mail in service.mail.mails} == {full.key, other.key}


async def test_a_mail_whose_content_is_refused_waits_and_expires(service: "Service") -> None:
    raw = await service.queued(MAIL)
    service.mail.data_answer = "554 looks like spam"
    assert await process(service, raw) is Outcome.PARKED
    service.clock.move(days=8)
    assert await service.connector(MAIL).retry_parked() == 1
    assert await ended(service, raw) == ("failed", "expired")
    assert await service.rows("SELECT 1 FROM parked") == []


async def test_old_news_is_not_sent_and_asks_for_no_contact(service: "Service") -> None:
    raw = await service.queued(MAIL)
    service.clock.move(days=8)
    assert await process(service, raw) is Outcome.APPLIED
    assert await ended(service, raw) == ("failed", "expired")
    assert (service.outside.claims, service.mail.mails) == ([], [])


async def test_a_delivered_notification_is_not_sent_again_even_when_the_inbox_has_lost_it(service: "Service") -> None:
    raw = await service.queued(MAIL)
    await process(service, raw)
    await service.forget(raw)
    assert await process(service, raw) is Outcome.APPLIED
    assert len(service.mail.mails) == 1
    assert len(service.outside.claims) == 1
    assert (await service.told_types()).count("NotificationDelivered") == 1


async def test_a_crash_between_sending_and_recording_repeats_under_the_same_message_id(
    service: "Service", monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = await service.queued(MAIL)

    def crash(*_: object, **__: object) -> None:
        raise TransientError("the database went away after the mail had gone out")

    with monkeypatch.context() as broken:
        broken.setattr("slrt_notification.usecases.record_attempt", crash)
        with pytest.raises(TransientError):
            await process(service, raw)
    service.clock.move(minutes=3)
    assert await process(service, raw) is Outcome.APPLIED
    first, second = service.mail.mails
    assert first["Message-ID"] == second["Message-ID"]
    assert first.as_bytes() == second.as_bytes()
    assert (await service.told_types()).count("NotificationDelivered") == 1


async def test_two_members_that_receive_it_at_once_record_one_end(service: "Service") -> None:
    raw = await service.queued(MAIL)
    outcomes = await asyncio.gather(*(process(service, raw) for _ in range(4)))
    assert outcomes.count(Outcome.APPLIED) == 1
    assert set(outcomes) <= {Outcome.APPLIED, Outcome.DUPLICATE}
    assert len({mail["Message-ID"] for mail in service.mail.mails}) == 1
    assert (await service.told_types()).count("NotificationDelivered") == 1
    assert (await service.row(raw))["version"] == 2


async def test_intake_that_is_away_delays(service: "Service") -> None:
    raw = await service.queued(MAIL)
    service.outside.contact_status = 503
    with pytest.raises(TransientError, match="claim check answered 503"):
        await process(service, raw)
    service.outside.contact_status = 200
    assert await process(service, raw) is Outcome.APPLIED
    assert len(service.mail.mails) == 1


@pytest.mark.parametrize("status", [403, 404])
async def test_a_claim_check_that_is_refused_parks_the_notification(service: "Service", status: int) -> None:
    raw = await service.queued(MAIL)
    service.outside.contact_status = status
    assert await process(service, raw) is Outcome.PARKED
    assert await service.rows("SELECT reason FROM parked") == [{"reason": f"claim check answered {status}"}]
    service.outside.contact_status = 200
    service.clock.move(minutes=1)
    assert await service.connector(MAIL).retry_parked() == 1
    assert await ended(service, raw) == ("delivered", None)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"ticket_number": TICKET}, "contact answer has another shape"),
        (
            {"ticket_number": "Budi\r\nBcc: x", "language": "id", "phone": None, "email": EMAIL_ADDRESS},
            "contact answer has another shape",
        ),
        (["no object"], "the claim check's answer does not fit"),
    ],
)
async def test_a_contact_in_another_shape_is_parked_and_shows_nothing(
    service: "Service", answer: object, reason: str
) -> None:
    raw = await service.queued(MAIL)
    row = await service.row(raw)
    service.outside.contacts[str(row["case_id"])] = answer  # type: ignore[assignment]
    assert await process(service, raw) is Outcome.PARKED
    assert await service.rows("SELECT reason FROM parked") == [{"reason": reason}]
    assert service.mail.mails == []


async def test_a_notification_that_the_database_does_not_know_is_parked(service: "Service") -> None:
    raw = await service.queued(MAIL)
    async with service.database.unit_of_work() as work:
        await work.connection.run("DELETE FROM notifications")
        await work.commit()
    assert await process(service, raw) is Outcome.PARKED
    assert await service.rows("SELECT reason FROM parked") == [{"reason": "no such notification"}]


async def test_a_template_that_the_policy_has_lost_parks_the_notification(service: "Service") -> None:
    raw = await service.queued(MAIL)
    async with service.database.unit_of_work() as work:
        await work.connection.run("UPDATE notifications SET template = 'case-forgotten'")
        await work.commit()
    assert await process(service, raw) is Outcome.PARKED
    assert await service.rows("SELECT reason FROM parked") == [{"reason": "template is not in the policy"}]


async def test_no_address_ticket_or_text_is_stored_or_logged_whatever_happens(
    service: "Service", caplog: pytest.LogCaptureFixture
) -> None:
    with capture_logs() as logs:
        await process(service, await service.queued(MAIL))
        for where, answer in (
            ("recipient_answer", "550 unknown"),
            ("recipient_answer", "452 full"),
            ("data_answer", "554 spam"),
        ):
            setattr(service.mail, where, answer)
            await process(service, await service.queued(MAIL))
            setattr(service.mail, where, None)
        await process(service, await service.queued(MAIL, email="a b@contoh.id"))
        service.mail.sender_answer = "550 not you"
        with pytest.raises(TransientError) as transient:
            await process(service, await service.queued(MAIL))
    assert [entry["status"] for entry in logs if entry["event"] == "notification ended"] == [
        "delivered",
        "failed",
        "failed",
    ]
    said = f"{logs}\n{caplog.text}\n{transient.value}\n{await service.everything_stored()}"
    for personal in (TICKET, PHONE, PHONE[3:], "@contoh.id", "terdaftar"):
        assert personal not in said
