"""Why a need goes to its office, as the API asks and answers it; codes and labels, nothing of a person."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Self

from pydantic import BaseModel, Field, model_validator
from pydantic_core import PydanticCustomError

from slrt_contracts.catalogue import ATTRIBUTES, NEEDS
from slrt_contracts.codes import AttributeName, AttributeValue, FunctionCode, NeedCode, ProgrammeCode
from slrt_contracts.types import DISTRICT_PATTERN
from slrt_kit.http.bodies import Body, Flag
from slrt_kit.http.words import Words
from slrt_kit.policy.expressions import Change, ClauseVerdict, Value
from slrt_referral.domain.explaining import RoutingReason, RuleReason
from slrt_referral.domain.policy import AskedNeed

DistrictText = Annotated[str, Field(pattern=DISTRICT_PATTERN, examples=["12.74.05"])]


class ExplainBody(Body):
    """What the rules may ask of a need: codes. An attribute that is left out is ``unknown``."""

    need_code: NeedCode
    attributes: dict[AttributeName, AttributeValue] = Field(default_factory=dict)
    urgent: Flag = False
    district_code: DistrictText

    @model_validator(mode="after")
    def _values_belong_to_names(self) -> Self:
        for name, value in self.attributes.items():
            if value not in ATTRIBUTES[name]:
                raise PydanticCustomError(
                    "attribute_value",
                    "{name} tidak mungkin {value} / {name} cannot be {value}",
                    {"name": str(name), "value": str(value)},
                )
        return self

    def need(self) -> AskedNeed:
        """The need, with the programme of the catalogue."""
        return AskedNeed(
            need_code=self.need_code,
            programme_code=NEEDS[self.need_code].programme,
            urgent=self.urgent,
            attributes={str(name): str(value) for name, value in self.attributes.items()},
        )


class ClauseView(BaseModel):
    """A comparison within a rule, and what became of it."""

    clause: str = Field(description="as the rule has it, CEL")
    fact: str
    value: Value | None
    holds: bool | None = Field(description="null: the fact is a code that this release does not know")
    sentence: Words

    @classmethod
    def of(cls, found: ClauseVerdict) -> Self:
        """The view of a clause's verdict."""
        clause = found.clause
        return cls(
            clause=clause.text,
            fact=clause.name,
            value=found.value,
            holds=found.verdict,
            sentence=Words.of(found.sentence),
        )


class ChangeView(BaseModel):
    """A fact to supply (``current`` is null or ``unknown``) or to change, to any one of ``to``."""

    fact: str
    current: Value | None
    to: list[Value]
    sentence: Words

    @classmethod
    def of(cls, change: Change) -> Self:
        """The view of a change."""
        return cls(
            fact=change.fact.name, current=change.current, to=list(change.to), sentence=Words.of(change.sentence)
        )


class RuleReasonView(BaseModel):
    """A rule with each of its clauses; a rule without a condition has none."""

    rule: str
    priority: int
    when: str
    clauses: list[ClauseView]

    @classmethod
    def of(cls, reason: RuleReason) -> Self:
        """The view of a rule's reason."""
        return cls(**_reason(reason))


class NextRuleView(RuleReasonView):
    """The rule that the fewest changes would make count, and those changes."""

    function_code: FunctionCode
    changes: list[ChangeView]

    @classmethod
    def of(cls, reason: RuleReason) -> Self:
        """The view of the next rule."""
        changes: Sequence[Change] = reason.changes or ()
        return cls(
            **_reason(reason),
            function_code=reason.rule.function,
            changes=[ChangeView.of(change) for change in changes],
        )


def _reason(reason: RuleReason) -> Mapping[str, object]:
    return {
        "rule": reason.rule.rule_id,
        "priority": reason.rule.priority,
        "when": reason.rule.when.text,
        "clauses": [ClauseView.of(each) for each in reason.explanation.clauses],
    }


class RoutingView(BaseModel):
    """Where a need goes, by which rule, and what would send it by another one."""

    policy_version: str
    office_code: str
    office_name: str
    function_code: FunctionCode
    programme_code: ProgrammeCode | None
    routing_rule: str
    after: list[NeedCode]
    counted: RuleReasonView | None = Field(description="the rule that holds and comes first; null: no rule holds")
    no_office: bool = Field(description="true: no office does it there, so it goes to the queue")
    next: NextRuleView | None = Field(description="null: no fact that can change would bring another rule")

    @classmethod
    def of(cls, reason: RoutingReason, version: str) -> Self:
        """The view of a route's reasons under that version of the policy."""
        route = reason.route
        return cls(
            policy_version=version,
            office_code=route.office.code,
            office_name=route.office.name,
            function_code=route.function,
            programme_code=route.programme,
            routing_rule=route.rule_id,
            after=list(route.after),
            counted=None if reason.counted is None else RuleReasonView.of(reason.counted),
            no_office=reason.no_office,
            next=None if reason.next is None else NextRuleView.of(reason.next),
        )


class InForceView(BaseModel):
    """What the policy in force would do with the same facts today."""

    policy_version: str
    office_code: str
    routing_rule: str
    otherwise: bool = Field(description="another rule or office than decided")

    @classmethod
    def of(cls, reason: RoutingReason, version: str, *, office: str, rule: str) -> Self:
        """The view of today's reasons beside the rule that decided, and the office that it chose."""
        route = reason.route
        return cls(
            policy_version=version,
            office_code=route.office.code,
            routing_rule=route.rule_id,
            otherwise=(route.office.code, route.rule_id) != (office, rule),
        )


class StoredRoutingView(BaseModel):
    """Why a referral came to its office.

    ``explanation`` is what the version that decided says of the facts that were kept; null when they were not (a
    referral from before, or one whose office was named by a person), or where that version is not kept.
    """

    routing_rule: str
    policy_version: str
    by_person: bool = Field(description="a declining office or the secretariat named the office, or it is the queue")
    explanation: RoutingView | None
    in_force: InForceView | None = Field(description="null where the facts were not kept")
