"""The versions of a service's policy in its own database, and which of them is in force from when."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from slrt_kit.db import Connection
from slrt_kit.policy.checks.roster import Roster
from slrt_kit.policy.layers import Documents, digest_of
from slrt_kit.policy.rules import documents_text

APPROVED, REJECTED = "approved", "rejected"
PACKAGE, PEOPLE = "package", "people"
ACTIVATE, ROLLBACK = "activate", "rollback"

_VERSION = (
    "layer, number, version_id, digest, origin, why, proposed_by, proposed_at, verdict, decided_by, decided_at, "
    "decided_why"
)
_TAKE_TURN = "UPDATE policy_revision SET revision = revision + 1 RETURNING revision"
_ADD_LAYER = """
    INSERT INTO policy_layers (layer, policy_id) VALUES (%(layer)s, %(policy_id)s) ON CONFLICT (layer) DO NOTHING
    """
_ADD_VERSION = """
    INSERT INTO policy_versions (layer, number, version_id, documents, digest, origin, why, proposed_by, proposed_at,
                                 verdict, decided_by, decided_at)
    SELECT %(layer)s, coalesce(max(number), 0) + 1, %(version_id)s, CAST(%(documents)s AS jsonb), %(digest)s,
           %(origin)s, %(why)s, %(by)s, %(at)s, %(verdict)s, %(decided_by)s, %(decided_at)s
    FROM policy_versions WHERE layer = %(layer)s
    RETURNING number
    """
_DECIDE = """
    UPDATE policy_versions SET verdict = %(verdict)s, decided_by = %(by)s, decided_at = %(at)s, decided_why = %(why)s
    WHERE layer = %(layer)s AND number = %(number)s
    """
_ACTIVATE = """
    INSERT INTO policy_activations (layer, number, effective_from, kind, why, activated_by, activated_at)
    VALUES (%(layer)s, %(number)s, %(effective_from)s, %(kind)s, %(why)s, %(by)s, %(at)s)
    """
_TELL = "UPDATE policy_layers SET told = told + 1 WHERE layer = %(layer)s RETURNING policy_id, told"


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a layer, without its documents. Times are aware."""

    layer: str
    number: int
    version_id: UUID
    digest: str
    origin: str
    why: str
    proposed_by: str
    proposed_at: datetime
    verdict: str | None
    decided_by: str | None
    decided_at: datetime | None
    decided_why: str | None


@dataclass(frozen=True, slots=True, order=True)
class Activation:
    """From ``effective_from`` on the version is in force, until the next activation of its layer begins."""

    effective_from: datetime
    layer: str
    number: int
    kind: str = ACTIVATE
    why: str = ""
    by: str = ""
    at: datetime | None = None


def in_force(activations: Sequence[Activation], at: datetime) -> dict[str, int]:
    """The version of each layer that is in force at a moment."""
    return {each.layer: each.number for each in sorted(activations) if each.effective_from <= at}


class PolicyStore:
    """What the policy's tables have. Raises `psycopg.Error`, each method."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def take_turn(self) -> None:
        """Wait for whoever else changes the policy, and let no other in before the commit."""
        await self._connection.run(_TAKE_TURN)

    async def revision(self) -> int:
        """How often anything was changed."""
        found: int = await self._connection.value("SELECT revision FROM policy_revision")
        return found

    async def layers(self) -> Sequence[str]:
        """The layers that ever had a version, by code."""
        return await self._connection.values("SELECT layer FROM policy_layers ORDER BY layer")

    async def add(
        self,
        layer: str,
        documents: Documents,
        *,
        ids: tuple[UUID, UUID],
        why: str,
        by: str,
        at: datetime,
        origin: str = PEOPLE,
    ) -> int:
        """Keep a new version; gives its number. ``ids`` are those of the version, and of the layer if it is new."""
        from_package = origin == PACKAGE
        await self._connection.run(_ADD_LAYER, {"layer": layer, "policy_id": ids[1]})
        number: int = await self._connection.value(
            _ADD_VERSION,
            {
                "layer": layer,
                "version_id": ids[0],
                "documents": documents_text(documents),
                "digest": digest_of(documents),
                "origin": origin,
                "why": why,
                "by": by,
                "at": at,
                "verdict": APPROVED if from_package else None,
                "decided_by": by if from_package else None,
                "decided_at": at if from_package else None,
            },
        )
        return number

    async def version(self, layer: str, number: int) -> Version | None:
        """A version; None where there is none."""
        row = await self._connection.row(
            f"SELECT {_VERSION} FROM policy_versions WHERE layer = %(layer)s AND number = %(number)s",  # noqa: S608
            {"layer": layer, "number": number},
        )
        return None if row is None else Version(*row)

    async def versions(self, layer: str, *, before: int | None = None, limit: int = 50) -> list[Version]:
        """The versions of a layer, the newest first."""
        rows = await self._connection.rows(
            f"SELECT {_VERSION} FROM policy_versions WHERE layer = %(layer)s "  # noqa: S608
            "AND (CAST(%(before)s AS integer) IS NULL OR number < %(before)s) ORDER BY number DESC LIMIT %(limit)s",
            {"layer": layer, "before": before, "limit": limit},
        )
        return [Version(*row) for row in rows]

    async def newest_of_package(self, layer: str) -> Version | None:
        """The newest version of a layer that came with the program."""
        row = await self._connection.row(
            f"SELECT {_VERSION} FROM policy_versions WHERE layer = %(layer)s AND origin = 'package' "  # noqa: S608
            "ORDER BY number DESC LIMIT 1",
            {"layer": layer},
        )
        return None if row is None else Version(*row)

    async def decide(self, layer: str, number: int, *, verdict: str, why: str | None, by: str, at: datetime) -> None:
        """Say what became of a version."""
        values = {"layer": layer, "number": number, "verdict": verdict, "why": why, "by": by, "at": at}
        await self._connection.run(_DECIDE, values)

    async def activations(self, layer: str | None = None) -> list[Activation]:
        """All activations, of a layer or of all of them, the earliest first."""
        rows = await self._connection.rows(
            "SELECT effective_from, layer, number, kind, why, activated_by, activated_at FROM policy_activations "
            "WHERE CAST(%(layer)s AS text) IS NULL OR layer = %(layer)s ORDER BY effective_from, layer",
            {"layer": layer},
        )
        return [Activation(*row) for row in rows]

    async def activate(self, activation: Activation) -> tuple[UUID, int]:
        """Keep an activation; gives the layer's id and how many it has had."""
        await self._connection.run(
            _ACTIVATE,
            {
                "layer": activation.layer,
                "number": activation.number,
                "effective_from": activation.effective_from,
                "kind": activation.kind,
                "why": activation.why,
                "by": activation.by,
                "at": activation.at,
            },
        )
        told = await self._connection.one(_TELL, {"layer": activation.layer})
        return told.policy_id, told.told

    async def roster(self, on: date) -> Roster:
        """Who has which role where on a day (WIB), as far as the service keeps the duty roster or a copy."""
        if await self._connection.value("SELECT to_regclass('duties')") is None:
            return {}
        rows = await self._connection.rows(
            "SELECT area_code, array_agg(DISTINCT role) AS roles FROM duties WHERE ended_at IS NULL "
            "AND first_day <= %(day)s AND (last_day IS NULL OR last_day >= %(day)s) GROUP BY area_code",
            {"day": on},
        )
        return {row.area_code: frozenset(row.roles) for row in rows}

    async def documents(self, wanted: Sequence[tuple[str, int]]) -> Mapping[tuple[str, int], dict[str, str]]:
        """The documents of versions, by layer and number."""
        rows: Sequence[Any] = await self._connection.rows(
            "SELECT layer, number, documents FROM policy_versions JOIN unnest(CAST(%(layers)s AS text[]), "
            "CAST(%(numbers)s AS integer[])) AS wanted(layer, number) USING (layer, number)",
            {"layers": [layer for layer, _ in wanted], "numbers": [number for _, number in wanted]},
        )
        return {(row.layer, row.number): row.documents for row in rows}
