"""The referral: one need on its way to one office, from the rule that chose it to the client's confirmation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from slrt_contracts.codes import DeclineReason, FunctionCode, NeedCode, OutcomeCode, ProgrammeCode
from slrt_contracts.events.referral import (
    ReferralAccepted,
    ReferralCompleted,
    ReferralConfirmed,
    ReferralCreated,
    ReferralDeclined,
    ReferralReceived,
    ReferralRerouted,
    ReferralSent,
    ReferralServiceStarted,
)
from slrt_contracts.types import CaseId, DistrictCode, NeedId, OfficeCode, PolicyLabel, ReferralId, RuleId
from slrt_kit.aggregate import Aggregate
from slrt_referral.domain.offices import Office
from slrt_referral.domain.problems import TransitionRefusedError
from slrt_referral.domain.transitions import TRANSITIONS, ReferralAction, ReferralStatus

SYSTEM = "slrt-referral"
"""Who did what nobody did by hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One line of a referral's history. ``note`` is the officer's own text and never leaves in an event.

    ``note_erased``: there was a note, and it was erased with the person it told of.
    """

    action: ReferralAction
    from_status: ReferralStatus
    to_status: ReferralStatus
    at: datetime
    by: str
    reason_code: DeclineReason | None = None
    outcome_code: OutcomeCode | None = None
    office_code: OfficeCode | None = None
    note: str | None = None
    note_erased: bool = False


@dataclass(kw_only=True)
class Referral(Aggregate):
    """The aggregate. Every change goes through a method that checks the table, raises the event, notes the step.

    ``waiting_on`` names the referrals of the same case that must be completed first; while there is one it stays a
    draft. ``rerouted_from`` and ``rerouted_to`` link a declined referral and its successor; ``reroute_reason`` is
    the reason that came along. ``attributes`` and ``routed_in`` are the codes of the need and the district by which
    its rule was chosen; None where a person chose, or it is older than the column.
    """

    referral_id: ReferralId
    case_id: CaseId
    need_id: NeedId
    need_code: NeedCode
    programme_code: ProgrammeCode | None
    function_code: FunctionCode
    office_code: OfficeCode
    district_code: DistrictCode
    urgent: bool
    routing_rule: RuleId
    policy_version: PolicyLabel
    created_at: datetime
    restricted: bool = False
    waiting_on: tuple[ReferralId, ...] = ()
    rerouted_from: ReferralId | None = None
    reroute_reason: DeclineReason | None = None
    reroute_count: int = 0
    status: ReferralStatus = ReferralStatus.DRAFT
    sent_at: datetime | None = None
    rerouted_to: ReferralId | None = None
    outcome_code: OutcomeCode | None = None
    attributes: Mapping[str, str] | None = None
    routed_in: DistrictCode | None = None
    _saved_status: ReferralStatus | None = field(default=None, init=False, repr=False, compare=False)
    _steps: list[Step] = field(default_factory=list, repr=False, compare=False)

    def __post_init__(self) -> None:
        # A new one has come to its first step.
        self._saved_status = self.status if self.version else None

    @property
    def came_to_step(self) -> bool:
        """Whether it is at another step than when it was loaded or last saved."""
        return self.status is not self._saved_status

    def open(self) -> Self:
        """Tell of a new referral, and send it unless it has to wait."""
        self._raise_event(
            ReferralCreated(
                referral_id=self.referral_id,
                case_id=self.case_id,
                need_id=self.need_id,
                office_code=self.office_code,
                need_code=self.need_code,
                programme_code=self.programme_code,
                function_code=self.function_code,
                district_code=self.district_code,
                urgent=self.urgent,
                waiting_on=self.waiting_on,
                rerouted_from=self.rerouted_from,
                reroute_count=self.reroute_count,
                routing_rule=self.routing_rule,
                policy_version=self.policy_version,
            ),
            at=self.created_at,
        )
        if not self.waiting_on:
            self._send(at=self.created_at)
        return self

    def release(self, done: ReferralId, *, at: datetime) -> None:
        """An awaited referral is completed; after the last one this one is sent."""
        self.waiting_on = tuple(awaited for awaited in self.waiting_on if awaited != done)
        if not self.waiting_on:
            self._send(at=at)

    def wait_on_successor(self, rerouted: ReferralId, successor: ReferralId) -> None:
        """An awaited referral goes on as another one: wait for that one instead."""
        self.waiting_on = tuple(successor if awaited == rerouted else awaited for awaited in self.waiting_on)

    def receive(self, *, at: datetime) -> None:
        """The office's own system took the notice."""
        self._apply(ReferralAction.RECEIVE, by=SYSTEM, at=at)
        self._raise_event(ReferralReceived(**self._ids()), at=at)

    def accept(self, *, by: str, at: datetime) -> None:
        """The office takes it as its own."""
        self._apply(ReferralAction.ACCEPT, by=by, at=at)
        self._raise_event(ReferralAccepted(**self._ids()), at=at)

    def start(self, *, by: str, at: datetime) -> None:
        """The office begins its work."""
        self._apply(ReferralAction.START, by=by, at=at)
        self._raise_event(ReferralServiceStarted(**self._ids()), at=at)

    def complete(self, outcome: OutcomeCode, *, by: str, note: str | None, at: datetime) -> None:
        """The office ends its work with an outcome; there is no end without one (domain 3.9)."""
        self._apply(ReferralAction.COMPLETE, by=by, at=at, outcome_code=outcome, note=note)
        self.outcome_code = outcome
        self._raise_event(
            ReferralCompleted(**self._ids(), programme_code=self.programme_code, outcome_code=outcome), at=at
        )

    def confirm(self, *, at: datetime) -> None:
        """The client says that it helped."""
        self._apply(ReferralAction.CONFIRM, by=SYSTEM, at=at)
        self._raise_event(ReferralConfirmed(**self._ids()), at=at)

    def decline(
        self, reason: DeclineReason, *, better_office: OfficeCode | None, by: str, note: str | None, at: datetime
    ) -> None:
        """The office does not take it, says why and, when it knows, who should."""
        self._apply(ReferralAction.DECLINE, by=by, at=at, reason_code=reason, office_code=better_office, note=note)
        self._raise_event(ReferralDeclined(**self._ids(), reason_code=reason, better_office_code=better_office), at=at)

    def reroute(
        self,
        to: Office,
        *,
        function: FunctionCode,
        reason: DeclineReason,
        routing_rule: RuleId,
        policy_version: PolicyLabel,
        successor_id: ReferralId,
        at: datetime,
    ) -> "Referral":
        """Send a declined referral on; returns its successor, which carries the reason and is sent already.

        ``function`` is the one by which the office gets it; a merged office has several desks.
        """
        self._apply(ReferralAction.REROUTE, by=SYSTEM, at=at, reason_code=reason, office_code=to.code)
        self.rerouted_to = successor_id
        self._raise_event(
            ReferralRerouted(**self._ids(), new_referral_id=successor_id, to_office_code=to.code, reason_code=reason),
            at=at,
        )
        return Referral(
            referral_id=successor_id,
            case_id=self.case_id,
            need_id=self.need_id,
            need_code=self.need_code,
            programme_code=self.programme_code,
            function_code=function,
            office_code=to.code,
            district_code=self.district_code,
            urgent=self.urgent,
            routing_rule=routing_rule,
            policy_version=policy_version,
            created_at=at,
            restricted=self.restricted,
            rerouted_from=self.referral_id,
            reroute_reason=reason,
            reroute_count=self.reroute_count + 1,
        ).open()

    @property
    def is_restricted(self) -> bool:
        """See `Aggregate`."""
        return self.restricted

    @property
    def new_steps(self) -> Sequence[Step]:
        """What happened since it was loaded or last saved."""
        return tuple(self._steps)

    def mark_saved(self) -> None:
        """See `Aggregate`; the steps are in the history now."""
        super().mark_saved()
        self._saved_status = self.status
        self._steps.clear()

    def _send(self, *, at: datetime) -> None:
        self._apply(ReferralAction.SEND, by=SYSTEM, at=at)
        self.sent_at = at
        self._raise_event(
            ReferralSent(
                **self._ids(),
                need_code=self.need_code,
                programme_code=self.programme_code,
                district_code=self.district_code,
                urgent=self.urgent,
            ),
            at=at,
        )

    def _apply(
        self,
        action: ReferralAction,
        *,
        by: str,
        at: datetime,
        reason_code: DeclineReason | None = None,
        outcome_code: OutcomeCode | None = None,
        office_code: OfficeCode | None = None,
        note: str | None = None,
    ) -> None:
        target = TRANSITIONS.get((self.status, action))
        if target is None:
            raise TransitionRefusedError(state=self.status, action=action)
        self._steps.append(
            Step(
                action=action,
                from_status=self.status,
                to_status=target,
                at=at,
                by=by,
                reason_code=reason_code,
                outcome_code=outcome_code,
                office_code=office_code,
                note=note,
            )
        )
        self.status = target

    def _ids(self) -> dict[str, Any]:
        return {
            "referral_id": self.referral_id,
            "case_id": self.case_id,
            "need_id": self.need_id,
            "office_code": self.office_code,
        }
