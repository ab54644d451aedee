"""Whatever the contact and the case are, a message holds the ticket number, the stage and the fixed words."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from slrt_contracts.codes import FailureReason, NotificationChannel
from slrt_contracts.types import CaseId, DistrictCode, EventId, NotificationId, TemplateCode
from slrt_notification import usecases
from slrt_notification.domain.contact import Contact
from slrt_notification.domain.messages import Language, Message
from slrt_notification.domain.notification import Notification
from slrt_notification.testing import packaged_messages

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
BOOK = packaged_messages()
POLICY = BOOK.at("00")

templates = st.sampled_from(sorted(POLICY.templates))
channels = st.sampled_from(NotificationChannel)
# What the placeholders must survive: braces, percent signs, other scripts, control characters.
words = st.text(min_size=1, max_size=40) | st.sampled_from(["{stage}", "{name}", "{0}", "%s", "{ticket_number.x}"])
tickets = st.from_regex(r"[0-9]{4}-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}", fullmatch=True)


class KeepingSender:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.sent: list[tuple[Message, str]] = []

    async def send(self, notification: Notification, message: Message, *, to: str) -> None:
        del notification
        self.sent.append((message, to))


class OneContact:
    """Knows one contact."""

    def __init__(self, contact: Contact) -> None:
        self.contact = contact

    async def contact_of(self, case_id: CaseId, *, event_id: EventId) -> Contact:
        del case_id, event_id
        return self.contact


class OneCode:
    """Knows one code."""

    async def code_of(self, case_id: CaseId, *, event_id: EventId) -> str | None:
        del case_id, event_id
        return "042137"


class OneSupervisor:
    """Knows one contact for every district."""

    def __init__(self, contact: Contact) -> None:
        self.contact = contact

    def contact_of(self, case_id: CaseId, district_code: DistrictCode | None) -> Contact:
        del case_id, district_code
        return self.contact


def queued(template: TemplateCode, channel: NotificationChannel, *, caused_at: datetime = NOW) -> Notification:
    """A queued notification."""
    return Notification.queue(
        notification_id=NotificationId(UUID(int=1)),
        case_id=CaseId(UUID(int=2)),
        district_code=None,
        channel=channel,
        template=template,
        cause_event_id=EventId(UUID(int=3)),
        caused_at=caused_at,
        at=NOW,
    )


async def attempt(
    notification: Notification, contact: Contact, *, now: datetime = NOW
) -> tuple[usecases.Attempt, list[tuple[Message, str]]]:
    """Send it to the contact; how it ended and what was sent."""
    sender = KeepingSender()
    ended = await usecases.attempt(
        notification,
        policies=BOOK,
        contacts=OneContact(contact),
        supervisors=OneSupervisor(contact),
        sender=sender,
        codes=OneCode(),
        event_id=EventId(UUID(int=4)),
        now=now,
    )
    return ended, sender.sent


@given(
    template=templates,
    channel=channels,
    ticket=tickets,
    language=words | st.sampled_from(["id", "en"]),
    phone=words,
    email=words,
)
async def test_a_message_is_the_fixed_words_with_ticket_and_stage_and_nothing_of_the_contact(
    *, template: TemplateCode, channel: NotificationChannel, ticket: str, language: str, phone: str, email: str
) -> None:
    contact = Contact(ticket_number=ticket, language=language, phone=phone, email=email)
    ended, sent = await attempt(queued(template, channel), contact)
    assert ended == usecases.Attempt(None, brought_code=template == "resident-code")
    [(message, to)] = sent
    assert to == (email if channel is NotificationChannel.EMAIL else phone)
    written = Language.ENGLISH if language == "en" else Language.INDONESIAN
    found = POLICY.templates[template]
    wording = found.layout[channel][written]
    for said, words_ in ((message.text, wording.text.strip()), (message.subject, wording.subject)):
        assert (said is None) == (words_ is None)
        if words_ is not None:
            assert said == words_.replace("{ticket_number}", ticket).replace("{stage}", found.stage[written]).replace(
                "{code}", "042137"
            ).replace("{sender}", "SLRT")


@given(channel=channels, phone=st.none() | st.just(""), email=st.none() | st.just(""))
async def test_a_resident_without_address_on_the_channel_is_a_failure_without_sending(
    channel: NotificationChannel, phone: str | None, email: str | None
) -> None:
    contact = Contact(ticket_number="1274-7KQ4-M2XD", language="id", phone=phone, email=email)
    ended, sent = await attempt(queued(TemplateCode("case-closed"), channel), contact)
    assert ended == usecases.Attempt(FailureReason.NO_CONTACT)
    assert sent == []


async def test_news_that_is_older_than_the_policy_allows_is_not_sent() -> None:
    contact = Contact(ticket_number="1274-7KQ4-M2XD", language="id", phone="+6281200009901", email=None)
    notification = queued(TemplateCode("case-closed"), NotificationChannel.WHATSAPP)
    just = NOW + POLICY.channels[NotificationChannel.WHATSAPP].expires_after
    assert await attempt(notification, contact, now=just + timedelta(seconds=1)) == (
        usecases.Attempt(FailureReason.EXPIRED),
        [],
    )
    ended, sent = await attempt(notification, contact, now=just)
    assert ended == usecases.Attempt(None)
    assert len(sent) == 1


def test_a_contact_shows_no_address_when_it_is_printed() -> None:
    contact = Contact(ticket_number="1274-7KQ4-M2XD", language="id", phone="+6281200009901", email="a@contoh.id")
    assert "+62" not in repr(contact)
    assert "@" not in repr(contact)
