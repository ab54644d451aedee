"""Which offices the local stack plays, where each listens, and the secret its notices are signed with."""

import secrets
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from slrt_local.net import LOOPBACK
from slrt_local.state import State, write_private

OFFICES = ("12.74.DUKCAPIL", "12.74.DIKBUD", "12.74.PUPR", "12.PUPR", "12.ESDM")
NOTICE_PATH = "/notices"


@dataclass(frozen=True)
class Endpoint:
    """Where an office listens and the secret its notices are signed with."""

    code: str
    port: int
    secret: str  # whsec_…

    @property
    def origin(self) -> str:
        """What the connector must be allowed to reach."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def url(self) -> str:
        """The address for the connector."""
        return self.origin + NOTICE_PATH


def endpoints(state: State) -> list[Endpoint]:
    """The endpoint of each office in ``state``; ports and secrets are made on first use."""
    known: dict[str, str] = state.read("offices", {})
    made = {code: known.get(code) or f"whsec_{b64encode(secrets.token_bytes(32)).decode()}" for code in OFFICES}
    if made != known:
        state.write("offices", made)
    return [Endpoint(code, state.port(f"office-{code}"), made[code]) for code in OFFICES]


def connectors_file(state: State) -> Path:
    """The connectors file of the referral service: office → url and secret."""
    return state.root / "connectors.yaml"


def write_connectors(state: State) -> None:
    """Write the connectors file."""
    entries = {end.code: {"url": end.url, "secret": end.secret} for end in endpoints(state)}
    write_private(connectors_file(state), yaml.safe_dump(entries, sort_keys=True))


def read_connectors(path: Path) -> list[Endpoint]:
    """The endpoints of a connectors file."""
    entries: dict[str, dict[str, str]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return [Endpoint(code, urlsplit(entry["url"]).port or 80, entry["secret"]) for code, entry in entries.items()]


def supervisors_file(state: State) -> Path:
    """The file of the notification service that says which mailbox supervises which region."""
    return state.root / "supervisors.yaml"


def write_supervisors(state: State) -> None:
    """Write the supervisors' file: the seeded supervisor of Tanjungbalai."""
    write_private(supervisors_file(state), yaml.safe_dump({"12.74": "supervisor.1274@contoh.go.id"}))
