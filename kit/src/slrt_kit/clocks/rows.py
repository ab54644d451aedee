"""Write a clock as a row, and read it again."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from slrt_contracts.codes import ClockPauseReason
from slrt_kit.clocks.clock import Clock, ClockState, Extension, Owner, OwnerKind, Pause, Subject, SubjectKind
from slrt_kit.clocks.lengths import Length, Unit
from slrt_kit.db import Row

COLUMNS: Final = (
    "clock_id, version, subject_kind, subject_id, case_id, region, step, owner_kind, owner, sla_class, calendar_id, "
    "policy_version, state, started_at, due_at, takes, stopped_at, pauses, extensions, next_step, next_at, wake_at, "
    "fired, round, attempts, escalated"
)
_TYPES: Final = (
    "clock_id uuid, version integer, subject_kind text, subject_id uuid, case_id uuid, region text, step text, "
    "owner_kind text, owner text, sla_class text, calendar_id text, policy_version text, state text, "
    "started_at timestamptz, due_at timestamptz, takes interval, stopped_at timestamptz, pauses jsonb, "
    "extensions jsonb, next_step smallint, next_at timestamptz, wake_at timestamptz, fired text[], round smallint, "
    "attempts smallint, escalated smallint"
)
_CHANGING: Final = (
    "region, sla_class, calendar_id, policy_version, state, due_at, takes, stopped_at, pauses, extensions, next_step, "
    "next_at, wake_at, fired, round, attempts, escalated"
)


def insert_clocks(*, only: str = "true") -> str:
    """The SQL that inserts the rows of `clock_row`, as JSON in ``%(clocks)s``; also as a part of a larger statement.

    ``only`` is a condition on a row ``k``.
    """
    return (
        "INSERT INTO clocks SELECT k.* FROM jsonb_populate_recordset(NULL::clocks, %(clocks)s::jsonb) k "  # noqa: S608
        f"WHERE {only}"
    )


UPDATE_CLOCKS: Final = f"""
    UPDATE clocks c SET version = c.version + 1, {", ".join(f"{name} = k.{name}" for name in _CHANGING.split(", "))}
    FROM jsonb_to_recordset(CAST(%(clocks)s AS jsonb)) AS k({_TYPES})
    WHERE c.clock_id = k.clock_id AND c.version = k.version
    RETURNING c.clock_id
    """  # noqa: S608 — fixed columns
"""Writes changed clocks that nobody else has changed since; gives their ids."""


def as_json(clocks: list[dict[str, object]]) -> str:
    """The rows as ``%(clocks)s`` has them."""
    return orjson.dumps(clocks).decode()


def clock_row(clock: Clock) -> dict[str, object]:
    """The row of a clock; of a new one with version 1."""
    return {
        "clock_id": clock.clock_id,
        "version": clock.version or 1,
        "subject_kind": clock.subject.kind,
        "subject_id": clock.subject.id,
        "case_id": clock.subject.case_id,
        "region": clock.region,
        "step": clock.step,
        "owner_kind": clock.owner.kind,
        "owner": clock.owner.code,
        "sla_class": clock.sla_class,
        "calendar_id": clock.calendar_id,
        "policy_version": clock.policy_version,
        "state": clock.state,
        "started_at": clock.started_at,
        "due_at": clock.due_at,
        "takes": f"{clock.takes.days} days {clock.takes.seconds}.{clock.takes.microseconds:06d} seconds",
        "stopped_at": clock.stopped_at,
        "pauses": [{"since": each.since, "until": each.until, "reason": each.reason} for each in clock.pauses],
        "extensions": [
            {
                "at": each.at,
                each.length.unit.value: each.length.count,
                "by": each.by,
                "approved_by": each.approved_by,
            }
            for each in clock.extensions
        ],
        "next_step": clock.next_step,
        "next_at": clock.next_at,
        "wake_at": clock.next_at,
        "fired": clock.fired,
        "round": clock.round,
        "attempts": clock.attempts,
        "escalated": clock.escalated,
    }


def clock_of(row: Row) -> Clock:
    """The clock of a row of `COLUMNS`."""
    return Clock(
        clock_id=row.clock_id,
        version=row.version,
        subject=Subject(SubjectKind(row.subject_kind), row.subject_id, row.case_id),
        region=row.region,
        step=row.step,
        owner=Owner(OwnerKind(row.owner_kind), row.owner),
        sla_class=row.sla_class,
        calendar_id=row.calendar_id,
        policy_version=row.policy_version,
        state=ClockState(row.state),
        started_at=row.started_at,
        due_at=row.due_at,
        takes=row.takes,
        stopped_at=row.stopped_at,
        pauses=pauses_of(row.pauses),
        extensions=extensions_of(row.extensions),
        next_step=row.next_step,
        next_at=row.next_at,
        fired=tuple(row.fired),
        round=row.round,
        attempts=row.attempts,
        escalated=row.escalated or 0,
    )


def pauses_of(fields: Sequence[Mapping[str, Any]]) -> tuple[Pause, ...]:
    """The pauses as the column has them, in their order."""
    return tuple(_pause(each) for each in fields)


def extensions_of(fields: Sequence[Mapping[str, Any]]) -> tuple[Extension, ...]:
    """The extensions as the column has them, in their order."""
    return tuple(_extension(each) for each in fields)


def _pause(field: Mapping[str, Any]) -> Pause:
    until = field["until"]
    return Pause(_instant(field["since"]), ClockPauseReason(field["reason"]), until and _instant(until))


def _extension(field: Mapping[str, Any]) -> Extension:
    length = next(Length(unit, field[unit.value]) for unit in Unit if unit.value in field)
    return Extension(_instant(field["at"]), length, field["by"], field["approved_by"])


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
