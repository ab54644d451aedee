"""Who the local issuer knows: people, machines and applications. Development only."""

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

PREFIX = "/identity"  # below the gateway and below the issuer's own port
AUDIENCE = "slrt"
PUBLIC_CLIENT = "slrt-web"
ROLES = frozenset(
    {"resident", "facilitator", "front_office", "back_office", "surveyor", "coordinator", "supervisor", "manager"}
    | {"opd_officer", "head_of_division", "head_of_office", "province_desk", "centre_desk", "leadership"}
    | {"admin", "auditor", "service", "partner"}
)
_REGION = re.compile(r"\d{2}(\.\d{2}(\.\d{2}(\.\d{4})?)?)?")
_OFFICE = re.compile(r"\d{2}(\.\d{2})?\.[A-Z][A-Z0-9_]*")


class IdentityError(ValueError):
    """A role, region or office that cannot be in a token."""


@dataclass(frozen=True)
class Account:
    """A person or a machine that can get a token; ``subject`` is its ``sub`` claim."""

    subject: str
    name: str
    roles: tuple[str, ...]
    region: str | None = None
    office: str | None = None

    def __post_init__(self) -> None:
        for role in self.roles:
            if role not in ROLES:
                raise IdentityError(f"{role!r} is no role; roles are: {', '.join(sorted(ROLES))}")
        if self.region is not None and not _REGION.fullmatch(self.region):
            raise IdentityError(f"{self.region!r} is no region code such as 12, 12.74, 12.74.03 or 12.74.03.1001")
        if self.office is not None and not _OFFICE.fullmatch(self.office):
            raise IdentityError(f"{self.office!r} is no office code such as 12.74.DUKCAPIL")


@dataclass(frozen=True)
class Application:
    """A frontend that signs people in: where it may be sent back to, letter by letter."""

    client: str
    redirect_uris: frozenset[str]
    after_sign_out: frozenset[str]


@dataclass(frozen=True)
class Directory:
    """The seeded accounts: users by user name, clients by client id, and the users' one password."""

    users: dict[str, Account]
    clients: dict[str, Account]
    applications: dict[str, Application]
    password: str


def parse_directory(text: str) -> Directory:
    """Read users.yaml; raises `IdentityError` for a wrong role, region or office, `KeyError` for a missing field."""
    data: dict[str, Any] = yaml.safe_load(text)
    users = {entry["username"]: _account(entry["username"], entry) for entry in data["users"]}
    clients = {entry["client_id"]: _account(entry["client_id"], entry) for entry in data["clients"]}
    applications = {entry["client_id"]: _application(entry) for entry in data.get("applications", ())}
    return Directory(users, clients, applications, str(data["password"]))


def _application(entry: dict[str, Any]) -> Application:
    return Application(entry["client_id"], frozenset(entry["redirect_uris"]), frozenset(entry["after_sign_out"]))


def _account(subject: str, entry: dict[str, Any]) -> Account:
    name, roles = str(entry.get("name", subject)), tuple(entry["roles"])
    return Account(subject, name, roles, region=entry.get("region"), office=entry.get("office"))


@cache
def directory() -> Directory:
    """The committed directory."""
    return parse_directory(files("slrt_local").joinpath("data/users.yaml").read_text(encoding="utf-8"))


def account_for(role: str, *, region: str | None, office: str | None, subject: str | None) -> Account:
    """The seeded user who fits, else an account made up for these claims.

    Without region and office the first seeded user of the role is taken as he is.
    Raises `IdentityError` for an unknown role, region or office.
    """
    asked = Account(subject or "", "", (role,), region=region, office=office)
    everybody = [*directory().users.values(), *directory().clients.values()]
    for known in everybody:
        fits_region = region in (None, known.region)
        fits_office = office in (None, known.office)
        if role in known.roles and fits_region and fits_office and subject in (None, known.subject):
            return known
    made_up = "-".join(filter(None, ("dev", role, region, office)))
    return Account(subject or made_up, subject or made_up, (role,), region=asked.region, office=asked.office)
