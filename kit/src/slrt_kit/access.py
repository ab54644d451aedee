"""Decide who may do what, where: the permission table of access.yaml and the scopes it gives.

What a scope covers becomes the condition of a query in the stores (`slrt_kit.scoped`), so that what is not the caller's
is not found rather than found and refused. Beside region and office, a case may be kept from most who work there:
see ``restricted`` and ``sealed`` in access.yaml.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cache, lru_cache
from importlib import resources

import yaml

from slrt_kit.regions import RegionCode, covers


class ScopeKind(StrEnum):
    """How far a permission reaches."""

    REGION = "region"
    OFFICE = "office"
    REGION_AND_OFFICE = "region_and_office"
    """Either of the two: of the office also what its region does not know of."""
    OWN = "own"
    ASSIGNED = "assigned"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """What a token says of itself, by which it is revoked.

    ``client`` is who asked for it (``client_id`` or ``azp``), ``issued_at`` in seconds since 1970 UTC, ``key`` the RFC
    7638 thumbprint of the key that signed it.
    """

    id: str
    client: str | None
    issued_at: float
    key: str


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is calling, as the verified token says. ``region`` is a dotted Kemendagri code and means its subtree."""

    subject: str
    roles: frozenset[str]
    region: str | None
    office: str | None
    expires_at: datetime
    token: TokenFacts | None = field(default=None, compare=False)

    def scope(self, permission: str) -> "Scope | None":
        """How far the caller's roles reach for this permission; None when none of them has it."""
        kinds = _kinds(permission, self.roles)
        if not kinds:
            return None
        return Scope(
            subject=self.subject,
            everywhere=ScopeKind.ANY in kinds,
            region=self.region if kinds & {ScopeKind.REGION, ScopeKind.REGION_AND_OFFICE} else None,
            office=self.office if kinds & {ScopeKind.OFFICE, ScopeKind.REGION_AND_OFFICE} else None,
            own=ScopeKind.OWN in kinds,
            assigned=ScopeKind.ASSIGNED in kinds,
        )


@dataclass(frozen=True, slots=True)
class Scope:
    """The part of the world that a permission covers; stores turn it into a WHERE clause.

    ``own`` is what ``subject`` made, ``assigned`` what somebody put ``subject`` in charge of.
    """

    subject: str = ""
    everywhere: bool = False
    region: str | None = None
    office: str | None = None
    own: bool = False
    assigned: bool = False

    def covers(self, *, region: str | None = None, office: str | None = None) -> bool:
        """Whether a thing in that region (dotted code) or of that office is inside."""
        if self.everywhere:
            return True
        if self.region is not None and region is not None and covers(RegionCode(self.region), RegionCode(region)):
            return True
        return self.office is not None and office == self.office


@dataclass(frozen=True, slots=True)
class AccessTable:
    """access.yaml: ``permissions`` by name, role → scope; ``alone`` are roles beside which no other counts."""

    version: int
    permissions: Mapping[str, Mapping[str, ScopeKind]]
    alone: frozenset[str]


def parse_access(text: str) -> AccessTable:
    """The table of a document such as access.yaml.

    Raises:
        ValueError: a key is missing or unknown, or a scope kind is.
    """
    data = yaml.safe_load(text)
    if not isinstance(data, dict) or set(data) != {"version", "alone", "permissions"}:
        raise ValueError("access.yaml has version, alone and permissions, and nothing else")
    permissions = {
        permission: {role: ScopeKind(kind) for role, kind in grants.items()}
        for permission, grants in data["permissions"].items()
    }
    roles = {role for grants in permissions.values() for role in grants}
    alone = frozenset(data["alone"])
    if not alone <= roles:
        raise ValueError(f"alone names roles that have no permission: {sorted(alone - roles)}")
    return AccessTable(int(data["version"]), permissions, alone)


@cache
def access_table() -> AccessTable:
    """The table in force, read once."""
    return parse_access(resources.files("slrt_kit").joinpath("access.yaml").read_text(encoding="utf-8"))


def permission_table() -> Mapping[str, Mapping[str, ScopeKind]]:
    """The permissions in force: permission → role → scope."""
    return access_table().permissions


@lru_cache(maxsize=4096)
def _kinds(permission: str, roles: frozenset[str]) -> frozenset[ScopeKind]:
    """The scopes that the roles of one token give for a permission, together."""
    table = access_table()
    counting = roles & table.alone or roles
    return frozenset(kind for role, kind in table.permissions[permission].items() if role in counting)
