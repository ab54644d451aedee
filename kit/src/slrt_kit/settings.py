"""Read a service's frozen settings from the environment and from secret files; nothing else reads the environment."""

import os
from pathlib import Path
from typing import Any, Self

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class ServiceSettings(BaseSettings):
    """What every service needs. A subclass sets ``env_prefix`` (``SLRT_INTAKE_``) and adds its own fields.

    A secret may come from a file: with ``SLRT_INTAKE_SECRETS_DIR=/run/secrets`` the file
    ``/run/secrets/slrt_intake_database_url`` is read. The environment wins over a file.
    """

    # An error names the setting and hides what was given: among it are the secrets.
    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    database_url: SecretStr = Field(description="postgresql://user:password@host:port/database")
    database_pool_size: int = Field(default=10, ge=1, le=200)
    worker_pool_size: int = Field(default=6, ge=1, le=200, description="connections of the consumers of a process")
    kafka_bootstrap: str = Field(description="host:port, comma separated")
    kafka_replication: int = Field(default=1, ge=1, le=9, description="copies of a topic that must be made again")
    http_host: str = "127.0.0.1"
    http_port: int = Field(default=8000, ge=0, le=65535)
    metrics_port: int | None = Field(default=None, description="livez, readyz and metrics of roles without an API")
    oidc_issuer: str
    oidc_jwks_url: str
    oidc_audience: str = "slrt"
    token_url: str = Field(description="where this service gets its own token (client credentials)")
    client_id: str
    client_secret: SecretStr
    otlp_endpoint: str | None = Field(default=None, description="OTLP over HTTP; traces are off without it")
    log_level: str = "INFO"
    kafka_session_timeout_ms: int = Field(default=6000, ge=1000, description="how soon a killed consumer is replaced")

    @classmethod
    def load(cls, **overrides: Any) -> Self:
        """Settings from the environment and ``<prefix>SECRETS_DIR``.

        Raises:
            pydantic.ValidationError: naming every setting that is missing or wrong.
            FileNotFoundError: the folder of secrets is not there.
        """
        prefix = cls.model_config.get("env_prefix", "")
        secrets_dir = os.environ.get(f"{prefix}SECRETS_DIR")
        if secrets_dir and not Path(secrets_dir).is_dir():
            raise FileNotFoundError(f"{prefix}SECRETS_DIR: there is no folder {secrets_dir}")
        return cls(_secrets_dir=secrets_dir, **overrides)
