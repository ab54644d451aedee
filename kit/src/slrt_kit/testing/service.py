"""A service under test: the environment it is told its settings by, and a client of its application."""

from urllib.parse import urlsplit

import httpx
from fastapi import FastAPI

from slrt_kit.clocks.steps import Deadlines
from slrt_kit.policy.book import PolicyBook
from slrt_kit.policy.packaged import packaged_documents
from slrt_kit.policy.rules import PolicyRules
from slrt_kit.privacy import Vault
from slrt_kit.privacy.blind import BlindIndex
from slrt_kit.privacy.keys import KeyRing
from slrt_kit.privacy.wrapping import KeyEncryptionKeys
from slrt_kit.runtime import Runtime
from slrt_kit.testing.issuer import TestIssuer

NOBODY = "127.0.0.1:9"
"""The discard port: an address at which no broker answers."""


KEY_ENCRYPTION_KEY = "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20"
INDEX_KEY = "2102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20"


def keys_url_of(service: str, database_url: str) -> str:
    """The keys database of a service on the server of ``database_url``: one for all databases that tests make there."""
    return urlsplit(database_url)._replace(path=f"/slrt_{service}_keys").geturl()


def keys_of(service: str, database_url: str) -> dict[str, str]:
    """What a service under test is told of its keys."""
    return {
        "keys_url": keys_url_of(service, database_url),
        "key_encryption_key": KEY_ENCRYPTION_KEY,
        "index_key": INDEX_KEY,
    }


def vault_of(service: str, database_url: str) -> Vault:
    """The vault of a service under test, with the keys that `environment_of` tells it."""
    keys = KeyRing(keys_url_of(service, database_url), KeyEncryptionKeys(bytes.fromhex(KEY_ENCRYPTION_KEY)), block=64)
    return Vault(service, keys, BlindIndex(bytes.fromhex(INDEX_KEY)))


def environment_of(
    service: str, *, database_url: str, issuer: TestIssuer, kafka_bootstrap: str = NOBODY, **more: str
) -> dict[str, str]:
    """The ``SLRT_<SERVICE>_…`` variables of a service; ``more`` adds settings by field name, such as ``http_port``."""
    values = {
        "database_url": database_url,
        **keys_of(service, database_url),
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


def packaged_book(runtime: Runtime) -> PolicyBook:
    """A policy book for a runtime whose background parts do not run: what comes with its package, since ever."""
    return PolicyBook.of(runtime.policy_rules, packaged_documents(runtime.package, runtime.policy_rules))


def packaged_deadlines(service: str) -> Deadlines:
    """The clocks of the policy that comes with a service's package, for tests without a runtime."""
    rules = PolicyRules.of(service)
    return Deadlines(PolicyBook.of(rules, packaged_documents(f"slrt_{service}", rules)))


def api_client(app: FastAPI, **headers: str) -> httpx.AsyncClient:
    """A client of the application in this process; crashes come back as the 500 that a caller would see."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://service.test", headers=headers)
