"""Keep letters: what they say and the document itself sealed under the subject's key, all else as it is."""

import base64
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from slrt_contracts.codes import LetterRevocation
from slrt_contracts.types import CaseId, LetterId, LetterType, NeedId
from slrt_intake.domain.letter import Initials, Letter, LetterStatus, LetterTerms
from slrt_intake.domain.party import Relation
from slrt_intake.domain.transitions import CaseStatus
from slrt_intake.ports import LetterCase
from slrt_intake.store.forms import FormBook
from slrt_intake.store.sealed import CONTACTS, LETTER_DOCUMENTS, LETTERS, PERSONS, contact_fields, person_of
from slrt_intake.store.sql import as_json
from slrt_intake.store.timeline import publish
from slrt_intake.store.visibility import within
from slrt_kit.access import Scope
from slrt_kit.db import Connection, Row, StaleVersionError, UnitOfWork
from slrt_kit.outbox import Outbox
from slrt_kit.privacy import ERASED, SealedRow, Vault
from slrt_kit.problems import ErasedError

_SUBJECT: Final = "letter subject"
_COLUMNS = (
    "l.letter_id, l.version, l.event_sequence, l.case_id, l.person_id, l.need_id, l.letter_type, l.label, "
    "l.policy_version, l.office_code, l.terms, l.key_id, l.drafted_by, l.drafted_at, l.status, l.initials, l.number, "
    "l.number_year, l.number_count, l.signed_by, l.signed_at, l.valid_until, l.issued_by, l.issued_at, l.revoked_by, "
    "l.revoked_at, l.revocation_reason"
)
_CASE = """
    SELECT cases.case_id, cases.village_code, cases.ticket_number, cases.status, cases.key_id AS case_key,
           k.sealed AS contact, p.person_id, p.relation, p.key_id AS person_key, p.sealed AS person,
           (SELECT jsonb_object_agg(n.need_id, n.need_code) FROM needs n WHERE n.case_id = cases.case_id) AS needs,
           ARRAY(SELECT DISTINCT a.file_class FROM attachments a
                 WHERE a.case_id = cases.case_id AND a.removed_at IS NULL) AS file_classes
    FROM cases LEFT JOIN contacts k USING (case_id)
    LEFT JOIN persons p ON p.case_id = cases.case_id AND p.person_id = %(person_id)s
    WHERE cases.case_id = %(case_id)s AND {within}
    """
_INSERT = """
    INSERT INTO letters (letter_id, version, event_sequence, case_id, person_id, need_id, letter_type, label,
        policy_version, office_code, terms, key_id, sealed, subject_index, drafted_by, drafted_at, status, next_role,
        initials)
    VALUES (%(letter_id)s, 1, %(event_sequence)s, %(case_id)s, %(person_id)s, %(need_id)s, %(letter_type)s,
        CAST(%(label)s AS jsonb), %(policy_version)s, %(office_code)s, CAST(%(terms)s AS jsonb), %(key_id)s, %(sealed)s,
        %(subject_index)s, %(drafted_by)s, %(drafted_at)s, %(status)s, %(next_role)s, CAST(%(initials)s AS jsonb))
    """
_UPDATE = """
    UPDATE letters SET version = version + 1, event_sequence = %(event_sequence)s, person_id = %(person_id)s,
        need_id = %(need_id)s, label = CAST(%(label)s AS jsonb), policy_version = %(policy_version)s,
        office_code = %(office_code)s, terms = CAST(%(terms)s AS jsonb), key_id = %(key_id)s,
        sealed = coalesce(CAST(%(sealed)s AS bytea), sealed),
        document = coalesce(%(document)s, document),
        subject_index = CASE WHEN CAST(%(sealed)s AS bytea) IS NULL THEN subject_index ELSE %(subject_index)s END,
        status = %(status)s, next_role = %(next_role)s, initials = CAST(%(initials)s AS jsonb), number = %(number)s,
        number_year = %(number_year)s, number_count = %(number_count)s, signed_by = %(signed_by)s,
        signed_at = %(signed_at)s, valid_until = %(valid_until)s, issued_by = %(issued_by)s, issued_at = %(issued_at)s,
        revoked_by = %(revoked_by)s, revoked_at = %(revoked_at)s, revocation_reason = %(revocation_reason)s
    WHERE letter_id = %(letter_id)s AND version = %(version)s
    """
_NEXT_NUMBER = """
    INSERT INTO letter_numbers AS n (office_code, series, year, last) VALUES (%(office)s, %(series)s, %(year)s, 1)
    ON CONFLICT (office_code, series, year) DO UPDATE SET last = n.last + 1 RETURNING last
    """


class LetterStore:
    """The letters of one unit of work (keeps the promises of `ports.Letters`)."""

    def __init__(self, work: UnitOfWork, outbox: Outbox, vault: Vault, forms: FormBook) -> None:
        self._work = work
        self._outbox = outbox
        self._vault = vault
        self._forms = forms

    async def case(self, case_id: CaseId, person_id: UUID | None, scope: Scope) -> LetterCase | None:
        """The case when the scope reaches it to work on."""
        condition, values = within(scope)
        row = await self._work.connection.row(
            _CASE.format(within=condition), values | {"case_id": case_id, "person_id": person_id}
        )
        if row is None:
            return None
        contact = await self._vault.unseal_one(SealedRow(row.case_key, row.contact, row.case_id), table=CONTACTS)
        person, is_erased = None, False
        if row.person_id is not None:
            sealed = SealedRow(row.person_key, row.person, row.person_id)
            person = person_of(
                row.person_id, Relation(row.relation), await self._vault.unseal_one(sealed, table=PERSONS)
            )
            is_erased = person.erased
        return LetterCase(
            case_id=CaseId(row.case_id),
            village_code=row.village_code,
            ticket_number=row.ticket_number,
            status=CaseStatus(row.status),
            needs={NeedId(UUID(need_id)): code for need_id, code in (row.needs or {}).items()},
            person=person,
            is_known_person=person_id is None or person is not None,
            is_erased=is_erased,
            kk_number=contact_fields(contact).get("kk_number"),
            address=contact_fields(contact).get("address"),
            documents=self._shown(row.village_code, row.file_classes),
            key_id=row.case_key if row.person_key is None else row.person_key,
        )

    def _shown(self, village_code: str, file_classes: Sequence[str]) -> set[str]:
        documents = self._forms.at(village_code, self._work.clock.now()).documents
        there = {code for code, each in documents.items() if each.fields["file_class"] in file_classes}
        return there | {code for code, each in documents.items() if there & set(each.fields.get("instead", ()))}

    async def village_of(self, case_id: CaseId) -> str:
        """Where the case is now; it stays there until the commit."""
        return str(
            await self._work.connection.value(
                "SELECT village_code FROM cases WHERE case_id = %(case_id)s FOR SHARE", {"case_id": case_id}
            )
        )

    async def add(self, letter: Letter) -> None:
        """Insert a new one.

        Raises:
            ErasedError: the key of its subject was destroyed.
        """
        await self._work.connection.run(_INSERT, await self._values(letter))
        letter.mark_saved()

    async def get_within(self, case_id: CaseId, letter_id: LetterId, scope: Scope) -> Letter | None:
        """The letter, when the scope reaches its case to work on."""
        condition, values = within(scope)
        row = await self._work.connection.row(
            f"SELECT {_COLUMNS}, l.sealed FROM letters l JOIN cases USING (case_id) "  # noqa: S608 — fixed texts
            f"WHERE l.letter_id = %(letter_id)s AND cases.case_id = %(case_id)s AND {condition}",
            values | {"letter_id": letter_id, "case_id": case_id},
        )
        return None if row is None else await opened(self._vault, row)

    async def get_to_expire(self, letter_id: LetterId) -> Letter | None:
        """The letter, where it holds and nobody else has it in hand; its words are not read."""
        row = await self._work.connection.row(
            f"SELECT {_COLUMNS} FROM letters l WHERE l.letter_id = %(letter_id)s "  # noqa: S608 — fixed texts
            "AND l.status IN ('signed', 'issued') FOR UPDATE SKIP LOCKED",
            {"letter_id": letter_id},
        )
        return None if row is None else _letter(row, None)

    async def others_in_force(self, letter: Letter, scope: Scope, *, today: date) -> Sequence[LetterId]:
        """Letters of the kind for the same person that hold, of cases that the scope reaches."""
        index = self._subject_index(letter)
        if index is None:
            return []
        condition, values = within(scope)
        return await self._work.connection.values(
            "SELECT l.letter_id FROM letters l JOIN cases USING (case_id) "  # noqa: S608 — fixed texts
            "WHERE l.subject_index = %(index)s AND l.letter_type = %(letter_type)s AND l.letter_id <> %(letter_id)s "
            "AND l.status IN ('signed', 'issued') AND (l.valid_until IS NULL OR l.valid_until >= %(today)s) "
            f"AND {condition} ORDER BY l.signed_at DESC LIMIT 10",
            values
            | {
                "index": index,
                "letter_type": letter.letter_type,
                "letter_id": letter.letter_id,
                "today": today,
            },
        )

    async def next_number(self, office_code: str, series: str, year: int) -> int:
        """The next number; its row is locked until the unit of work ends."""
        return int(
            await self._work.connection.value(_NEXT_NUMBER, {"office": office_code, "series": series, "year": year})
        )

    async def save(self, letter: Letter, *, document: bytes | None = None) -> None:
        """Write a changed one, and its document where that was made.

        Raises:
            StaleVersionError: somebody else saved it since it was loaded. ErasedError: its subject's key is gone.
        """
        values = await self._values(letter, document=document)
        if await self._work.connection.run(_UPDATE, values | {"version": letter.version}) != 1:
            raise StaleVersionError
        publish(self._work, self._outbox, letter.raised)
        letter.mark_saved()

    async def _values(self, letter: Letter, *, document: bytes | None = None) -> dict[str, Any]:
        sealed = kept = None
        if letter.content is not None:
            if letter.key_id is None:
                raise RuntimeError("a letter without a key cannot be sealed")
            key = (await self._vault.keys.find([letter.key_id]))[letter.key_id]
            if key is None:
                raise ErasedError
            sealed = self._vault.seal(key, letter.content, table=LETTERS, row=letter.letter_id)
            if document is not None:
                fields = {"pdf": base64.b64encode(document).decode()}
                kept = self._vault.seal(key, fields, table=LETTER_DOCUMENTS, row=letter.letter_id)
        return {
            "letter_id": letter.letter_id,
            "event_sequence": letter.event_sequence,
            "case_id": letter.case_id,
            "person_id": letter.person_id,
            "need_id": letter.need_id,
            "letter_type": letter.letter_type,
            "label": as_json(letter.label),
            "policy_version": letter.policy_version,
            "office_code": letter.office_code,
            "terms": as_json({name: getattr(letter.terms, name) for name in LetterTerms.__slots__}),
            "key_id": letter.key_id,
            "sealed": sealed,
            "document": kept,
            "subject_index": self._subject_index(letter),
            "drafted_by": letter.drafted_by,
            "drafted_at": letter.drafted_at,
            "status": letter.status,
            "next_role": letter.next_role,
            "initials": as_json([[each.role, each.by, each.at] for each in letter.initials]),
            "number": letter.number,
            "number_year": letter.number_year,
            "number_count": letter.number_count,
            "signed_by": letter.signed_by,
            "signed_at": letter.signed_at,
            "valid_until": letter.valid_until,
            "issued_by": letter.issued_by,
            "issued_at": letter.issued_at,
            "revoked_by": letter.revoked_by,
            "revoked_at": letter.revoked_at,
            "revocation_reason": letter.revocation_reason,
        }

    def _subject_index(self, letter: Letter) -> bytes | None:
        """By which letters for the same NIK are found, whatever case they are of."""
        nik = (letter.content or {}).get("values", {}).get("nik", "")
        return self._vault.blind.of(_SUBJECT, nik) if nik.isdigit() else None


async def letters_of(connection: Connection, case_id: CaseId) -> list[Letter]:
    """The letters of a case without their words, oldest first; whoever asks has looked whether they may."""
    rows = await connection.rows(
        f"SELECT {_COLUMNS} FROM letters l WHERE l.case_id = %(case_id)s "  # noqa: S608 — fixed texts
        "ORDER BY l.drafted_at, l.letter_id",
        {"case_id": case_id},
    )
    return [_letter(row, None) for row in rows]


async def letters_waiting(
    connection: Connection,
    scope: Scope,
    roles: Sequence[str],
    *,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Letter]:
    """Letters that wait for one of the roles, of cases that the scope reaches, oldest first, without their words."""
    condition, values = within(scope)
    conditions = ["l.next_role = ANY(%(roles)s)", condition]
    values |= {"roles": list(roles), "limit": limit}
    if after is not None:
        conditions.append("(l.drafted_at, l.letter_id) > (%(after_at)s, %(after_id)s)")
        values |= {"after_at": after[0], "after_id": after[1]}
    rows = await connection.rows(
        f"SELECT {_COLUMNS} FROM letters l JOIN cases USING (case_id) "  # noqa: S608 — fixed texts
        f"WHERE {' AND '.join(conditions)} ORDER BY l.drafted_at, l.letter_id LIMIT %(limit)s",
        values,
    )
    return [_letter(row, None) for row in rows]


async def letters_run_out(
    connection: Connection, *, before: date, after: tuple[date, UUID] | None, limit: int
) -> list[tuple[date, LetterId]]:
    """Letters that hold whose last day is before that one, oldest first, after the given position."""
    rows = await connection.rows(
        "SELECT valid_until, letter_id FROM letters WHERE status IN ('signed', 'issued') AND valid_until < %(before)s "
        "AND (%(after_day)s::date IS NULL OR (valid_until, letter_id) > (%(after_day)s::date, %(after_id)s::uuid)) "
        "ORDER BY valid_until, letter_id LIMIT %(limit)s",
        {
            "before": before,
            "after_day": None if after is None else after[0],
            "after_id": None if after is None else after[1],
            "limit": limit,
        },
    )
    return [(row.valid_until, LetterId(row.letter_id)) for row in rows]


async def letter_of_code(connection: Connection, vault: Vault, letter_id: UUID) -> Letter | None:
    """A letter that was signed, for whoever holds its code."""
    row = await connection.row(
        f"SELECT {_COLUMNS}, l.sealed FROM letters l "  # noqa: S608 — fixed texts
        "WHERE l.letter_id = %(letter_id)s AND l.number IS NOT NULL",
        {"letter_id": letter_id},
    )
    return None if row is None else await opened(vault, row)


async def document_of(connection: Connection, vault: Vault, letter: Letter) -> bytes | None:
    """The document of a signed letter; None once its subject is erased."""
    sealed = await connection.value(
        "SELECT document FROM letters WHERE letter_id = %(letter_id)s", {"letter_id": letter.letter_id}
    )
    fields = await vault.unseal_one(SealedRow(letter.key_id, sealed, letter.letter_id), table=LETTER_DOCUMENTS)
    return None if fields is ERASED else base64.b64decode(fields["pdf"])


async def opened(vault: Vault, row: Row) -> Letter:
    """A letter with its words; without them once its subject is erased."""
    fields = await vault.unseal_one(SealedRow(row.key_id, row.sealed, row.letter_id), table=LETTERS)
    return _letter(row, None if fields is ERASED else fields)


def _letter(row: Row, content: dict[str, Any] | None) -> Letter:
    known: Mapping[str, Any] = row._asdict()
    values = {name: value for name, value in known.items() if name != "sealed"} | {
        "letter_id": LetterId(row.letter_id),
        "letter_type": LetterType(row.letter_type),
        "terms": LetterTerms(**row.terms),
        "status": LetterStatus(row.status),
        "initials": [Initials(role, by, datetime.fromisoformat(at)) for role, by, at in row.initials],
        "revocation_reason": LetterRevocation(row.revocation_reason) if row.revocation_reason else None,
        "content": content,
    }
    return Letter(**values)
