"""Mail over TLS and with a login: no message goes out in clear when protection was asked for."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import SecretStr

from slrt_contracts.codes import NotificationChannel
from slrt_contracts.types import CaseId, EventId, NotificationId, TemplateCode
from slrt_kit.messaging.errors import TransientError
from slrt_notification.adapters.mail import MailSender
from slrt_notification.domain.messages import Message
from slrt_notification.domain.notification import Notification
from slrt_notification.settings import SmtpSecurity

if TYPE_CHECKING:
    from tests.integration.notification.conftest import MailServer

NOW = datetime(2026, 7, 1, tzinfo=UTC)
PASSWORD = "kata-sandi-surat"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of 127.0.0.1, signed by itself, with its key in the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "surat.test")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("certificate") / "surat.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return path


Listen = Callable[..., Any]


@pytest.fixture
async def listen(mail: "MailServer") -> AsyncIterator[Listen]:
    """``await listen(tls=…, starttls=…, login=…)`` puts the mail server behind another door; gives its port."""
    servers: list[asyncio.Server] = []

    def authenticate(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=data.password == PASSWORD.encode(), handled=False)

    async def start(
        *, tls: ssl.SSLContext | None = None, starttls: ssl.SSLContext | None = None, login: bool = False
    ) -> int:
        def session() -> SMTP:
            return SMTP(
                mail,
                tls_context=starttls,
                require_starttls=starttls is not None,
                authenticator=authenticate if login else None,
                auth_required=login,
                ident="test",
            )

        server = await asyncio.get_running_loop().create_server(session, "127.0.0.1", 0, ssl=tls)
        servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    yield start
    for server in servers:
        server.close()
        await server.wait_closed()


def context_of(certificate: Path) -> ssl.SSLContext:
    """The server's side of TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


async def send(port: int, *, security: SmtpSecurity = SmtpSecurity.NONE, password: str | None = None) -> None:
    """Send one mail to the port."""
    notification = Notification.queue(
        notification_id=NotificationId(UUID(int=1)),
        case_id=CaseId(UUID(int=2)),
        district_code=None,
        channel=NotificationChannel.EMAIL,
        template=TemplateCode("case-closed"),
        cause_event_id=EventId(UUID(int=3)),
        caused_at=NOW,
        at=NOW,
    )
    sender = MailSender(
        host="127.0.0.1",
        port=port,
        mail_from="slrt@contoh.go.id",
        security=security,
        username=None if password is None else "slrt",
        password=None if password is None else SecretStr(password),
        timeout=5,
    )
    await sender.send(notification, Message(subject="Tiket", text="Tiket"), to="warga.9901@contoh.id")


@pytest.mark.parametrize("security", [SmtpSecurity.TLS, SmtpSecurity.STARTTLS])
async def test_a_protected_server_with_a_trusted_certificate_takes_the_mail(
    listen: Listen, mail: "MailServer", certificate: Path, monkeypatch: pytest.MonkeyPatch, security: SmtpSecurity
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    door = "tls" if security is SmtpSecurity.TLS else "starttls"
    await send(await listen(**{door: context_of(certificate)}), security=security)
    assert len(mail.mails) == 1


@pytest.mark.parametrize("security", [SmtpSecurity.TLS, SmtpSecurity.STARTTLS])
async def test_a_certificate_that_nobody_trusts_gets_no_mail(
    listen: Listen, mail: "MailServer", certificate: Path, security: SmtpSecurity
) -> None:
    door = "tls" if security is SmtpSecurity.TLS else "starttls"
    port = await listen(**{door: context_of(certificate)})
    with pytest.raises(TransientError, match=r"^mail server: "):
        await send(port, security=security)
    assert mail.mails == []


@pytest.mark.parametrize("security", [SmtpSecurity.TLS, SmtpSecurity.STARTTLS])
async def test_a_server_without_protection_gets_no_mail_when_protection_was_asked_for(
    mail: "MailServer", security: SmtpSecurity
) -> None:
    with pytest.raises(TransientError, match=r"^mail server: "):
        await send(mail.port, security=security)
    assert mail.mails == []


async def test_a_login_that_is_refused_delays_and_the_right_one_sends(
    listen: Listen, mail: "MailServer", certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    port = await listen(starttls=context_of(certificate), login=True)
    for password in (None, "salah"):
        with pytest.raises(TransientError, match=r"^mail server answered 53[05]$"):
            await send(port, security=SmtpSecurity.STARTTLS, password=password)
    assert mail.mails == []
    await send(port, security=SmtpSecurity.STARTTLS, password=PASSWORD)
    assert len(mail.mails) == 1
