"""Keep the identities of a case and which office may fetch them; only claim checks read them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from slrt_contracts.types import CaseId, NeedId, OfficeCode, ReferralId
from slrt_intake.domain.claim import Parties
from slrt_intake.domain.party import Relation
from slrt_intake.store.sealed import CONTACTS, NEEDS, PERSONS, contact_fields, person_of, proxy_of, reporter_of
from slrt_intake.store.visibility import within
from slrt_kit.access import Scope
from slrt_kit.db import Connection
from slrt_kit.privacy import ERASED, SealedRow, Vault
from slrt_kit.privacy.vault import bytes_of
from slrt_kit.regions import RegionCode

_PARTIES = """
    SELECT cases.case_id, cases.village_code, cases.reporter_secret, cases.key_id, k.sealed,
           (SELECT jsonb_agg(to_jsonb(p) ORDER BY p.position) FROM persons p WHERE p.case_id = cases.case_id)
               AS persons,
           (SELECT jsonb_object_agg(n.need_id, n.person_id) FROM needs n WHERE n.case_id = cases.case_id)
               AS need_persons,
           (SELECT jsonb_object_agg(n.need_id, n.sealed) FROM needs n
            WHERE n.case_id = cases.case_id AND n.sealed IS NOT NULL AND %(words)s) AS words,
           ({within}) AS within,
           (SELECT jsonb_object_agg(o.referral_id, o.need_id) FROM office_needs o WHERE o.case_id = cases.case_id
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
    referred: Mapping[ReferralId, NeedId]
    """The referrals that the asker's office holds, each with its need."""


async def parties_of(
    connection: Connection,
    vault: Vault,
    case_ids: Sequence[CaseId],
    scope: Scope,
    *,
    at: datetime,
    with_words: bool = False,
) -> list[FoundParties]:
    """The people of those cases that exist, as one who has the scope finds them at ``at`` (UTC).

    ``with_words`` also reads what was said of their needs.

    Raises:
        KeyMissingError, SealBrokenError: see `Vault.unseal`.
    """
    condition, values = within(scope, at=at)
    query = _PARTIES.format(within=condition)
    rows = await connection.rows(
        query, values | {"case_ids": list(case_ids), "office": scope.office, "words": with_words}
    )
    contacts = await vault.unseal([SealedRow(row.key_id, row.sealed, row.case_id) for row in rows], table=CONTACTS)
    people = [person for row in rows for person in row.persons or ()]
    opened = await vault.unseal(
        [SealedRow(each["key_id"], bytes_of(each["sealed"]), each["person_id"]) for each in people], table=PERSONS
    )
    said = [(row.key_id, need_id, sealed) for row in rows for need_id, sealed in (row.words or {}).items()]
    heard = await vault.unseal(
        [SealedRow(key_id, bytes_of(sealed), UUID(need_id)) for key_id, need_id, sealed in said], table=NEEDS
    )
    words = {
        NeedId(UUID(need_id)): fields["description"]
        for (_, need_id, _), fields in zip(said, heard, strict=True)
        if fields is not ERASED
    }
    known = {
        each["person_id"]: person_of(UUID(each["person_id"]), Relation(each["relation"]), fields)
        for each, fields in zip(people, opened, strict=True)
    }
    return [
        FoundParties(
            Parties(
                case_id=CaseId(row.case_id),
                village_code=RegionCode(row.village_code),
                reporter_secret=row.reporter_secret,
                kk_number=contact_fields(contact).get("kk_number"),
                address=contact_fields(contact).get("address"),
                phone=contact_fields(contact).get("phone"),
                erased=contact is ERASED,
                persons=[known[person["person_id"]] for person in row.persons or ()],
                need_persons={
                    NeedId(UUID(need_id)): None if person_id is None else UUID(person_id)
                    for need_id, person_id in row.need_persons.items()
                },
                reporter=reporter_of(contact_fields(contact)),
                proxy=proxy_of(contact_fields(contact)),
                words={
                    need_id: words[need_id] for need_id in map(NeedId, map(UUID, row.words or ())) if need_id in words
                },
            ),
            row.within,
            {
                ReferralId(UUID(referral_id)): NeedId(UUID(need_id))
                for referral_id, need_id in (row.referred or {}).items()
            },
        )
        for row, contact in zip(rows, contacts, strict=True)
    ]


async def reach_of(connection: Connection, vault: Vault, case_ids: Sequence[CaseId], scope: Scope) -> list[Reach]:
    """How the residents of those cases are reached that exist and that the scope reaches; an erased one in no way.

    Raises:
        KeyMissingError, SealBrokenError: see `Vault.unseal`.
    """
    condition, values = within(scope)
    rows = await connection.rows(
        "SELECT cases.case_id, cases.ticket_number, coalesce(k.language, 'id') AS language, cases.key_id, "  # noqa: S608 — fixed text
        "k.sealed "
        f"FROM cases LEFT JOIN contacts k USING (case_id) WHERE cases.case_id = ANY(%(case_ids)s) AND {condition}",
        values | {"case_ids": list(case_ids)},
    )
    opened = await vault.unseal([SealedRow(row.key_id, row.sealed, row.case_id) for row in rows], table=CONTACTS)
    return [
        Reach(
            CaseId(row.case_id),
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
    sent_at: datetime,
) -> None:
    """Note that an office was sent a need at ``sent_at`` (UTC), so that its claim checks are let through."""
    values = {"referral_id": referral_id, "need_id": need_id, "office_code": office_code, "case_id": case_id}
    connection.defer(
        (
            "INSERT INTO office_needs (referral_id, need_id, office_code, case_id, sent_at) "
            "VALUES (%(referral_id)s, %(need_id)s, %(office_code)s, %(case_id)s, %(sent_at)s) ON CONFLICT DO NOTHING"
        ),
        values | {"sent_at": sent_at},
    )


def withdraw_office(connection: Connection, referral_id: ReferralId) -> None:
    """The office declined: its claim checks end, unless it holds another referral of the case."""
    connection.defer("DELETE FROM office_needs WHERE referral_id = %(referral_id)s", {"referral_id": referral_id})
