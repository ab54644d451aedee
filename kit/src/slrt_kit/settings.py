"""Read a service's frozen settings from the environment and from secret files; nothing else reads the environment."""

import os
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from slrt_kit.messaging.connection import BrokerAccess


class KafkaSettings(BaseSettings):
    """How a process reaches the broker. A subclass sets ``env_prefix`` (``SLRT_INTAKE_``) and adds its own fields.

    A secret may come from a file: with ``SLRT_INTAKE_SECRETS_DIR=/run/secrets`` the file
    ``/run/secrets/slrt_intake_kafka_password`` is read. The environment wins over a file.
    """

    # An error names the setting and hides what was given: among it are the secrets.
    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    kafka_bootstrap: str = Field(description="host:port, comma separated")
    kafka_replication: int = Field(default=1, ge=1, le=9, description="copies of a topic that is made")
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    kafka_sasl_mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"] = "SCRAM-SHA-512"
    kafka_user: str | None = None
    kafka_password: SecretStr | None = None
    kafka_ca_file: Path | None = Field(default=None, description="certificates to trust instead of the system's")

    @property
    def broker(self) -> BrokerAccess:
        """The broker, for those who open a connection."""
        return BrokerAccess(
            address=self.kafka_bootstrap,
            protocol=self.kafka_security_protocol,
            mechanism=self.kafka_sasl_mechanism,
            user=self.kafka_user,
            password=None if self.kafka_password is None else self.kafka_password.get_secret_value(),
            ca_file=None if self.kafka_ca_file is None else str(self.kafka_ca_file),
        )

    @model_validator(mode="after")
    def _user_goes_with_sasl(self) -> Self:
        if not self.kafka_security_protocol.startswith("SASL_"):
            if self.kafka_user:
                raise ValueError("kafka_user is for a kafka_security_protocol of SASL: without it nobody is asked")
        elif not (self.kafka_user and self.kafka_password and self.kafka_password.get_secret_value()):
            raise ValueError(f"{self.kafka_security_protocol} needs kafka_user and kafka_password")
        return self

    @classmethod
    def load(cls, **overrides: Any) -> Self:
        """Settings from the environment and ``<prefix>SECRETS_DIR``.

        Raises:
            pydantic.ValidationError: naming every setting that is missing or wrong.
            FileNotFoundError: the folder of secrets is not there.
        """
        folder = cls.secrets_folder()
        return cls(_secrets_dir=folder, **overrides)

    @classmethod
    def secrets_folder(cls) -> Path | None:
        """The folder of ``<prefix>SECRETS_DIR``. Raises FileNotFoundError where it is not there."""
        variable = f"{cls.model_config.get('env_prefix', '')}SECRETS_DIR"
        given = os.environ.get(variable)
        if given and not Path(given).is_dir():
            raise FileNotFoundError(f"{variable}: there is no folder {given}")
        return Path(given) if given else None


class ServiceSettings(KafkaSettings):
    """What every service needs."""

    database_url: SecretStr = Field(description="postgresql://user:password@host:port/database")
    database_pool_size: int = Field(default=10, ge=1, le=200)
    worker_pool_size: int = Field(default=6, ge=1, le=200, description="connections of the consumers of a process")
    http_host: str = "127.0.0.1"
    http_port: int = Field(default=8000, ge=0, le=65535)
    metrics_port: int | None = Field(default=None, description="livez, readyz and metrics of roles without an API")
    oidc_issuer: str
    oidc_jwks_url: str
    oidc_audience: str = "slrt"
    oidc_revocations_url: str | None = Field(default=None, description="the list of revoked tokens; none without it")
    person_rate: float = Field(default=50, ge=0, description="requests per second of one person, per process; 0: any")
    person_burst: int = Field(default=100, ge=1, description="requests of one person at once, per process")
    token_url: str = Field(description="where this service gets its own token (client credentials)")
    client_id: str
    client_secret: SecretStr
    otlp_endpoint: str | None = Field(default=None, description="OTLP over HTTP; traces are off without it")
    log_level: str = "INFO"
    audit_signing_key: SecretStr | None = Field(
        default=None, description="Ed25519 private key of the audit log: 64 hexadecimal digits; for relay and all"
    )
    kafka_session_timeout_ms: int = Field(default=6000, ge=1000, description="how soon a killed consumer is replaced")


class TopicsSettings(KafkaSettings):
    """Of whoever applies the topic registry to a broker: an administrator of it, who is given the users' passwords."""

    model_config = SettingsConfigDict(env_prefix="SLRT_TOPICS_")

    @classmethod
    def password_of(cls, user: str) -> str | None:
        """The password that a user of the broker is to have, None where none is given.

        It is in the environment or in a file of ``SLRT_TOPICS_SECRETS_DIR``, under the name that a service reads its
        own by: of slrt-intake ``SLRT_INTAKE_KAFKA_PASSWORD`` or ``slrt_intake_kafka_password``.
        """
        name = f"{user.replace('-', '_')}_kafka_password"
        folder = cls.secrets_folder()
        given = os.environ.get(name.upper())
        if not given and folder is not None and (folder / name).is_file():
            given = (folder / name).read_text(encoding="utf-8").strip()
        return given or None
