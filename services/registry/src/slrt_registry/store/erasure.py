"""Read what decides about an erasure, and which keys go with it."""

from collections.abc import Sequence
from datetime import datetime

from slrt_contracts.types import CaseId, FamilyId, PersonId
from slrt_kit.clock import day_of
from slrt_kit.db import Connection
from slrt_kit.privacy import Vault
from slrt_registry.domain.erasure import CaseOfPerson, ErasureFacts
from slrt_registry.domain.family import Family
from slrt_registry.domain.person import Person
from slrt_registry.store import families

_CASES = """
    SELECT p.case_id, c.closed_at, array_agg(party_id) FILTER (WHERE party_id IS NOT NULL) AS party_ids
    FROM case_persons p JOIN cases c USING (case_id) LEFT JOIN LATERAL unnest(p.party_ids) AS party_id ON true
    WHERE p.person_id = %(person_id)s GROUP BY p.case_id, c.closed_at ORDER BY p.case_id
    """
_PARTICIPATION = "SELECT max(starts_on) AS last FROM participations WHERE person_id = %(person_id)s"
# Rows of members are there for ever: who has left was in the family, and its number is theirs, too.
_LEFT_EMPTY = """
    SELECT m.family_id FROM family_members m
    WHERE m.person_id = %(person_id)s AND NOT EXISTS (
        SELECT FROM family_members o JOIN persons p USING (person_id)
        WHERE o.family_id = m.family_id AND o.person_id <> m.person_id AND p.erased_at IS NULL)
    ORDER BY m.family_id
    """
# The command has done so; in a database that was restored from before, nobody has.
_EMPTY = """
    UPDATE persons SET sealed = NULL, nik_index = NULL, birth_index = NULL, name_tokens = '{}', erased_at = %(at)s,
        version = version + 1
    WHERE person_id = %(person_id)s AND erased_at IS NULL
    """
_EMPTY_FAMILIES = f"""
    UPDATE families SET sealed = NULL, kk_index = NULL, version = version + 1
    WHERE sealed IS NOT NULL AND family_id IN ({_LEFT_EMPTY})
    """  # noqa: S608 — fixed texts
_KEYS = """
    SELECT key_id FROM persons WHERE person_id = %(person_id)s AND erased_at IS NOT NULL
    UNION
    SELECT f.key_id FROM families f JOIN family_members m USING (family_id)
    WHERE m.person_id = %(person_id)s AND f.sealed IS NULL
    """


async def facts(connection: Connection, person: Person) -> ErasureFacts:
    """See `ErasureFacts`."""
    key = {"person_id": person.person_id}
    cases, ((last,),) = await connection.rows_of((_CASES, key), (_PARTICIPATION, key))
    return ErasureFacts(
        cases=[
            CaseOfPerson(
                case_id=CaseId(row.case_id),
                closed_on=None if row.closed_at is None else day_of(row.closed_at),
                party_ids=row.party_ids or (),
            )
            for row in cases
        ],
        last_participation=last,
        legal_hold=person.legal_hold,
    )


async def families_without(connection: Connection, vault: Vault, person: Person) -> Sequence[Family]:
    """The families in which nobody is left but the person."""
    found = []
    for family_id in await connection.values(_LEFT_EMPTY, {"person_id": person.person_id}):
        family = await families.family(connection, vault, FamilyId(family_id))
        if family is not None and not family.erased:
            found.append(family)
    return found


async def keys_to_destroy(connection: Connection, person_id: PersonId, *, at: datetime) -> Sequence[int]:
    """The keys of an erased person, and of erased families that they belonged to; empties what is not yet."""
    values = {"person_id": person_id, "at": at}
    connection.defer(_EMPTY, values)
    connection.defer(_EMPTY_FAMILIES, values)
    return await connection.values(_KEYS, {"person_id": person_id})
