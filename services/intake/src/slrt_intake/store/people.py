"""Keep the identities of a case and which office may fetch them; only claim checks read them."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from slrt_contracts.types import CaseId, NeedId, OfficeCode, ReferralId
from slrt_intake.domain.claim import Parties
from slrt_intake.domain.party import Person, Relation
from slrt_intake.store.visibility import within
from slrt_kit.access import Scope
from slrt_kit.db import Connection
from slrt_kit.regions import RegionCode

_PARTIES = """
    SELECT cases.case_id, cases.village_code, cases.reporter_secret, k.kk_number, k.address, k.phone,
           (SELECT jsonb_agg(to_jsonb(p) ORDER BY p.position) FROM persons p WHERE p.case_id = cases.case_id)
               AS persons,
           (SELECT jsonb_object_agg(n.need_id, n.person_id) FROM needs n WHERE n.case_id = cases.case_id)
               AS need_persons,
           ({within}) AS within,
           ARRAY(SELECT o.need_id FROM office_needs o WHERE o.case_id = cases.case_id
                 AND o.office_code = %(office)s AND cases.sealed_at IS NULL) AS referred
    FROM cases LEFT JOIN contacts k USING (case_id)
    WHERE cases.case_id = ANY(%(case_ids)s)
    """


class Reach(NamedTuple):
    """How the resident of a case is reached, and by which ticket number they know it."""

    case_id: CaseId
    ticket_number: str
    language: str
    phone: str | None
    email: str | None


class FoundParties(NamedTuple):
    """The people of a case, and what makes them the asker's to see."""

    parties: Parties
    within: bool
    """The asker's scope reaches the case as a whole."""
    referred: Collection[NeedId]
    """The needs that the asker's office holds a referral of."""


async def parties_of(
    connection: Connection, case_ids: Sequence[CaseId], scope: Scope, *, at: datetime
) -> list[FoundParties]:
    """The people of those cases that exist, as one who has the scope finds them at ``at`` (UTC)."""
    condition, values = within(scope, at=at)
    query = _PARTIES.format(within=condition)
    rows = await connection.rows(query, values | {"case_ids": list(case_ids), "office": scope.office})
    return [
        FoundParties(
            Parties(
                case_id=CaseId(row.case_id),
                village_code=RegionCode(row.village_code),
                reporter_secret=row.reporter_secret,
                kk_number=row.kk_number,
                address=row.address,
                phone=row.phone,
                persons=[_person(**person) for person in row.persons or ()],
                need_persons={
                    NeedId(UUID(need_id)): None if person_id is None else UUID(person_id)
                    for need_id, person_id in row.need_persons.items()
                },
            ),
            row.within,
            {NeedId(need_id) for need_id in row.referred},
        )
        for row in rows
    ]


def _person(
    *, person_id: str, relation: str, name: str, nik: str | None, birth_date: str | None, sex: str | None, **_: object
) -> Person:
    return Person(
        person_id=UUID(person_id),
        relation=Relation(relation),
        name=name,
        nik=nik,
        birth_date=None if birth_date is None else date.fromisoformat(birth_date),
        sex=sex,
    )


async def reach_of(connection: Connection, case_ids: Sequence[CaseId], scope: Scope) -> list[Reach]:
    """How the residents of those cases are reached that exist and that the scope reaches."""
    condition, values = within(scope)
    rows = await connection.rows(
        "SELECT cases.case_id, cases.ticket_number, coalesce(k.language, 'id'), k.phone, k.email "  # noqa: S608 — fixed text
        f"FROM cases LEFT JOIN contacts k USING (case_id) WHERE cases.case_id = ANY(%(case_ids)s) AND {condition}",
        values | {"case_ids": list(case_ids)},
    )
    return [Reach(*row) for row in rows]


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
