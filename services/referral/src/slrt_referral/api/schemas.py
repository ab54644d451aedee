"""What referral takes and gives over HTTP. Unknown fields are refused; sizes are bounded."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from slrt_contracts.codes import (
    DeclineReason,
    FunctionCode,
    NeedCode,
    OutcomeCode,
    ProgrammeCode,
)
from slrt_contracts.types import OFFICE_PATTERN
from slrt_kit.http.bodies import Body
from slrt_referral.domain.offices import Office, OfficeLevel
from slrt_referral.domain.policy import RoutingPolicy, Rule
from slrt_referral.domain.referral import Referral, Step
from slrt_referral.domain.transitions import ReferralAction, ReferralStatus

Note = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
OfficeCodeText = Annotated[str, Field(pattern=OFFICE_PATTERN, max_length=29, examples=["12.74.DUKCAPIL"])]


class DeclineBody(Body):
    """Why the office does not take it and, when it knows, who should. ``note`` stays with the referral."""

    reason_code: DeclineReason
    better_office_code: OfficeCodeText | None = None
    note: Note | None = None


class CompleteBody(Body):
    """How it ended. ``note`` stays with the referral."""

    outcome_code: OutcomeCode
    note: Note | None = None


class ReferralReceipt(BaseModel):
    """A referral in codes."""

    referral_id: UUID
    version: int
    status: ReferralStatus
    case_id: UUID
    need_id: UUID
    need_code: NeedCode
    programme_code: ProgrammeCode | None
    function_code: FunctionCode
    office_code: str
    district_code: str
    urgent: bool
    waiting_on: list[UUID]
    rerouted_from: UUID | None
    rerouted_to: UUID | None
    reroute_reason: DeclineReason | None = Field(description="why the office before this one declined")
    reroute_count: int
    outcome_code: OutcomeCode | None
    created_at: datetime
    sent_at: datetime | None

    @classmethod
    def of(cls, referral: Referral) -> Self:
        """The receipt of a saved referral."""
        return cls(
            referral_id=referral.referral_id,
            version=referral.version,
            status=referral.status,
            case_id=referral.case_id,
            need_id=referral.need_id,
            need_code=referral.need_code,
            programme_code=referral.programme_code,
            function_code=referral.function_code,
            office_code=referral.office_code,
            district_code=referral.district_code,
            urgent=referral.urgent,
            waiting_on=list(referral.waiting_on),
            rerouted_from=referral.rerouted_from,
            rerouted_to=referral.rerouted_to,
            reroute_reason=referral.reroute_reason,
            reroute_count=referral.reroute_count,
            outcome_code=referral.outcome_code,
            created_at=referral.created_at,
            sent_at=referral.sent_at,
        )


class StepView(BaseModel):
    """One line of the history. ``office_code`` is the office that was named (decline) or chosen (reroute)."""

    action: ReferralAction
    from_status: ReferralStatus
    to_status: ReferralStatus
    at: datetime
    by: str
    reason_code: DeclineReason | None
    outcome_code: OutcomeCode | None
    office_code: str | None
    note: str | None
    note_erased: bool = Field(description="true: there was a note, and it was erased")

    @classmethod
    def of(cls, step: Step) -> Self:
        """The view of a step."""
        return cls(
            action=step.action,
            from_status=step.from_status,
            to_status=step.to_status,
            at=step.at,
            by=step.by,
            reason_code=step.reason_code,
            outcome_code=step.outcome_code,
            office_code=step.office_code,
            note=step.note,
            note_erased=step.note_erased,
        )


class ReferralView(ReferralReceipt):
    """A referral with why it came to its office, and what happened to it."""

    routing_rule: str
    policy_version: str
    history: list[StepView]

    @classmethod
    def with_history(cls, referral: Referral, steps: Sequence[Step]) -> Self:
        """The view of a referral."""
        return cls(
            **ReferralReceipt.of(referral).model_dump(),
            routing_rule=referral.routing_rule,
            policy_version=referral.policy_version,
            history=[StepView.of(step) for step in steps],
        )


class OfficeView(BaseModel):
    """An office of the table. ``valid_to`` is its last day."""

    code: str
    functions: list[FunctionCode]
    level: OfficeLevel
    region: str = Field(description="dotted Kemendagri code; 00 is the nation")
    name: str
    aliases: list[str]
    valid_from: date
    valid_to: date | None

    @classmethod
    def of(cls, office: Office) -> Self:
        """The view of an office."""
        return cls(
            code=office.code,
            functions=list(office.functions),
            level=office.level,
            region=office.region,
            name=office.name,
            aliases=list(office.aliases),
            valid_from=office.valid_from,
            valid_to=office.valid_to,
        )


class RuleView(BaseModel):
    """A rule of the routing table."""

    id: str
    need_code: NeedCode
    when: str = Field(description="CEL over the facts of the need, urgent, and the place of the case; `true`: always")
    function_code: FunctionCode
    level: OfficeLevel
    programme_code: ProgrammeCode | None
    priority: int
    after: list[NeedCode]

    @classmethod
    def of(cls, rule: Rule) -> Self:
        """The view of a rule."""
        return cls(
            id=rule.rule_id,
            need_code=rule.need,
            when=rule.when.text,
            function_code=rule.function,
            level=rule.level,
            programme_code=rule.programme,
            priority=rule.priority,
            after=list(rule.after),
        )


class DefaultRuleView(BaseModel):
    """Where everything goes that no rule takes."""

    id: str
    function_code: FunctionCode
    levels: list[OfficeLevel]


class PolicyView(BaseModel):
    """The routing policy in force."""

    version: str
    reroutes_before_queue: int
    rules: list[RuleView]
    default: DefaultRuleView

    @classmethod
    def of(cls, policy: RoutingPolicy) -> Self:
        """The view of a policy."""
        return cls(
            version=policy.version,
            reroutes_before_queue=policy.reroutes_before_queue,
            rules=[RuleView.of(rule) for rule in policy.rules],
            default=DefaultRuleView(
                id=policy.queue.rule_id, function_code=policy.queue.function, levels=list(policy.queue.levels)
            ),
        )
