"""Erase people from cases: their keys are destroyed, and what was sealed under them is removed."""

from collections.abc import Sequence
from uuid import UUID

from slrt_intake.domain.party import Relation
from slrt_kit.db import Connection
from slrt_kit.privacy import Vault

# Pictures on their way to a case: by its id, by its registration or by a visit of it.
_ARRIVING = """
    SELECT photo_id FROM field_photos WHERE state = 'arriving' AND in_case IN {cases}
    UNION SELECT photo_id FROM field_photos WHERE state = 'arriving' AND in_item IN (
        SELECT item_id FROM field_items WHERE is_first AND kind = 'case' AND case_id IN {cases})
    UNION SELECT photo_id FROM field_photos WHERE state = 'arriving' AND in_visit IN (
        SELECT visit_id FROM visits WHERE case_id IN {cases})
    """
_GIVEN = "(SELECT unnest(CAST(%(cases)s AS uuid[])))"
# Contact, address and words of a case are its client's; of a case without a client's row, of whoever is in it last.
_CONCERNED = f"""
    WITH given AS (
        SELECT person_id, case_id, relation, key_id FROM persons WHERE person_id = ANY(%(parties)s)
    ), whole AS (
        SELECT case_id FROM given WHERE relation = %(client)s
        UNION
        SELECT g.case_id FROM given g WHERE NOT EXISTS (
            SELECT FROM persons o
            WHERE o.case_id = g.case_id AND o.sealed IS NOT NULL AND NOT o.person_id = ANY(%(parties)s))
    )
    SELECT ARRAY(SELECT case_id FROM whole) AS cases,
           ARRAY(SELECT key_id FROM given
                 UNION SELECT key_id FROM cases WHERE case_id IN (SELECT case_id FROM whole)
                 UNION SELECT key_id FROM drafts WHERE case_id IN (SELECT case_id FROM whole)
                 UNION SELECT key_id FROM field_items
                 WHERE case_id IN (SELECT case_id FROM whole) AND sealed IS NOT NULL
                 UNION SELECT key_id FROM field_photos
                 WHERE photo_id IN ({_ARRIVING.format(cases="(SELECT case_id FROM whole)")})) AS keys
    """  # noqa: S608 — fixed texts
_REMOVE = (
    "UPDATE persons SET sealed = NULL WHERE person_id = ANY(%(parties)s)",
    "UPDATE contacts SET sealed = NULL, phone_check = NULL WHERE case_id = ANY(%(cases)s)",
    "UPDATE needs SET sealed = NULL WHERE case_id = ANY(%(cases)s)",
    "DELETE FROM resident_challenges WHERE case_id = ANY(%(cases)s)",
    "DELETE FROM resident_sessions WHERE case_id = ANY(%(cases)s)",
    "UPDATE drafts SET sealed = NULL WHERE case_id = ANY(%(cases)s)",
    """
    UPDATE facts SET sealed = NULL, digest = NULL
    WHERE case_id = ANY(%(cases)s) OR person_id = ANY(%(parties)s)
    """,
    f"DELETE FROM field_photos WHERE photo_id IN ({_ARRIVING.format(cases=_GIVEN)})",  # noqa: S608 — fixed texts
    "UPDATE field_items SET sealed = NULL WHERE case_id = ANY(%(cases)s) AND sealed IS NOT NULL",
    "UPDATE attachments SET sealed = NULL, digest = NULL WHERE attachment_id = ANY(%(files)s)",
    "UPDATE letters SET sealed = NULL, document = NULL, subject_index = NULL WHERE key_id = ANY(%(keys)s)",
    "UPDATE consents SET sealed = NULL WHERE person_id = ANY(%(parties)s)",
    """
    UPDATE consent_withdrawals SET sealed = NULL
    WHERE consent_id IN (SELECT consent_id FROM consents WHERE person_id = ANY(%(parties)s))
    """,
)
_FILES = "SELECT attachment_id FROM attachments WHERE key_id = ANY(%(keys)s) AND sealed IS NOT NULL"


async def erase_parties(connection: Connection, vault: Vault, parties: Sequence[UUID]) -> Sequence[UUID]:
    """Erase persons of cases; with a client, or the last person of a case, also the case's contact, words and drafts.

    Gives the files that were sealed under their keys: their objects are for the caller to remove.
    The keys go first: when the transaction fails, it is all done again, and destroying twice is as destroying once.

    Raises:
        psycopg.Error: a database is away; it may be repeated.
    """
    found = await connection.one(_CONCERNED, {"parties": list(parties), "client": Relation.CLIENT})
    await vault.destroy(found.keys)
    files = await connection.values(_FILES, {"keys": list(found.keys)})
    for statement in _REMOVE:
        connection.defer(
            statement,
            {
                "parties": list(parties),
                "cases": list(found.cases),
                "files": list(files),
                "keys": list(found.keys),
            },
        )
    return files
