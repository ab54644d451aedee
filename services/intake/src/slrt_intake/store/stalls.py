"""Say what of intake is open, for the check that nothing stops without a sound; and list what is held up."""

from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Final

from slrt_contracts.events import CaseDecided, CaseRecommended, CaseScreened
from slrt_intake.domain.transitions import RESOLVED, CaseStatus, NeedStatus
from slrt_intake.store.clock_events import tell_of_cases
from slrt_intake.store.visibility import within, within_area
from slrt_kit.access import Scope
from slrt_kit.clocks.starting import Clockless
from slrt_kit.db import Connection, UnitOfWork
from slrt_kit.outbox import Outbox
from slrt_kit.scoped import in_region
from slrt_kit.stalls.checker import Watched
from slrt_kit.stalls.listing import StallPage, list_of
from slrt_kit.stalls.model import Held, Stall
from slrt_kit.stalls.store import CLOCK_COLUMNS, CLOCK_JOIN, NO_CLOCK_COLUMNS
from slrt_kit.stalls.telling import event_of, event_of_region

STEP: Final = (
    f"CASE WHEN c.status = '{CaseStatus.DECIDED}' AND c.resolved_at IS NOT NULL THEN '{RESOLVED}' ELSE c.status END"
)
"""The step of a case ``c`` (`Case.step`)."""
ON_ITS_WAY_WITHIN: Final = "15 minutes"
"""Between a decision and the referral there is the broker; its own alerts say sooner when it is away."""
_TOLD: Final = "FROM timeline t WHERE t.case_id = n.case_id AND t.event_type ="
_CASES: Final = f"""
    SELECT 'case' AS subject_kind, c.case_id AS subject_id, c.case_id, {STEP} AS step, c.urgent, c.policy_version,
           left(c.village_code, 8) AS district, NULL AS office, true AS on_its_way, {CLOCK_COLUMNS}
    FROM cases c {CLOCK_JOIN.format(subject_id="c.case_id")}
    WHERE c.status <> '{CaseStatus.CLOSED}'
    """  # noqa: S608 — fixed texts
# A need that was referred is with an office, or its referral waits for another one, which the timeline tells. OFFSET 0
# keeps each of these questions one of its row: joined to whole tables, they would read what is closed.
_NEEDS: Final = f"""
    SELECT 'need' AS subject_kind, n.need_id AS subject_id, n.case_id, n.status AS step, n.urgent, c.policy_version,
           left(c.village_code, 8) AS district, NULL AS office, false AS on_its_way, {NO_CLOCK_COLUMNS}
    FROM needs n JOIN cases c USING (case_id)
    WHERE n.status = '{NeedStatus.REFERRED}'
      AND NOT EXISTS (SELECT FROM office_needs o WHERE o.case_id = n.case_id AND o.need_id = n.need_id OFFSET 0)
      AND NOT EXISTS (SELECT {_TOLD} 'id.slrt.referral.referral-created.v1'
                      AND t.facts ->> 'need_id' = CAST(n.need_id AS text) OFFSET 0)
      AND NOT EXISTS (SELECT {_TOLD} 'id.slrt.intake.case-decided.v1'
                      AND t.happened_at > CAST(%(at)s AS timestamptz) - interval '{ON_ITS_WAY_WITHIN}' OFFSET 0)
    """  # noqa: S608 — fixed texts
OPENED: Final[Mapping[Held, str]] = MappingProxyType({Held.CASE: _CASES, Held.NEED: _NEEDS})
_HOLD: Final = "SELECT case_id FROM cases WHERE case_id = ANY(%(ids)s) ORDER BY case_id FOR UPDATE SKIP LOCKED"

_CAME_BY: Final = " ".join(
    f"WHEN '{status}' THEN (SELECT max(t.happened_at) FROM timeline t WHERE t.case_id = c.case_id "  # noqa: S608
    f"AND t.event_type = '{event.TYPE}')"
    for status, event in (
        (CaseStatus.SCREENING, CaseScreened),
        (CaseStatus.IN_HANDLING, CaseRecommended),
        (CaseStatus.DECIDED, CaseDecided),
    )
)
CLOCKLESS: Final = Clockless(
    rows=f"""
    SELECT 'case' AS subject_kind, c.case_id AS subject_id, c.case_id, c.village_code AS region, {STEP} AS step,
           c.urgent, c.policy_version, NULL AS office,
           coalesce(c.resolved_at, CASE c.status WHEN '{CaseStatus.REGISTERED}' THEN c.registered_at {_CAME_BY} END)
               AS since
    FROM cases c
    WHERE c.status <> '{CaseStatus.CLOSED}' AND c.case_id > %(after)s
      AND (CAST(%(only)s AS uuid[]) IS NULL OR c.case_id = ANY(%(only)s))
      AND NOT EXISTS (SELECT FROM clocks k WHERE k.subject_id = c.case_id AND k.state <> 'stopped')
    ORDER BY c.case_id LIMIT %(limit)s
    """,  # noqa: S608 — fixed texts
    hold=_HOLD,
)
"""Open cases without a clock; since when each is at its step, its timeline says."""


def watched(outbox: Outbox) -> Watched:
    """Cases and their needs. Whether an office exists the referral service knows; here no step is an office's."""
    return Watched(
        OPENED,
        _HOLD,
        partial(_tell, outbox),
        office_exists=lambda _: True,
        tell_of_regions=partial(_tell_of_regions, outbox),
    )


async def _tell(outbox: Outbox, work: UnitOfWork, stalls: Sequence[Stall]) -> None:
    told = [(each.case_id, partial(event_of, each)) for each in stalls if each.case_id is not None]
    await tell_of_cases(outbox, work, told, work.clock.now())


def _tell_of_regions(outbox: Outbox, work: UnitOfWork, stalls: Sequence[Stall]) -> None:
    outbox.add(work, [event_of_region(each) for each in stalls])


async def list_stalls(connection: Connection, scope: Scope, restricted: Scope | None, asked: StallPage) -> list[Stall]:
    """What is held up inside the scope, oldest first; ``restricted`` is of whoever learns that such a case exists."""
    seen, values = within(scope)
    regional, more = in_region(scope, "s.region")
    if restricted is not None:
        also, others = within_area(restricted, restricted_only=True)
        seen, values = f"({seen} OR {also})", values | others
    return await list_of(
        connection,
        asked,
        joined="LEFT JOIN cases ON cases.case_id = s.case_id",
        condition=f"CASE WHEN s.case_id IS NULL THEN {regional} ELSE {seen} END",
        values=values | more,
    )
