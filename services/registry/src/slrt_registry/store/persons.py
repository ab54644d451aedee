"""Read persons, and find the candidates of a case."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from slrt_contracts.codes import NikStatus
from slrt_contracts.types import CaseId, FamilyId, PersonId
from slrt_kit.access import Scope
from slrt_kit.db import Connection, Row
from slrt_kit.privacy import ERASED, SealedRow, Vault
from slrt_kit.regions import RegionCode
from slrt_kit.scoped import in_region
from slrt_registry.domain.matching import StatedCase
from slrt_registry.domain.numbers import identifying_number
from slrt_registry.domain.person import Person
from slrt_registry.ports import Candidates
from slrt_registry.store import sealed

MOST_BORN_ON_A_DAY = 500
"""How many persons of one birth date are compared by name: a day's births of some 10 million people."""

_COLUMNS = """p.regency_code, p.person_id, p.version, p.event_sequence, p.village_code, p.nik_status, p.family_id,
    p.key_id, p.sealed, p.erased_at, p.legal_hold"""

# Two look-ups and not one with OR, which would be a walk through everybody; arrays, for the indexes to be used.
_CANDIDATES = f"""
    WITH found AS (
        SELECT person_id, family_id FROM persons WHERE nik_index = ANY(CAST(%(niks)s AS bytea[]))
        UNION
        SELECT person_id, family_id FROM persons
        WHERE birth_index = ANY(CAST(%(births)s AS bytea[])) AND village_code COLLATE "C" = %(village_code)s
    ), near AS (
        SELECT family_id FROM families WHERE kk_index = %(kk)s
        UNION
        SELECT family_id FROM found WHERE family_id IS NOT NULL
    ), candidates AS (
        SELECT {_COLUMNS} FROM persons p WHERE p.person_id = ANY(ARRAY(SELECT person_id FROM found))
        UNION
        SELECT {_COLUMNS} FROM persons p WHERE p.family_id = ANY(ARRAY(SELECT family_id FROM near))
    )
    SELECT EXISTS (SELECT FROM cases WHERE case_id = %(case_id)s) AS handled,
           (SELECT family_id FROM families WHERE kk_index = %(kk)s) AS card_of,
           f.key_id AS family_key_id, f.sealed AS family_sealed, c.*
    FROM (VALUES (1)) AS always(one) LEFT JOIN candidates c ON true LEFT JOIN families f ON f.family_id = c.family_id
    """  # noqa: S608 — fixed columns above
_BY_IDS = f"SELECT {_COLUMNS} FROM persons p WHERE p.person_id = ANY(%(person_ids)s)"  # noqa: S608 — fixed columns


def hold(connection: Connection, vault: Vault, stated: StatedCase) -> None:
    """Lock the numbers of a case, and its birth dates in its village, for this transaction.

    For people who have no number this is what lets two cases that come at once agree on one person. For the others
    the unique indexes do, and waiting here saves doing it all twice. The locks are taken in one order and before any
    row is written, so nobody waits in a circle.
    """
    keys = sealed.lock_keys(
        vault, niks=_niks(stated), kk_number=stated.kk, births=_births(stated), village_code=stated.village_code
    )
    connection.defer("SELECT pg_advisory_xact_lock(key) FROM unnest(CAST(%(keys)s AS bigint[])) AS key", {"keys": keys})


def _niks(stated: StatedCase) -> list[str]:
    return sorted({number for person in stated.persons if (number := identifying_number(person.nik)) is not None})


def _births(stated: StatedCase) -> list[date]:
    return sorted({person.birth_date for person in stated.persons if person.birth_date is not None})


async def candidates(connection: Connection, vault: Vault, case_id: CaseId, stated: StatedCase) -> Candidates | None:
    """See `match_case`; None when the case was handled before. Nobody who was erased is a candidate."""
    # At least one row, which says what is known of the case and of the card.
    rows = await connection.rows(
        _CANDIDATES,
        {
            "case_id": case_id,
            "niks": [sealed.nik_index(vault, nik) for nik in _niks(stated)],
            "births": [sealed.birth_index(vault, birth) for birth in _births(stated)],
            "village_code": stated.village_code,
            "kk": None if stated.kk is None else sealed.kk_index(vault, stated.kk),
        },
    )
    if rows[0].handled:
        return None
    found = [row for row in rows if row.person_id is not None]
    families = {row.family_id: (row.family_key_id, row.family_sealed) for row in found if row.family_id is not None}
    numbers = await sealed.kk_numbers(vault, [SealedRow(*held, family) for family, held in families.items()])
    kk_of = {
        FamilyId(family): None if number is ERASED else number for family, number in zip(families, numbers, strict=True)
    }
    if rows[0].card_of is not None:
        kk_of[FamilyId(rows[0].card_of)] = stated.kk
    return Candidates([person for person in await _persons(vault, found) if not person.erased], kk_of)


async def persons(connection: Connection, vault: Vault, person_ids: Sequence[PersonId]) -> list[Person]:
    """The persons of these ids, in this order, the erased ones too."""
    rows = await connection.rows(_BY_IDS, {"person_ids": list(person_ids)})
    found = {person.person_id: person for person in await _persons(vault, rows)}
    return [found[person_id] for person_id in person_ids if person_id in found]


async def by_nik(connection: Connection, vault: Vault, nik: str, scope: Scope) -> Person | None:
    """The person with that NIK, when inside the scope."""
    rows = await connection.rows(*_by_nik(sealed.nik_index(vault, nik), scope))
    found = [person for person in await _persons(vault, rows) if person.nik == nik]
    return found[0] if found else None


def _by_nik(index: bytes, scope: Scope) -> tuple[str, dict[str, object]]:
    inside, values = in_region(scope, "p.village_code")
    query = f"SELECT {_COLUMNS} FROM persons p WHERE p.nik_index = %(nik)s AND {inside}"  # noqa: S608 — fixed text
    return query, values | {"nik": index}


async def by_birth_date(
    connection: Connection, vault: Vault, birth_date: date, name: str, scope: Scope
) -> list[Person]:
    """Persons born that day, inside the scope; at most `MOST_BORN_ON_A_DAY`, first those with a word of the name."""
    tokens = sealed.name_tokens(vault, name, birth_date)
    rows = await connection.rows(*_by_birth_date(sealed.birth_index(vault, birth_date), tokens, scope))
    return [person for person in await _persons(vault, rows) if person.birth_date == birth_date]


def _by_birth_date(index: bytes, tokens: Sequence[bytes], scope: Scope) -> tuple[str, dict[str, object]]:
    inside, values = in_region(scope, "p.village_code")
    query = (
        f"SELECT {_COLUMNS} FROM persons p WHERE p.birth_index = %(birth)s AND {inside} "  # noqa: S608 — fixed text
        "ORDER BY NOT p.name_tokens && CAST(%(tokens)s AS bytea[]), p.person_id LIMIT %(limit)s"
    )
    return query, values | {"birth": index, "tokens": list(tokens), "limit": MOST_BORN_ON_A_DAY}


async def _persons(vault: Vault, rows: Sequence[Row]) -> list[Person]:
    opened = await vault.unseal(
        [SealedRow(row.key_id, row.sealed, row.person_id) for row in rows], table=sealed.PERSONS
    )
    return [_person(row, sealed.person_fields(fields)) for row, fields in zip(rows, opened, strict=True)]


def _person(row: Row, personal: Mapping[str, Any]) -> Person:
    return Person(
        person_id=PersonId(row.person_id),
        regency_code=RegionCode(row.regency_code),
        version=row.version,
        event_sequence=row.event_sequence,
        village_code=RegionCode(row.village_code),
        nik_status=NikStatus(row.nik_status),
        family_id=None if row.family_id is None else FamilyId(row.family_id),
        key_id=row.key_id,
        erased_at=row.erased_at,
        legal_hold=row.legal_hold,
        **personal,
    )
