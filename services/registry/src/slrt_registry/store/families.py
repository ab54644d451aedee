"""Read families with their members, needs and participations."""

from slrt_contracts.codes import OutcomeCode, ParticipationStatus, ProgrammeCode
from slrt_contracts.types import CaseId, FamilyId, NeedId, ParticipationId, PersonId, ReferralId
from slrt_kit.db import Connection, Row, Values
from slrt_kit.privacy import ERASED, SealedRow, Vault
from slrt_kit.regions import RegionCode
from slrt_registry.domain.family import Family, Member, Participation, ProgrammeNeed
from slrt_registry.domain.transitions import NeedStatus
from slrt_registry.ports import CaseEntries
from slrt_registry.store.sealed import kk_numbers

_NEED_COLUMNS = (
    "need_id, case_id, person_id, programme_code, recorded_at, status, outcome_code, referral_id, settled_at"
)
_PARTICIPATION_COLUMNS = "participation_id, person_id, programme_code, status, starts_on, case_id, referral_id"


_FAMILY = (
    "SELECT regency_code, family_id, version, event_sequence, village_code, key_id, sealed "
    "FROM families WHERE family_id = %(family_id)s"
)
_MEMBERS = (
    "SELECT person_id, joined_at, left_at FROM family_members WHERE family_id = %(family_id)s "
    "ORDER BY joined_at, person_id"
)


async def family(connection: Connection, vault: Vault, family_id: FamilyId) -> Family | None:
    """The family with all that belongs to it."""
    key = {"family_id": family_id}
    found, members, needs, participations = await connection.rows_of(
        (_FAMILY, key), (_MEMBERS, key), *_entries_by("family_id", family_id)
    )
    if not found:
        return None
    (row,) = found
    (kk_number,) = await kk_numbers(vault, [SealedRow(row.key_id, row.sealed, row.family_id)])
    return Family(
        family_id=FamilyId(row.family_id),
        regency_code=RegionCode(row.regency_code),
        version=row.version,
        event_sequence=row.event_sequence,
        village_code=RegionCode(row.village_code),
        kk_number=None if kk_number is ERASED else kk_number,
        erased=kk_number is ERASED,
        key_id=row.key_id,
        members=[Member(person_id=PersonId(m.person_id), joined_at=m.joined_at, left_at=m.left_at) for m in members],
        needs=[_need(row) for row in needs],
        participations=[_participation(row) for row in participations],
    )


async def family_of_need(connection: Connection, vault: Vault, need_id: NeedId) -> Family | None:
    """The family whose need it is."""
    family_id = await connection.value(
        "SELECT family_id FROM programme_needs WHERE need_id = %(need_id)s", {"need_id": need_id}
    )
    return None if family_id is None else await family(connection, vault, FamilyId(family_id))


async def entries_of_case(connection: Connection, case_id: CaseId) -> CaseEntries:
    """The needs and participations that came of a case."""
    needs, participations = await connection.rows_of(*_entries_by("case_id", case_id))
    return CaseEntries([_need(row) for row in needs], [_participation(row) for row in participations])


def _entries_by(column: str, value: object) -> tuple[tuple[str, Values], tuple[str, Values]]:
    needs = (
        f"SELECT {_NEED_COLUMNS} FROM programme_needs "  # noqa: S608 — fixed columns and names
        f"WHERE {column} = %(value)s ORDER BY recorded_at, need_id"
    )
    participations = (
        f"SELECT {_PARTICIPATION_COLUMNS} FROM participations "  # noqa: S608 — fixed columns and names
        f"WHERE {column} = %(value)s ORDER BY starts_on, participation_id"
    )
    return (needs, {"value": value}), (participations, {"value": value})


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
