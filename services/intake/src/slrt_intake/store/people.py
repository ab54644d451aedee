"""Keep the identities of a case and which office may fetch them; only claim checks read them."""

from collections.abc import Collection, Sequence
from typing import NamedTuple
from uuid import UUID

from slrt_contracts.types import CaseId, NeedId, OfficeCode, ReferralId
from slrt_intake.domain.claim import Parties
from slrt_intake.domain.party import Relation
from slrt_intake.store.sealed import CONTACTS, PERSONS, contact_fields, person_of
from slrt_kit.db import Connection
from slrt_kit.privacy import ERASED, SealedRow, Vault
from slrt_kit.privacy.vault import bytes_of
from slrt_kit.regions import RegionCode

_PARTIES = """
    SELECT c.case_id, c.village_code, c.key_id, k.sealed,
           (SELECT jsonb_agg(to_jsonb(p) ORDER BY p.position) FROM persons p WHERE p.case_id = c.case_id) AS persons,
           (SELECT jsonb_object_agg(n.need_id, n.person_id) FROM needs n WHERE n.case_id = c.case_id) AS need_persons,
           ARRAY(SELECT o.need_id FROM office_needs o WHERE o.case_id = c.case_id AND o.office_code = %(office)s)
               AS referred
    FROM cases c LEFT JOIN contacts k USING (case_id)
    WHERE c.case_id = ANY(%(case_ids)s)
    """


class Reach(NamedTuple):
    """How the resident of a case is reached, and by which ticket number they know it."""

    case_id: CaseId
    village_code: RegionCode
    ticket_number: str
    language: str
    phone: str | None
    email: str | None


async def parties_of(
    connection: Connection, vault: Vault, case_ids: Sequence[CaseId], *, office: str | None
) -> list[tuple[Parties, Collection[NeedId]]]:
    """The people of those cases that exist, each with the needs that the office holds a referral of.

    Raises:
        KeyMissingError, SealBrokenError: see `Vault.unseal`.
    """
    rows = await connection.rows(_PARTIES, {"case_ids": list(case_ids), "office": office})
    contacts = await vault.unseal([SealedRow(row.key_id, row.sealed, row.case_id) for row in rows], table=CONTACTS)
    people = [person for row in rows for person in row.persons or ()]
    opened = await vault.unseal(
        [SealedRow(each["key_id"], bytes_of(each["sealed"]), each["person_id"]) for each in people], table=PERSONS
    )
    known = {
        each["person_id"]: person_of(UUID(each["person_id"]), Relation(each["relation"]), fields)
        for each, fields in zip(people, opened, strict=True)
    }
    return [
        (
            Parties(
                case_id=CaseId(row.case_id),
                village_code=RegionCode(row.village_code),
                kk_number=contact_fields(contact).get("kk_number"),
                address=contact_fields(contact).get("address"),
                phone=contact_fields(contact).get("phone"),
                erased=contact is ERASED,
                persons=[known[person["person_id"]] for person in row.persons or ()],
                need_persons={
                    NeedId(UUID(need_id)): None if person_id is None else UUID(person_id)
                    for need_id, person_id in row.need_persons.items()
                },
            ),
            {NeedId(need_id) for need_id in row.referred},
        )
        for row, contact in zip(rows, contacts, strict=True)
    ]


async def reach_of(connection: Connection, vault: Vault, case_ids: Sequence[CaseId]) -> list[Reach]:
    """How the residents of those cases that exist are reached; an erased one in no way.

    Raises:
        KeyMissingError, SealBrokenError: see `Vault.unseal`.
    """
    rows = await connection.rows(
        "SELECT c.case_id, c.village_code, c.ticket_number, coalesce(k.language, 'id') AS language, c.key_id, k.sealed "
        "FROM cases c LEFT JOIN contacts k USING (case_id) WHERE c.case_id = ANY(%(case_ids)s)",
        {"case_ids": list(case_ids)},
    )
    opened = await vault.unseal([SealedRow(row.key_id, row.sealed, row.case_id) for row in rows], table=CONTACTS)
    return [
        Reach(
            CaseId(row.case_id),
            RegionCode(row.village_code),
            row.ticket_number,
            row.language,
            contact_fields(contact).get("phone"),
            contact_fields(contact).get("email"),
        )
        for row, contact in zip(rows, opened, strict=True)
    ]


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
