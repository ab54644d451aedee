"""Put together what an officer takes along: the visits that they hold, the people, and what is known of them."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from slrt_contracts.types import CaseId
from slrt_intake.api.field_schemas import AssignmentView, KnownFact, KnownPerson
from slrt_intake.api.parts import IntakeParts
from slrt_intake.domain.claim import Parties
from slrt_intake.store.facts import Fact, facts_of
from slrt_intake.store.people import parties_of
from slrt_intake.store.visits import HeldVisit, held_visits
from slrt_kit.access import Scope
from slrt_kit.http.pages import decode_cursor, encode_cursor


class Assignments(NamedTuple):
    """What goes to the device, beside what every exchange says."""

    full: bool
    assignments: list[AssignmentView]
    held: list[UUID]
    cursor: str


async def assignments_of(parts: IntakeParts, officer: str, *, cursor: str | None, nothing: bool) -> Assignments:
    """The visits that an officer holds; in full only those that changed since ``cursor``. ``nothing``: none at all.

    Raises:
        BadCursorError: it is none of ours. psycopg.Error, KeyMissingError.
    """
    since = None if cursor is None else int(decode_cursor(cursor, parts=1)[0])
    now = parts.database.clock.now()
    async with parts.database.snapshot() as session:
        upto, held = await held_visits(session, officer, now=now)
        # A database that was restored counts from the past: what was said by the old count says nothing.
        full = since is None or since > upto
        found = [each for each in held if full or each.changed >= (since or 0)]
        if nothing:
            return Assignments(full=True, assignments=[], held=[], cursor=encode_cursor(upto))
        case_ids = [CaseId(each.visit.case_id) for each in found]
        people = await parties_of(session, parts.vault, case_ids, Scope(subject=officer), at=now)
        facts = await facts_of(session, parts.vault, case_ids, only_heads=True)
    by_case = {each.parties.case_id: each.parties for each in people}
    return Assignments(
        full=full,
        assignments=[
            _view(each, by_case[each.visit.case_id], [fact for fact in facts if fact.case_id == each.visit.case_id])
            for each in found
        ],
        held=[each.visit.visit_id for each in held],
        cursor=encode_cursor(upto),
    )


def _view(held: HeldVisit, parties: Parties, facts: Sequence[Fact]) -> AssignmentView:
    visit = held.visit
    known: dict[str, Any] = {"leased_until": visit.leased_until}
    return AssignmentView(
        visit_id=visit.visit_id,
        version=visit.version,
        case_id=visit.case_id,
        ticket_number=held.ticket_number,
        village_code=held.village_code,
        due_on=visit.due_on,
        checklists=list(visit.checklists),
        need_codes=list(held.need_codes),
        address=None if parties.reporter_secret else parties.address,
        phone=None if parties.reporter_secret else parties.phone,
        persons=[
            KnownPerson(person_id=each.person_id, relation=each.relation, name=each.name, sex=each.sex)
            for each in parties.persons
        ],
        facts=[
            KnownFact(
                fact_id=each.fact_id,
                person_id=each.person_id,
                code=each.code,
                value=each.value,
                observed_at=each.observed_at,
            )
            for each in facts
            if not each.erased
        ],
        **known,
    )
