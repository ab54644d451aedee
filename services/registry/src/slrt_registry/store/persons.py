"""Read persons, and find the candidates of a case."""

from collections.abc import Sequence
from datetime import date

from slrt_contracts.codes import NikStatus
from slrt_contracts.types import CaseId, FamilyId, PersonId
from slrt_kit.access import Scope
from slrt_kit.db import Connection, Row
from slrt_kit.regions import RegionCode
from slrt_kit.scoped import in_region
from slrt_registry.domain.matching import StatedCase
from slrt_registry.domain.numbers import identifying_number
from slrt_registry.domain.person import Person
from slrt_registry.ports import Candidates
from slrt_registry.store.sql import lock_key

MOST_BORN_ON_A_DAY = 500
"""How many persons of one birth date are compared by name: a day's births of some 10 million people."""

_COLUMNS = """p.regency_code, p.person_id, p.version, p.event_sequence, p.village_code, p.name, p.nik, p.nik_status,
    p.birth_date, p.sex, p.family_id"""

# Two look-ups and not one with OR, which would be a walk through everybody; arrays, for the indexes to be used.
_CANDIDATES = f"""
    WITH found AS (
        SELECT person_id, family_id FROM persons WHERE nik = ANY(CAST(%(niks)s AS text[]))
        UNION
        SELECT person_id, family_id FROM persons
        WHERE birth_date = ANY(CAST(%(birth_dates)s AS date[])) AND village_code COLLATE "C" = %(village_code)s
    ), near AS (
        SELECT family_id FROM families WHERE kk_number = %(kk)s
        UNION
        SELECT family_id FROM found WHERE family_id IS NOT NULL
    ), candidates AS (
        SELECT {_COLUMNS} FROM persons p WHERE p.person_id = ANY(ARRAY(SELECT person_id FROM found))
        UNION
        SELECT {_COLUMNS} FROM persons p WHERE p.family_id = ANY(ARRAY(SELECT family_id FROM near))
    )
    SELECT EXISTS (SELECT FROM cases WHERE case_id = %(case_id)s) AS handled,
           (SELECT family_id FROM families WHERE kk_number = %(kk)s) AS card_of, f.kk_number, c.*
    FROM (VALUES (1)) AS always(one) LEFT JOIN candidates c ON true LEFT JOIN families f ON f.family_id = c.family_id
    """  # noqa: S608 — fixed columns above
_BY_IDS = f"SELECT {_COLUMNS} FROM persons p WHERE p.person_id = ANY(%(person_ids)s)"  # noqa: S608 — fixed columns


def hold(connection: Connection, stated: StatedCase) -> None:
    """Lock the numbers of a case, and its birth dates in its village, for this transaction.

    For people who have no number this is what lets two cases that come at once agree on one person. For the others
    the unique indexes do, and waiting here saves doing it all twice. The locks are taken in one order and before any
    row is written, so nobody waits in a circle.
    """
    found_by = {f"kk {stated.kk}"} if stated.kk is not None else set()
    for person in stated.persons:
        if (nik := identifying_number(person.nik)) is not None:
            found_by.add(f"nik {nik}")
        if person.birth_date is not None:
            found_by.add(f"born {person.birth_date} in {stated.village_code}")
    keys = {lock_key(key) for key in found_by}
    connection.defer(
        "SELECT pg_advisory_xact_lock(key) FROM unnest(CAST(%(keys)s AS bigint[])) AS key", {"keys": sorted(keys)}
    )


async def candidates(connection: Connection, case_id: CaseId, stated: StatedCase) -> Candidates | None:
    """See `match_case`; None when the case was handled before."""
    niks = {number for person in stated.persons if (number := identifying_number(person.nik)) is not None}
    birth_dates = {person.birth_date for person in stated.persons if person.birth_date is not None}
    # At least one row, which says what is known of the case and of the card.
    rows = await connection.rows(
        _CANDIDATES,
        {
            "case_id": case_id,
            "niks": sorted(niks),
            "birth_dates": sorted(birth_dates),
            "village_code": stated.village_code,
            "kk": stated.kk,
        },
    )
    if rows[0].handled:
        return None
    found = [row for row in rows if row.person_id is not None]
    kk_of = {FamilyId(row.family_id): row.kk_number for row in found if row.family_id is not None}
    if rows[0].card_of is not None:
        kk_of[FamilyId(rows[0].card_of)] = stated.kk
    return Candidates([_person(row) for row in found], kk_of)


async def persons(connection: Connection, person_ids: Sequence[PersonId]) -> list[Person]:
    """The persons of these ids, in this order."""
    rows = await connection.rows(_BY_IDS, {"person_ids": list(person_ids)})
    found = {row.person_id: _person(row) for row in rows}
    return [found[person_id] for person_id in person_ids if person_id in found]


async def by_nik(connection: Connection, nik: str, scope: Scope) -> Person | None:
    """The person with that NIK, when inside the scope."""
    row = await connection.row(*_by_nik(nik, scope))
    return None if row is None else _person(row)


def _by_nik(nik: str, scope: Scope) -> tuple[str, dict[str, object]]:
    inside, values = in_region(scope, "p.village_code")
    query = f"SELECT {_COLUMNS} FROM persons p WHERE p.nik = %(nik)s AND {inside}"  # noqa: S608 — fixed text
    return query, values | {"nik": nik}


async def by_birth_date(connection: Connection, birth_date: date, scope: Scope) -> list[Person]:
    """Persons born that day, inside the scope; at most `MOST_BORN_ON_A_DAY`."""
    return [_person(row) for row in await connection.rows(*_by_birth_date(birth_date, scope))]


def _by_birth_date(birth_date: date, scope: Scope) -> tuple[str, dict[str, object]]:
    inside, values = in_region(scope, "p.village_code")
    query = (
        f"SELECT {_COLUMNS} FROM persons p WHERE p.birth_date = %(birth_date)s AND {inside} "  # noqa: S608 — fixed text
        "ORDER BY p.person_id LIMIT %(limit)s"
    )
    return query, values | {"birth_date": birth_date, "limit": MOST_BORN_ON_A_DAY}


def _person(row: Row) -> Person:
    return Person(
        person_id=PersonId(row.person_id),
        regency_code=RegionCode(row.regency_code),
        version=row.version,
        event_sequence=row.event_sequence,
        village_code=RegionCode(row.village_code),
        name=row.name,
        nik=row.nik,
        nik_status=NikStatus(row.nik_status),
        birth_date=row.birth_date,
        sex=row.sex,
        family_id=None if row.family_id is None else FamilyId(row.family_id),
    )
