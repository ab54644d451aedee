"""Keep who looked at whose data, as every service tells it of its audit log, and give a case's resident the list.

A look belongs to a case by what was looked at (the case itself, its people, its contact), by the case that the looker
named, or by the person or family, which the registry says to be of the case. The last is a look's own business only:

* a look at a person that names a case which the person is in, is told in that case and in no other;
* one that names none, or one that the person is not in, is told in every case of the person: nobody hides a look by
  naming another case. Of a person in a case that few may know of it is told there alone, for the list of an
  open case must not betray that there is such a case;
* of a report whose reporter asked for secrecy, which mostly is about others, only looks that belong to it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from slrt_contracts.codes import LookObject
from slrt_contracts.envelope import Envelope
from slrt_contracts.events.looks import LooksRecorded, LookTold
from slrt_contracts.types import CaseId, PersonId
from slrt_intake.store.sql import as_json
from slrt_kit.db import Connection

_OF_A_CASE = frozenset({LookObject.CASE, LookObject.CASE_PARTIES, LookObject.CASE_CONTACT, LookObject.RESIDENT_CODE})
"""Whose own id is the case's."""
# Whether it was in an emergency, intake alone can say: it opens them, and has in its own audit log who looked.
_KEEP = """
    INSERT INTO looks (chain_id, position, service, looked_at, action, object_type, object_id, case_id, role,
                       office_code, purpose, in_emergency)
    SELECT %(chain_id)s, l.position, %(service)s, l.looked_at, l.action, l.object_type, l.object_id, l.case_id, l.role,
           l.office_code, l.purpose,
           %(service)s = 'intake' AND EXISTS (
               SELECT FROM emergency_accesses e JOIN audit a ON a.position = l.position AND a.subject = e.opened_by
               WHERE e.case_id = l.case_id AND l.looked_at >= e.opened_at AND l.looked_at < e.ends_at)
    FROM jsonb_to_recordset(CAST(%(looks)s AS jsonb)) AS l(position bigint, looked_at timestamptz, action text,
         object_type text, object_id uuid, case_id uuid, role text, office_code text, purpose text)
    ON CONFLICT DO NOTHING
    """
_ROW = "l.looked_at, l.chain_id, l.position, l.action, l.object_type, l.role, l.office_code, l.purpose, l.in_emergency"
_AFTER = "(l.looked_at, l.chain_id, l.position) < (%(after_at)s, %(after_chain)s, %(after_position)s)"
_LIST = f"""
    WITH here AS (
        SELECT case_id, restricted OR sealed_at IS NOT NULL AS kept, reporter_secret FROM cases
        WHERE case_id = %(case_id)s
    ), theirs AS (
        SELECT DISTINCT o.object_id FROM case_people p, here, LATERAL (VALUES (p.person_id), (p.family_id)) o(object_id)
        WHERE p.case_id = here.case_id AND NOT here.reporter_secret AND o.object_id IS NOT NULL
          AND (here.kept OR NOT EXISTS (
              SELECT FROM case_people other JOIN cases USING (case_id)
              WHERE o.object_id IN (other.person_id, other.family_id)
                AND (cases.restricted OR cases.sealed_at IS NOT NULL)))
    )
    (SELECT {_ROW} FROM looks l WHERE l.case_id = %(case_id)s AND {{after}}
     ORDER BY l.looked_at DESC, l.chain_id DESC, l.position DESC LIMIT %(limit)s)
    UNION ALL
    (SELECT {_ROW} FROM theirs, LATERAL (
         SELECT * FROM looks l
         WHERE l.object_id = theirs.object_id AND l.object_type IN ('person', 'family')
           AND l.case_id IS DISTINCT FROM %(case_id)s AND {{after}}
           AND NOT EXISTS (SELECT FROM case_people named
                           WHERE named.case_id = l.case_id AND l.object_id IN (named.person_id, named.family_id))
         ORDER BY l.looked_at DESC, l.chain_id DESC, l.position DESC LIMIT %(limit)s) l)
    ORDER BY looked_at DESC, chain_id DESC, position DESC LIMIT %(limit)s
    """  # noqa: S608 — fixed texts


class SeenLook(NamedTuple):
    """A look as its resident may know it: no name and no account of whoever looked."""

    looked_at: datetime
    chain_id: UUID
    position: int
    action: str
    object_type: str
    role: str
    office_code: str | None
    purpose: str
    in_emergency: bool

    @property
    def place(self) -> tuple[datetime, UUID, int]:
        """Where it stands in the list."""
        return self.looked_at, self.chain_id, self.position


def keep_looks(connection: Connection, envelope: Envelope, event: LooksRecorded) -> None:
    """Keep the looks of an event; those that are there already stay as they are."""
    connection.defer(
        _KEEP,
        {
            "chain_id": event.chain_id,
            "service": envelope.source.rpartition("/")[2],
            "looks": as_json([_row(look) for look in event.looks]),
        },
    )


def _row(look: LookTold) -> dict[str, object]:
    row = look.model_dump(mode="json")
    if look.object_type in _OF_A_CASE:
        row["case_id"] = row["object_id"]
    return row


def note_person(connection: Connection, *, case_id: CaseId, person_id: PersonId, family_id: UUID | None) -> None:
    """Note that a case is about a person of the registry."""
    connection.defer(
        "INSERT INTO case_people AS p (case_id, person_id, family_id) "
        "VALUES (%(case_id)s, %(person_id)s, %(family_id)s) ON CONFLICT (case_id, person_id) DO UPDATE "
        "SET family_id = coalesce(EXCLUDED.family_id, p.family_id)",
        {"case_id": case_id, "person_id": person_id, "family_id": family_id},
    )


def forget_person(connection: Connection, person_id: PersonId) -> None:
    """Of whom is erased nothing leads to a case any more."""
    connection.defer("DELETE FROM case_people WHERE person_id = %(person_id)s", {"person_id": person_id})


async def looks_at(
    connection: Connection, case_id: CaseId, *, after: tuple[datetime, UUID, int] | None, limit: int
) -> Sequence[SeenLook]:
    """Who looked at the data of a case and its people, newest first, after the given place."""
    values: dict[str, object] = {"case_id": case_id, "limit": limit}
    if after is not None:
        values |= {"after_at": after[0], "after_chain": after[1], "after_position": after[2]}
    rows = await connection.rows(_LIST.format(after="true" if after is None else _AFTER), values)
    return [SeenLook(*row) for row in rows]
