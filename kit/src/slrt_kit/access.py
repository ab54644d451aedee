"""Decide who may do what, where: the permission table of access.yaml and the scopes it gives."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cache
from importlib import resources

import yaml

from slrt_kit.regions import RegionCode, covers


class ScopeKind(StrEnum):
    """How far a permission reaches."""

    REGION = "region"
    OFFICE = "office"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """What a token says of itself, by which it is revoked.

    ``client`` is who asked for it (``azp``), ``issued_at`` in seconds since 1970 UTC, ``key`` the RFC 7638 thumbprint
    of the key that signed it.
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
        kinds = {kind for role, kind in permission_table()[permission].items() if role in self.roles}
        if not kinds:
            return None
        return Scope(
            everywhere=ScopeKind.ANY in kinds,
            region=self.region if ScopeKind.REGION in kinds else None,
            office=self.office if ScopeKind.OFFICE in kinds else None,
        )


@dataclass(frozen=True, slots=True)
class Scope:
    """The part of the world that a permission covers; stores turn it into a WHERE clause."""

    everywhere: bool
    region: str | None
    office: str | None

    def covers(self, *, region: str | None = None, office: str | None = None) -> bool:
        """Whether a thing in that region (dotted code) or of that office is inside."""
        if self.everywhere:
            return True
        if self.region is not None and region is not None and covers(RegionCode(self.region), RegionCode(region)):
            return True
        return self.office is not None and office == self.office


@cache
def permission_table() -> dict[str, dict[str, ScopeKind]]:
    """The table, read once.

    Raises:
        ValueError: a scope kind is unknown.
    """
    data = yaml.safe_load(resources.files("slrt_kit").joinpath("access.yaml").read_text(encoding="utf-8"))
    return {
        permission: {role: ScopeKind(kind) for role, kind in grants.items()}
        for permission, grants in data["permissions"].items()
    }
