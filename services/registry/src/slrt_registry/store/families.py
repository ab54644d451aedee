"""Keep families with their members, needs and participations."""

from slrt_contracts.codes import OutcomeCode, ParticipationStatus, ProgrammeCode
from slrt_contracts.types import CaseId, FamilyId, NeedId, ParticipationId, PersonId, ReferralId
from slrt_kit.db import Connection, Row
from slrt_kit.regions import RegionCode
from slrt_registry.domain.family import Family, Member, Participation, ProgrammeNeed
from slrt_registry.domain.transitions import NeedStatus
from slrt_registry.ports import CaseEntries
from slrt_registry.store.sql import as_json, check_written, taken_number_is_stale

# An insert that meets the same KK number of a transaction under way waits for it, and then inserts nothing.
_INSERT = """
    INSERT INTO families (regency_code, family_id, version, event_sequence, village_code, kk_number)
    VALUES (%(regency_code)s, %(family_id)s, 1, %(event_sequence)s, %(village_code)s, %(kk_number)s)
    ON CONFLICT DO NOTHING
    """
_UPDATE = """
    UPDATE families SET version = version + 1, event_sequence = %(event_sequence)s, village_code = %(village_code)s,
        kk_number = %(kk_number)s
    WHERE regency_code = %(regency_code)s AND family_id = %(family_id)s AND version = %(version)s
    """
_WRITE_MEMBERS = """
    INSERT INTO family_members (regency_code, family_id, person_id, joined_at, left_at)
    SELECT %(regency_code)s, %(family_id)s, person_id, joined_at, left_at
    FROM jsonb_to_recordset(CAST(%(rows)s AS jsonb)) AS m(person_id uuid, joined_at timestamptz, left_at timestamptz)
    ON CONFLICT (regency_code, family_id, person_id) DO UPDATE
        SET joined_at = EXCLUDED.joined_at, left_at = EXCLUDED.left_at
    """
_WRITE_NEEDS = """
    INSERT INTO programme_needs (regency_code, family_id, need_id, person_id, case_id, programme_code, status,
                                 recorded_at, outcome_code, referral_id, settled_at)
    SELECT %(regency_code)s, %(family_id)s, need_id, person_id, case_id, programme_code, status, recorded_at,
           outcome_code, referral_id, settled_at
    FROM jsonb_to_recordset(CAST(%(rows)s AS jsonb)) AS n(need_id uuid, person_id uuid, case_id uuid,
         programme_code text, status text, recorded_at timestamptz, outcome_code text, referral_id uuid,
         settled_at timestamptz)
    ON CONFLICT (regency_code, need_id) DO UPDATE
        SET status = EXCLUDED.status, outcome_code = EXCLUDED.outcome_code, referral_id = EXCLUDED.referral_id,
            settled_at = EXCLUDED.settled_at
    """
_WRITE_PARTICIPATIONS = """
    INSERT INTO participations (regency_code, family_id, participation_id, person_id, programme_code, status,
                                starts_on, case_id, referral_id)
    SELECT %(regency_code)s, %(family_id)s, participation_id, person_id, programme_code, status, starts_on, case_id,
           referral_id
    FROM jsonb_to_recordset(CAST(%(rows)s AS jsonb)) AS p(participation_id uuid, person_id uuid, programme_code text,
         status text, starts_on date, case_id uuid, referral_id uuid)
    ON CONFLICT (regency_code, participation_id) DO UPDATE SET status = EXCLUDED.status
    """
_NEED_COLUMNS = (
    "need_id, case_id, person_id, programme_code, recorded_at, status, outcome_code, referral_id, settled_at"
)
_PARTICIPATION_COLUMNS = "participation_id, person_id, programme_code, status, starts_on, case_id, referral_id"


async def family(connection: Connection, family_id: FamilyId) -> Family | None:
    """The family with all that belongs to it."""
    key = {"family_id": family_id}
    row = await connection.row(
        (
            "SELECT regency_code, family_id, version, event_sequence, village_code, kk_number "
            "FROM families WHERE family_id = %(family_id)s"
        ),
        key,
    )
    if row is None:
        return None
    members = await connection.rows(
        (
            "SELECT person_id, joined_at, left_at FROM family_members WHERE family_id = %(family_id)s "
            "ORDER BY joined_at, person_id"
        ),
        key,
    )
    entries = await _entries(connection, "family_id", family_id)
    return Family(
        family_id=FamilyId(row.family_id),
        regency_code=RegionCode(row.regency_code),
        version=row.version,
        event_sequence=row.event_sequence,
        village_code=RegionCode(row.village_code),
        kk_number=row.kk_number,
        members=[Member(person_id=PersonId(m.person_id), joined_at=m.joined_at, left_at=m.left_at) for m in members],
        needs=list(entries.needs),
        participations=list(entries.participations),
    )


async def family_of_need(connection: Connection, need_id: NeedId) -> Family | None:
    """The family whose need it is."""
    family_id = await connection.value(
        "SELECT family_id FROM programme_needs WHERE need_id = %(need_id)s", {"need_id": need_id}
    )
    return None if family_id is None else await family(connection, FamilyId(family_id))


async def entries_of_case(connection: Connection, case_id: CaseId) -> CaseEntries:
    """The needs and participations that came of a case."""
    return await _entries(connection, "case_id", case_id)


async def _entries(connection: Connection, column: str, value: object) -> CaseEntries:
    needs = await connection.rows(
        (
            f"SELECT {_NEED_COLUMNS} FROM programme_needs "  # noqa: S608 — fixed columns and names
            f"WHERE {column} = %(value)s ORDER BY recorded_at, need_id"
        ),
        {"value": value},
    )
    participations = await connection.rows(
        (
            f"SELECT {_PARTICIPATION_COLUMNS} FROM participations "  # noqa: S608 — fixed columns and names
            f"WHERE {column} = %(value)s ORDER BY starts_on, participation_id"
        ),
        {"value": value},
    )
    return CaseEntries([_need(row) for row in needs], [_participation(row) for row in participations])


async def write(connection: Connection, changed: Family) -> None:
    """Insert a new family or update a changed one, with all that belongs to it.

    Raises:
        StaleVersionError: somebody else changed the family or recorded the KK number since it was loaded.
    """
    key: dict[str, object] = {"regency_code": changed.regency_code, "family_id": changed.family_id}
    values = key | {
        "version": changed.version,
        "event_sequence": changed.event_sequence,
        "village_code": changed.village_code,
        "kk_number": changed.kk_number,
    }
    with taken_number_is_stale():
        check_written(await connection.run(_UPDATE if changed.version else _INSERT, values))
    for statement, rows in (
        (_WRITE_MEMBERS, changed.members),
        (_WRITE_NEEDS, changed.needs),
        (_WRITE_PARTICIPATIONS, changed.participations),
    ):
        if rows:
            connection.defer(statement, key | {"rows": as_json(rows)})


def _need(row: Row) -> ProgrammeNeed:
    return ProgrammeNeed(
        need_id=NeedId(row.need_id),
        case_id=CaseId(row.case_id),
        person_id=None if row.person_id is None else PersonId(row.person_id),
        programme_code=ProgrammeCode(row.programme_code),
        recorded_at=row.recorded_at,
        status=NeedStatus(row.status),
        outcome_code=None if row.outcome_code is None else OutcomeCode(row.outcome_code),
        referral_id=None if row.referral_id is None else ReferralId(row.referral_id),
        settled_at=row.settled_at,
    )


def _participation(row: Row) -> Participation:
    return Participation(
        participation_id=ParticipationId(row.participation_id),
        person_id=None if row.person_id is None else PersonId(row.person_id),
        programme_code=ProgrammeCode(row.programme_code),
        status=ParticipationStatus(row.status),
        starts_on=row.starts_on,
        case_id=CaseId(row.case_id),
        referral_id=ReferralId(row.referral_id),
    )
