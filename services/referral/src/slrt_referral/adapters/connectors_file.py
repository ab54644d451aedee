"""Read where an office's own system listens and the secret that its notices are signed with."""

import binascii
from base64 import b64decode
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from slrt_contracts.types import OfficeCode
from slrt_kit.http.destinations import Destinations, ForbiddenDestinationError
from slrt_referral.adapters.yaml_text import YamlError, read_yaml

SECRET_PREFIX = "whsec_"  # noqa: S105 — the prefix that Standard Webhooks gives to secrets
_SECRET_BYTES = range(24, 65)  # Standard Webhooks: between 24 and 64 bytes


class ConnectorConfigError(Exception):
    """The connector of an office cannot start; the message says what to put right."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An office's endpoint."""

    url: str
    secret: SecretStr


def endpoint_of(office: OfficeCode, file: Path | None, destinations: Destinations) -> Endpoint:
    """The endpoint of an office from the connectors file: YAML ``{office code: {url, secret}}``.

    What a host resolves to is judged at each delivery.

    Raises:
        ConnectorConfigError: there is no file, no such office in it, or its entry is wrong. No secret is shown.
    """
    if file is None:
        raise ConnectorConfigError("set SLRT_REFERRAL_CONNECTORS_FILE to the file of the offices' endpoints")
    try:
        entries = read_yaml(file)
    except YamlError as error:
        raise ConnectorConfigError(str(error)) from error
    entry = entries.get(office) if isinstance(entries, dict) else None
    if entry is None:
        raise ConnectorConfigError(f"office {office} has no endpoint in {file}")
    return _endpoint(entry, f"{file.name}: office {office}", destinations)


def _endpoint(entry: Any, where: str, destinations: Destinations) -> Endpoint:
    if not isinstance(entry, dict) or set(entry) != {"url", "secret"}:
        raise ConnectorConfigError(f"{where}: needs url and secret, and nothing else")
    url, secret = entry["url"], entry["secret"]
    if not isinstance(url, str):
        raise ConnectorConfigError(f"{where}: url is not an http or https address")
    try:
        destinations.check(url)
    except ForbiddenDestinationError as error:
        hint = "public https alone is allowed without an entry in SLRT_REFERRAL_OFFICE_ENDPOINT_ALLOW"
        raise ConnectorConfigError(f"{where}: url is refused: {error}; {hint}") from error
    if not isinstance(secret, str) or not secret.startswith(SECRET_PREFIX) or not _is_key(secret):
        raise ConnectorConfigError(f"{where}: secret is not {SECRET_PREFIX} and 24 to 64 bytes in base64")
    return Endpoint(url, SecretStr(secret))


def _is_key(secret: str) -> bool:
    try:
        return len(b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)) in _SECRET_BYTES
    except binascii.Error:
        return False
