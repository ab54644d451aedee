"""The settings of notification (``SLRT_NOTIFICATION_…``)."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from slrt_kit.settings import ServiceSettings


class SmtpSecurity(StrEnum):
    """How the connection to the mail server is protected."""

    NONE = "none"
    STARTTLS = "starttls"
    TLS = "tls"


class NotificationSettings(ServiceSettings):
    """See `ServiceSettings`."""

    model_config = SettingsConfigDict(env_prefix="SLRT_NOTIFICATION_", frozen=True, extra="ignore")

    client_id: str = "slrt-notification"
    intake_url: str = Field(description="intake's own base URL, where contacts are fetched")
    smtp_host: str
    smtp_port: int = Field(default=25, ge=1, le=65535)
    smtp_security: SmtpSecurity = SmtpSecurity.NONE
    smtp_username: str | None = None
    smtp_password: SecretStr | None = None
    mail_from: Annotated[str, Field(pattern=r"^[^@\s<>]+@[^@\s<>]+$", description="sender address of mails")]
    message_provider_url: str = Field(description="base URL of the HTTP provider for WhatsApp messages")
    supervisors_file: Path | None = Field(default=None, description="YAML: region code → mailbox of who supervises it")
