"""Keep the identities of a case and which office may fetch them."""

from slrt_contracts.types import CaseId, NeedId, OfficeCode, ReferralId
from slrt_intake.domain.party import Contact, Person, Relation
from slrt_kit.db import Connection


async def persons_of(connection: Connection, case_id: CaseId) -> list[Person]:
    """The identities of a case; only claim checks call this."""
    rows = await connection.rows(
        (
            "SELECT person_id, relation, name, nik, birth_date, sex FROM persons "
            "WHERE case_id = %(case_id)s ORDER BY position"
        ),
        {"case_id": case_id},
    )
    return [
        Person(
            person_id=row.person_id,
            relation=Relation(row.relation),
            name=row.name,
            nik=row.nik,
            birth_date=row.birth_date,
            sex=row.sex,
        )
        for row in rows
    ]


async def contact_of(connection: Connection, case_id: CaseId) -> Contact | None:
    """How the resident of a case is reached; only claim checks call this."""
    row = await connection.row(
        "SELECT phone, email, language, kk_number, address, proxy_name FROM contacts WHERE case_id = %(case_id)s",
        {"case_id": case_id},
    )
    return Contact(**row._asdict()) if row else None


def note_office(
    connection: Connection,
    *,
    referral_id: ReferralId,
    need_id: NeedId,
    office_code: OfficeCode,
    case_id: CaseId,
) -> None:
    """Note that an office was sent a need, so that its claim checks are let through."""
    connection.defer(
        (
            "INSERT INTO office_needs (referral_id, need_id, office_code, case_id) "
            "VALUES (%(referral_id)s, %(need_id)s, %(office_code)s, %(case_id)s) ON CONFLICT DO NOTHING"
        ),
        {"referral_id": referral_id, "need_id": need_id, "office_code": office_code, "case_id": case_id},
    )


def withdraw_office(connection: Connection, referral_id: ReferralId) -> None:
    """The office declined: its claim checks end, unless it holds another referral of the case."""
    connection.defer("DELETE FROM office_needs WHERE referral_id = %(referral_id)s", {"referral_id": referral_id})


async def needs_of_office(connection: Connection, case_id: CaseId, office_code: str) -> set[NeedId]:
    """The needs of a case that the office holds a referral of."""
    rows = await connection.values(
        "SELECT DISTINCT need_id FROM office_needs WHERE case_id = %(case_id)s AND office_code = %(office_code)s",
        {"case_id": case_id, "office_code": office_code},
    )
    return {NeedId(need_id) for need_id in rows}
