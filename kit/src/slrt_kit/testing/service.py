"""A service under test: the environment it is told its settings by, and a client of its application."""

import httpx
from fastapi import FastAPI

from slrt_kit.testing.issuer import TestIssuer

NOBODY = "127.0.0.1:9"
"""The discard port: an address at which no broker answers."""


def environment_of(
    service: str, *, database_url: str, issuer: TestIssuer, kafka_bootstrap: str = NOBODY, **more: str
) -> dict[str, str]:
    """The ``SLRT_<SERVICE>_…`` variables of a service; ``more`` adds settings by field name, such as ``http_port``."""
    values = {
        "database_url": database_url,
        "kafka_bootstrap": kafka_bootstrap,
        "oidc_issuer": issuer.issuer,
        "oidc_jwks_url": issuer.jwks_url,
        "token_url": issuer.token_url,
        "client_secret": "a-secret-of-tests",
        "audit_signing_key": "5e" * 32,
        "kafka_session_timeout_ms": "2000",
        "person_rate": "1000000",  # one caller of a test asks as often as a whole office
        **more,
    }
    return {f"SLRT_{service.upper()}_{name.upper()}": value for name, value in values.items()}


def api_client(app: FastAPI, **headers: str) -> httpx.AsyncClient:
    """A client of the application in this process; crashes come back as the 500 that a caller would see."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://service.test", headers=headers)
