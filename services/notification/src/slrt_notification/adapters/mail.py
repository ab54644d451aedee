"""Send a message by SMTP."""

import re
from email.headerregistry import Address
from email.message import EmailMessage

import aiosmtplib
from pydantic import SecretStr

from slrt_kit.messaging.errors import RejectedError, TransientError
from slrt_notification.domain.messages import Message
from slrt_notification.domain.notification import Notification
from slrt_notification.ports import RecipientRefusedError
from slrt_notification.settings import SmtpSecurity

TIMEOUT_S = 10.0
HEADER = "X-SLRT-Notification"

_ADDRESS = re.compile(r"[^@\s<>\",;]+@[^@\s<>\",;]+")
_PERMANENT = 500
_CLOSING = 421


class MailSender:
    """The e-mail channel (keeps the promise of `ports.Sender`). One connection per message.

    No exception of the SMTP library leaves here, nor is it chained: its text holds addresses.
    """

    def __init__(
        self,
        *,
        host: str,
        port: int,
        mail_from: str,
        security: SmtpSecurity = SmtpSecurity.NONE,
        username: str | None = None,
        password: SecretStr | None = None,
        timeout: float = TIMEOUT_S,
    ) -> None:
        self._host = host
        self._port = port
        self._from = mail_from
        self._security = security
        self._username = username
        self._password = password
        self._timeout = timeout

    async def send(self, notification: Notification, message: Message, *, to: str) -> None:
        """See `ports.Sender`."""
        mail = self.compose(notification, message, to=to)
        try:
            await aiosmtplib.send(
                mail,
                sender=self._from,
                recipients=[to],
                hostname=self._host,
                port=self._port,
                timeout=self._timeout,
                use_tls=self._security is SmtpSecurity.TLS,
                start_tls=self._security is SmtpSecurity.STARTTLS,
                username=self._username,
                password=None if self._password is None else self._password.get_secret_value(),
            )
        except (aiosmtplib.SMTPException, OSError) as error:
            raise _verdict(error) from None

    def compose(self, notification: Notification, message: Message, *, to: str) -> EmailMessage:
        """The mail. The same notification always makes the same Message-ID and Date.

        Raises:
            RecipientRefusedError: the address is none.
        """
        mail = EmailMessage()
        try:
            # fullmatch keeps line breaks out, before the header parser judges the rest. Python's parser takes no
            # local part in another script (RFC 6531), and hardly a mail server does.
            if not _ADDRESS.fullmatch(to) or not to.isascii():
                raise RecipientRefusedError
            mail["To"] = Address(addr_spec=to)
        except ValueError:
            raise RecipientRefusedError from None
        mail["From"] = Address(message.sender, addr_spec=self._from)
        mail["Subject"] = message.subject or ""
        mail["Date"] = notification.queued_at
        mail["Message-ID"] = f"<{notification.notification_id}@{self._from.rpartition('@')[2]}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail[HEADER] = str(notification.notification_id)
        mail.set_content(message.text)
        return mail


def _verdict(error: Exception) -> Exception:
    """What the fault means for this message and for the others; with the code and never the server's words."""
    match error:
        case aiosmtplib.SMTPRecipientsRefused(recipients=[refused, *_]):
            return _recipient_verdict(refused.code)
        case aiosmtplib.SMTPDataError(code=code) if code >= _PERMANENT:
            # Content or size refused: the same message again is no better, but the others may go.
            return RejectedError(f"mail server refused the message with {code}")
        case aiosmtplib.SMTPResponseException(code=code):
            return TransientError(f"mail server answered {code}")
        case _:
            return TransientError(f"mail server: {type(error).__name__}")


def _recipient_verdict(code: int) -> Exception:
    if code >= _PERMANENT:
        return RecipientRefusedError()
    if code == _CLOSING:
        return TransientError(f"mail server answered {code}")
    # 450, 451, 452 at RCPT: this mailbox is full, busy or greylisted. It waits alone; the others' mail goes out.
    return RejectedError(f"mailbox cannot take mail now ({code})")
