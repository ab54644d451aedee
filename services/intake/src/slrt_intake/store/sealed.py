"""Seal what intake keeps of people, and read it again: which fields, in which table, under whose key.

A person has a key, and so has a draft. Contact, address and free text of a case are sealed under the case's own key,
and so is why it was opened in an emergency. A file has a key of its own, which is sealed with the file's name under the
key of the person that it shows, or of the case.
"""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Any
from uuid import UUID

from slrt_intake.domain.case import Case, Need
from slrt_intake.domain.draft import Draft
from slrt_intake.domain.party import Contact, Person, Proxy, ProxyRelation, Relation, Reporter, ReporterRole
from slrt_kit.privacy import ERASED, SubjectKey, Vault
from slrt_kit.privacy.sealing import Opened
from slrt_kit.privacy.vault import text_of

PERSONS, CONTACTS, NEEDS, DRAFTS = "persons", "contacts", "needs", "drafts"
EMERGENCIES, ATTACHMENTS, EXPORTS = "emergency_accesses", "attachments", "exports"
FACTS, FIELD_ITEMS = "facts", "field_items"
FIELD_PHOTOS, FIELD_PHOTO_PARTS = "field_photos", "field_photo_parts"
_PHONE_CHECK, _SLIP = "ticket phone", "ticket slip"
LETTERS, LETTER_DOCUMENTS = "letters", "letters.document"


def seal_person(vault: Vault, key: SubjectKey, person: Person) -> dict[str, object]:
    """The columns of `PERSONS` that name nobody."""
    fields = {"name": person.name, "nik": person.nik, "birth_date": person.birth_date, "sex": person.sex}
    sealed = vault.seal(key, fields, table=PERSONS, row=person.person_id)
    return {"key_id": key.key_id, "sealed": text_of(sealed)}


def seal_contact(vault: Vault, key: SubjectKey, case: Case, contact: Contact) -> dict[str, object]:
    """The row of `CONTACTS`. ``language`` stays readable: it says nothing of who the resident is."""
    fields = {
        "phone": contact.phone,
        "email": contact.email,
        "kk_number": contact.kk_number,
        "address": contact.address,
        "belongs_to": contact.belongs_to,
        "reporter": contact.reporter and asdict(contact.reporter),
        "proxy": contact.proxy and asdict(contact.proxy),
    }
    last4 = contact.phone[-4:] if contact.phone else slip_code(vault, case.ticket_number)
    return {
        "case_id": case.case_id,
        "language": contact.language,
        "sealed": text_of(vault.seal(key, fields, table=CONTACTS, row=case.case_id)),
        "phone_check": text_of(phone_check(vault, case.ticket_number, last4)),
    }


def seal_need(vault: Vault, key: SubjectKey, need: Need) -> dict[str, object]:
    """The column of `NEEDS` that has the reporter's own words."""
    if need.description is None:
        return {"sealed": None}
    return {"sealed": text_of(vault.seal(key, {"description": need.description}, table=NEEDS, row=need.need_id))}


def seal_draft(vault: Vault, key: SubjectKey, draft: Draft) -> bytes:
    """The message and what was made of it."""
    return vault.seal(key, {"text": draft.text, "content": draft.content}, table=DRAFTS, row=draft.draft_id)


def phone_check(vault: Vault, ticket_number: str, last4: str) -> bytes:
    """What shows that the last four digits of a phone are right: of each ticket another, and nobody's without the key.

    Four digits have ten thousand values: whatever could be computed without a key could be tried out in a moment.
    """
    return vault.blind.of(_PHONE_CHECK, ticket_number, last4)


def slip_code(vault: Vault, ticket_number: str) -> str:
    """Four digits for the ticket slip of a case without a phone; always the same ones, so that a slip can be printed
    again, and nobody's to work out without the key."""
    return f"{int.from_bytes(vault.blind.of(_SLIP, ticket_number)) % 10_000:04}"


def phone_agrees(vault: Vault, check: bytes | None, ticket_number: str, last4: str) -> bool:
    """Whether they are the phone's last four digits, in constant time; False for a case without a phone."""
    return vault.blind.agrees(check, _PHONE_CHECK, ticket_number, last4)


def person_of(person_id: UUID, relation: Relation, opened: Opened) -> Person:
    """The person; with nothing but the id and the relation once they are erased."""
    if opened is ERASED:
        return Person(
            person_id=person_id, relation=relation, name=None, nik=None, birth_date=None, sex=None, erased=True
        )
    return Person(
        person_id=person_id,
        relation=relation,
        name=opened["name"],
        nik=opened["nik"],
        birth_date=None if opened["birth_date"] is None else date.fromisoformat(opened["birth_date"]),
        sex=opened["sex"],
    )


def contact_fields(opened: Opened) -> dict[str, Any]:
    """The fields of a contact; none of an erased one."""
    return {} if opened is ERASED else opened


def reporter_of(contact: Mapping[str, Any]) -> Reporter | None:
    """Who brought the report, from the fields of a contact."""
    found = contact.get("reporter")
    return None if found is None else Reporter(role=ReporterRole(found["role"]), name=found["name"])


def proxy_of(contact: Mapping[str, Any]) -> Proxy | None:
    """Who acts for the person, from the fields of a contact; of an older case only the name."""
    found = contact.get("proxy")
    if found is None:
        name = contact.get("proxy_name")
        return None if name is None else Proxy(name=name)
    relation = found["relation"]
    return Proxy(
        name=found["name"], relation=None if relation is None else ProxyRelation(relation), phone=found["phone"]
    )
