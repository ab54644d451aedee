"""What routes about visits, facts and checklists take and give over HTTP."""

from datetime import date, datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, Field

from slrt_intake.api.access_schemas import Officer
from slrt_intake.api.field_items import AnswersBody, FactCode
from slrt_intake.domain.fact import FactSource
from slrt_intake.domain.visit import LEASE, MOST_LEASE_DAYS, Visit, VisitResult, VisitState
from slrt_intake.store.facts import Conflict, Fact
from slrt_kit.http.bodies import Body, Count, Day
from slrt_kit.http.words import Words
from slrt_kit.policy.checklists import Question

LeaseDays = Annotated[Count, Field(ge=1, le=MOST_LEASE_DAYS)]


class PlanBody(Body):
    """A visit to plan; with ``officer`` it is given to them at once."""

    case_id: UUID
    checklists: list[FactCode] = Field(default_factory=list, max_length=20)
    due_on: Day | None = None
    officer: Officer | None = None
    lease_days: LeaseDays = LEASE.days


class AssignBody(Body):
    """Who makes the visit, and how long they hold it."""

    officer: Officer
    lease_days: LeaseDays = LEASE.days


class ResultBody(Body):
    """What came of the visit."""

    result: VisitResult


class VisitView(BaseModel):
    """A visit, and nothing of what was seen."""

    visit_id: UUID
    version: int
    case_id: UUID
    state: VisitState
    checklists: list[str]
    due_on: date | None
    planned_by: str
    planned_at: datetime
    assigned_to: str | None
    leased_until: datetime | None
    ended_by: str | None
    ended_at: datetime | None = Field(description="when the visitor says, by a corrected clock")
    recorded_at: datetime | None

    @classmethod
    def of(cls, visit: Visit, *, now: datetime) -> Self:
        return cls(
            visit_id=visit.visit_id,
            version=visit.version,
            case_id=visit.case_id,
            state=visit.state(now),
            checklists=list(visit.checklists),
            due_on=visit.due_on,
            planned_by=visit.planned_by,
            planned_at=visit.planned_at,
            assigned_to=visit.assigned_to,
            leased_until=visit.leased_until,
            ended_by=visit.ended_by,
            ended_at=visit.ended_at,
            recorded_at=visit.recorded_at,
        )


class FactsBody(AnswersBody):
    """What was observed, by whoever is online."""

    person_id: UUID | None = None


class FactsReceipt(BaseModel):
    """What was recorded; nothing of what it says."""

    case_id: UUID
    facts: list[UUID]
    conflicts: list[UUID]
    warnings: list[str]


class FactView(BaseModel):
    """An observation. It ``counts`` until a later one replaces it; two that count and differ are a conflict."""

    fact_id: UUID
    person_id: UUID | None
    visit_id: UUID | None
    checklist: str | None
    code: str
    value: Any
    erased: bool
    counts: bool
    source: FactSource
    said_at: datetime = Field(description="by the clock of the device")
    observed_at: datetime = Field(description="that, corrected")
    recorded_at: datetime
    recorded_by: str
    device_id: UUID | None
    item_id: UUID | None

    @classmethod
    def of(cls, fact: Fact) -> Self:
        return cls(**{name: getattr(fact, name) for name in cls.model_fields})


class FactsView(BaseModel):
    """All that was observed about a case, oldest first."""

    case_id: UUID
    facts: list[FactView]


class ConflictView(BaseModel):
    """Something that observations say differently; the observations themselves are read with the case's facts."""

    conflict_id: UUID
    version: int
    case_id: UUID
    person_id: UUID | None
    code: str
    raised_at: datetime

    @classmethod
    def of(cls, conflict: Conflict) -> Self:
        return cls(**{name: getattr(conflict, name) for name in cls.model_fields})


class SettleBody(Body):
    """Which of the observations is right."""

    fact_id: UUID


class SettledView(BaseModel):
    """The conflict is settled by an observation of its own."""

    conflict_id: UUID
    fact_id: UUID


class OptionView(BaseModel):
    """An answer that may be chosen."""

    code: str
    label: Words


class QuestionView(BaseModel):
    """A question of a checklist."""

    code: str
    label: Words
    help: Words | None
    answer: str
    options: list[OptionView]
    least: float | None
    most: float | None

    @classmethod
    def of(cls, question: Question) -> Self:
        return cls(
            code=question.code,
            label=Words.of(question.label),
            help=None if question.help is None else Words.of(question.help),
            answer=question.answer,
            options=[OptionView(code=code, label=Words.of(label)) for code, label in question.options.items()],
            least=question.least,
            most=question.most,
        )


class ChecklistView(BaseModel):
    """A checklist, question by question."""

    checklist: str
    questions: list[QuestionView]


class ChecklistsView(BaseModel):
    """The checklists of a region, by the version of the policy that is in force there."""

    region: str
    policy_version: str
    checklists: list[ChecklistView]
