"""Receive e-mail by SMTP and keep it, as the mail server of a regency would."""

import secrets
from collections.abc import Callable
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from slrt_local.journal import Journal

MAX_MAIL = 1_048_576
_REPLY = "250 2.0.0 accepted"


class MailHandler:
    """The aiosmtpd handler: one journal entry per recipient and message."""

    def __init__(self, journal: Journal, clock: Callable[[], datetime]) -> None:
        self._journal, self._clock = journal, clock

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 — aiosmtpd's name
        """Keep the mail; a repeat of the same Message-ID to the same recipient is counted, not kept twice."""
        content = envelope.content if isinstance(envelope.content, bytes) else (envelope.content or "").encode()
        mail = message_from_bytes(content, policy=policy.default)
        message_id = str(mail["Message-ID"] or f"<none-{secrets.token_hex(8)}>").strip()
        for recipient in envelope.rcpt_tos:
            self._journal.add("mail", f"{message_id} {recipient}", recipient, describe(mail), now=self._clock())
        return _REPLY


def describe(mail: EmailMessage) -> dict[str, Any]:
    """The parts of a mail that the page shows."""
    part = mail.get_body(preferencelist=("plain", "html"))
    return {
        "from": str(mail["From"] or ""),
        "to": str(mail["To"] or ""),
        "subject": str(mail["Subject"] or ""),
        "message_id": str(mail["Message-ID"] or ""),
        "text": part.get_content() if part is not None else "",
    }


def protocol_factory(journal: Journal, clock: Callable[[], datetime]) -> Callable[[], SMTP]:
    """What ``loop.create_server`` needs to listen for SMTP."""
    handler = MailHandler(journal, clock)
    return lambda: SMTP(handler, data_size_limit=MAX_MAIL, enable_SMTPUTF8=True, ident="SLRT mail sink")
