"""Write families, persons and what became of a case, with their events: one statement for all of them."""

from collections.abc import Sequence
from dataclasses import fields
from uuid import UUID

from slrt_contracts.types import EventId
from slrt_kit.audit.record import insert_audit
from slrt_kit.db import Row, StaleVersionError, UnitOfWork
from slrt_kit.outbox import Outbox, insert_events, types_of
from slrt_kit.privacy import SubjectKey, Vault
from slrt_registry.domain.family import Family, Member, Participation, ProgrammeNeed
from slrt_registry.domain.person import Person
from slrt_registry.ports import CaseRecord
from slrt_registry.store.sealed import seal_family, seal_person
from slrt_registry.store.sql import as_json

# A row of version 0 is new; an insert that meets the same number of a transaction under way waits for it, and then
# inserts nothing. What belongs to a family is written only where the family was. PostgreSQL chooses the order of the
# parts; the same each time, and whoever may touch the same people waits before that (`persons.hold`).
_SAVE = f"""
    WITH families_given AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(CAST(%(families)s AS jsonb)) AS f(regency_code text, family_id uuid,
            version bigint, event_sequence bigint, village_code text, key_id bigint, sealed bytea, kk_index bytea)
    ), families_added AS (
        INSERT INTO families (regency_code, family_id, version, event_sequence, village_code, key_id, sealed, kk_index)
        SELECT regency_code, family_id, 1, event_sequence, village_code, key_id, sealed, kk_index FROM families_given
        WHERE version = 0 ORDER BY family_id
        ON CONFLICT DO NOTHING RETURNING family_id
    ), families_changed AS (
        UPDATE families f SET version = g.version + 1, event_sequence = g.event_sequence,
            village_code = g.village_code, sealed = g.sealed, kk_index = g.kk_index
        FROM families_given g
        WHERE f.regency_code = g.regency_code AND f.family_id = g.family_id AND f.version = g.version
        RETURNING f.family_id
    ), written AS (
        SELECT family_id FROM families_added UNION ALL SELECT family_id FROM families_changed
    ), members_written AS (
        INSERT INTO family_members (regency_code, family_id, person_id, joined_at, left_at)
        SELECT regency_code, family_id, person_id, joined_at, left_at
        FROM jsonb_to_recordset(CAST(%(members)s AS jsonb)) AS m(regency_code text, family_id uuid, person_id uuid,
             joined_at timestamptz, left_at timestamptz)
        WHERE family_id IN (SELECT family_id FROM written)
        ON CONFLICT (regency_code, family_id, person_id) DO UPDATE
            SET joined_at = EXCLUDED.joined_at, left_at = EXCLUDED.left_at
    ), needs_written AS (
        INSERT INTO programme_needs (regency_code, family_id, need_id, person_id, case_id, programme_code, status,
                                     recorded_at, outcome_code, referral_id, settled_at)
        SELECT regency_code, family_id, need_id, person_id, case_id, programme_code, status, recorded_at,
               outcome_code, referral_id, settled_at
        FROM jsonb_to_recordset(CAST(%(needs)s AS jsonb)) AS n(regency_code text, family_id uuid, need_id uuid,
             person_id uuid, case_id uuid, programme_code text, status text, recorded_at timestamptz,
             outcome_code text, referral_id uuid, settled_at timestamptz)
        WHERE family_id IN (SELECT family_id FROM written)
        ON CONFLICT (regency_code, need_id) DO UPDATE
            SET status = EXCLUDED.status, outcome_code = EXCLUDED.outcome_code, referral_id = EXCLUDED.referral_id,
                settled_at = EXCLUDED.settled_at
    ), participations_written AS (
        INSERT INTO participations (regency_code, family_id, participation_id, person_id, programme_code, status,
                                    starts_on, case_id, referral_id)
        SELECT regency_code, family_id, participation_id, person_id, programme_code, status, starts_on, case_id,
               referral_id
        FROM jsonb_to_recordset(CAST(%(participations)s AS jsonb)) AS p(regency_code text, family_id uuid,
             participation_id uuid, person_id uuid, programme_code text, status text, starts_on date, case_id uuid,
             referral_id uuid)
        WHERE family_id IN (SELECT family_id FROM written)
        ON CONFLICT (regency_code, participation_id) DO UPDATE SET status = EXCLUDED.status
    ), persons_given AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(CAST(%(persons)s AS jsonb)) AS p(regency_code text, person_id uuid,
            version bigint, event_sequence bigint, village_code text, nik_status text, family_id uuid, key_id bigint,
            sealed bytea, nik_index bytea, birth_index bytea, name_tokens bytea[], erased_at timestamptz,
            legal_hold text)
    ), persons_added AS (
        INSERT INTO persons (regency_code, person_id, version, event_sequence, village_code, nik_status, family_id,
                             key_id, sealed, nik_index, birth_index, name_tokens)
        SELECT regency_code, person_id, 1, event_sequence, village_code, nik_status, family_id, key_id, sealed,
               nik_index, birth_index, name_tokens
        FROM persons_given WHERE version = 0 ORDER BY nik_index, person_id
        ON CONFLICT DO NOTHING RETURNING person_id
    ), persons_changed AS (
        UPDATE persons p SET version = g.version + 1, event_sequence = g.event_sequence,
            village_code = g.village_code, nik_status = g.nik_status, family_id = g.family_id, sealed = g.sealed,
            nik_index = g.nik_index, birth_index = g.birth_index, name_tokens = g.name_tokens,
            erased_at = g.erased_at, legal_hold = g.legal_hold
        FROM persons_given g
        WHERE p.regency_code = g.regency_code AND p.person_id = g.person_id AND p.version = g.version
        RETURNING p.person_id
    ), cases_noted AS (
        INSERT INTO cases (case_id, region_code, family_id, handled_at, restricted)
        SELECT case_id, region_code, family_id, handled_at, restricted
        FROM jsonb_to_recordset(CAST(%(cases)s AS jsonb)) AS c(case_id uuid, region_code text, family_id uuid,
             handled_at timestamptz, restricted boolean)
        ON CONFLICT DO NOTHING
    ), case_persons_noted AS (
        INSERT INTO case_persons (case_id, position, person_id, found_by, party_ids)
        SELECT case_id, position, person_id, found_by, party_ids
        FROM jsonb_to_recordset(CAST(%(case_persons)s AS jsonb)) AS p(case_id uuid, position integer, person_id uuid,
             found_by text, party_ids uuid[])
        ON CONFLICT DO NOTHING
    ), events_added AS (
        {insert_events()}
    ), audited AS (
        {insert_audit()}
    )
    SELECT (SELECT count(*) FROM written) AS families,
           (SELECT count(*) FROM persons_added) + (SELECT count(*) FROM persons_changed) AS persons
    """  # noqa: S608 — fixed texts


async def save(
    work: UnitOfWork,
    outbox: Outbox,
    vault: Vault,
    *,
    families: Sequence[Family],
    persons: Sequence[Person],
    case: CaseRecord | None,
) -> None:
    """Insert what is new, update what was changed, write the raised events; what became of a case stays as first noted.

    It goes with the next statement of the unit of work, at the latest before its commit, which then raises:

        StaleVersionError: somebody else changed one of them, or inserted its NIK or KK number, since it was loaded.
        UniqueViolation: somebody else has the NIK or KK number that one of them was given.

    Raises:
        StaleVersionError: somebody was erased since they were loaded. ValueError: a number is none.
    """
    keys = await _keys_for(vault, [*families, *persons])
    events = [(EventId(work.new_id()), event) for each in (*families, *persons) for event in each.raised]
    values: dict[str, Sequence[object]] = {
        "families": [_family_row(family) | seal_family(vault, keys[family.family_id], family) for family in families],
        "members": [_of(family, member) for family in families for member in family.members],
        "needs": [_of(family, need) for family in families for need in family.needs],
        "participations": [
            _of(family, participation) for family in families for participation in family.participations
        ],
        "persons": [_person_row(person) | seal_person(vault, keys[person.person_id], person) for person in persons],
        "cases": [] if case is None else [_case_row(case)],
        "case_persons": [] if case is None else _case_person_rows(case),
        "events": outbox.rows(events, now=work.clock.now(), causation_id=work.causation_id),
        "audit": outbox.entries(work, events),
    }
    expected = (len(families), len(persons))

    def check(rows: Sequence[Row]) -> None:
        ((families_written, persons_written),) = rows
        if (families_written, persons_written) != expected:
            raise StaleVersionError

    work.connection.defer(_SAVE, {name: as_json(rows) for name, rows in values.items()}, check=check)
    work.recorded += types_of(events)
    for each in (*families, *persons):
        each.mark_saved()


async def _keys_for(vault: Vault, aggregates: Sequence[Family | Person]) -> dict[UUID, SubjectKey | None]:
    """The key of each by its id: a new one for what is new, None for what was erased."""
    known = await vault.keys.find([each.key_id for each in aggregates if each.key_id is not None and not each.erased])
    new = iter(await vault.keys.take(sum(each.key_id is None for each in aggregates)))
    keys: dict[UUID, SubjectKey | None] = {}
    for each in aggregates:
        key = next(new) if each.key_id is None else known.get(each.key_id)
        if key is not None:
            each.key_id = key.key_id
        elif not each.erased:
            raise StaleVersionError
        keys[each.person_id if isinstance(each, Person) else each.family_id] = key
    return keys


def _family_row(family: Family) -> dict[str, object]:
    return {
        "regency_code": family.regency_code,
        "family_id": family.family_id,
        "version": family.version,
        "event_sequence": family.event_sequence,
        "village_code": family.village_code,
    }


def _of(family: Family, part: Member | ProgrammeNeed | Participation) -> dict[str, object]:
    own = {field.name: getattr(part, field.name) for field in fields(part)}
    return own | {"regency_code": family.regency_code, "family_id": family.family_id}


def _person_row(person: Person) -> dict[str, object]:
    return {
        "regency_code": person.regency_code,
        "person_id": person.person_id,
        "version": person.version,
        "event_sequence": person.event_sequence,
        "village_code": person.village_code,
        "nik_status": person.nik_status,
        "family_id": person.family_id,
        "erased_at": person.erased_at,
        "legal_hold": person.legal_hold,
    }


def _case_row(case: CaseRecord) -> dict[str, object]:
    return {
        "case_id": case.case_id,
        "region_code": case.region_code,
        "family_id": case.family_id,
        "handled_at": case.handled_at,
        "restricted": case.restricted,
    }


def _case_person_rows(case: CaseRecord) -> list[dict[str, object]]:
    return [
        {
            "case_id": case.case_id,
            "position": position,
            "person_id": person_id,
            "found_by": rule,
            "party_ids": case.refs.get(person_id, ()),
        }
        for position, (person_id, rule) in enumerate(case.persons)
    ]
