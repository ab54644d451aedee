"""The policy over HTTP, alike in every service that has one: read it, check a draft, and change it by two people."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Self

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response
from pydantic import AfterValidator, AwareDatetime, BaseModel, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from slrt_kit.access import Scope
from slrt_kit.db import Database, UnitOfWork
from slrt_kit.http.auth import Authorized, ForbiddenError, require
from slrt_kit.http.bodies import Body
from slrt_kit.http.commands import Answer, Command, command
from slrt_kit.http.pages import Cursor, Limit, Page, decode_position, page_of
from slrt_kit.http.problems import language_of
from slrt_kit.policy.changes import Draft, PolicyChanges
from slrt_kit.policy.diff import Change, diff
from slrt_kit.policy.findings import Finding
from slrt_kit.policy.layers import Layer
from slrt_kit.policy.problems import PolicyFindingsError
from slrt_kit.policy.rules import PolicyRules, view_of
from slrt_kit.policy.source import MAX_CHARS
from slrt_kit.policy.store import APPROVED, REJECTED, Activation, PolicyStore, Version, in_force
from slrt_kit.problems import NotFoundError

router = APIRouter(prefix="/policy", tags=["policy"])

LayerCode = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9]{2}(\.[0-9]{2}(\.[0-9]{2}(\.[0-9]{4})?)?)?$"),
    Field(description="`00` is the centre's; else the dotted code of a region", examples=["12.74"]),
]
LayerPath = Annotated[LayerCode, Path()]
Number = Annotated[int, Path(ge=1, le=999_999)]
Why = Annotated[str, StringConstraints(strip_whitespace=True, min_length=10, max_length=1000)]
"""A decree, a decision: whoever reads it in a year must understand. No names of residents."""
Document = Annotated[str, StringConstraints(max_length=MAX_CHARS)]
Documents = Annotated[
    dict[Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_-]{0,39}$")], Document],
    Field(
        min_length=1, max_length=40, description="the text of each document by its kind, as it stands in `<kind>.yaml`"
    ),
]


_FIRST, _LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


def _reckonable(given: datetime) -> datetime:
    """An instant in UTC. One of long ago is as much in the past as the year 2000; none is beyond 2100."""
    if given.year < _FIRST.year:
        return _FIRST
    if given.year >= _LAST.year:
        raise PydanticCustomError("too_far_ahead", "paling lambat 2099 / 2099 at the latest")
    return given.astimezone(UTC)


Instant = Annotated[AwareDatetime, AfterValidator(_reckonable)]
VersionNumber = Annotated[int, Field(ge=1, le=999_999)]


class FindingView(BaseModel):
    """One thing that is wrong, and what to do about it."""

    file: str = Field(examples=["12.74/offices.yaml"])
    line: int = Field(description="from 1; 0 is the file as a whole")
    code: str = Field(examples=["unknown-code"])
    what: str
    remedy: str


class FindingsView(BaseModel):
    """What is wrong with a draft; nothing where it may be proposed."""

    findings: list[FindingView]


class ActivationView(BaseModel):
    """From when a version is in force."""

    number: int
    effective_from: datetime
    kind: str = Field(description="activate or rollback")
    why: str
    by: str

    @classmethod
    def of(cls, activation: Activation) -> "ActivationView":
        """Of an activation."""
        return cls(
            number=activation.number,
            effective_from=activation.effective_from,
            kind=activation.kind,
            why=activation.why,
            by=activation.by,
        )


class LayerView(BaseModel):
    """A layer: what is in force, and what is to be."""

    layer: str
    active: ActivationView | None
    planned: list[ActivationView]


class VersionView(BaseModel):
    """A version of a layer: who proposed it, who decided, and why."""

    layer: str
    number: int
    digest: str
    origin: str = Field(description="people, or the package that it came with")
    why: str
    proposed_by: str
    proposed_at: datetime
    verdict: str | None = Field(description="approved or rejected")
    decided_by: str | None
    decided_at: datetime | None
    decided_why: str | None

    @classmethod
    def of(cls, version: Version) -> "VersionView":
        """Of a version."""
        return cls(**{name: getattr(version, name) for name in VersionView.model_fields})


class WholeVersionView(VersionView):
    """A version with its documents, and when it was put into force."""

    documents: dict[str, str]
    activations: list[ActivationView]


class ChangeView(BaseModel):
    """One difference between two versions of a layer."""

    kind: str
    key: str
    field: str | None = Field(description="null: the entry as a whole")
    how: str = Field(description="added, removed or changed")
    before: Any
    after: Any
    place_before: str | None = Field(examples=["12.74/offices.yaml:7"])
    place_after: str | None

    @classmethod
    def of(cls, change: Change) -> "ChangeView":
        """Of a change."""
        return cls(
            kind=change.kind,
            key=change.key,
            field=change.field,
            how=change.how,
            before=change.before,
            after=change.after,
            place_before=None if change.place_before is None else str(change.place_before),
            place_after=None if change.place_after is None else str(change.place_after),
        )


class DraftBody(Body):
    """Drafts of layers, as if they were activated together now."""

    layers: Annotated[dict[LayerCode, Documents], Field(min_length=1, max_length=50)]


class DiffBody(Body):
    """Two versions of a layer, or a version and a draft. Without ``old`` the version in force."""

    layer: LayerCode
    old: VersionNumber | None = None
    new: VersionNumber | None = None
    documents: Documents | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.new is not None and self.documents is not None:
            raise PydanticCustomError(
                "version_and_draft", "sebut new atau documents, bukan keduanya / name new or documents, not both"
            )
        return self


class ProposalBody(Body):
    """A draft with its reason: all documents of the layer, also those that stay."""

    documents: Documents
    why: Why


class DecisionBody(Body):
    """Why a draft is approved or rejected."""

    why: Why


class ActivationBody(Body):
    """From when a version is to be in force; without a time as soon as every process can know."""

    effective_from: Instant | None = None
    why: Why


def _rules(request: Request) -> PolicyRules:
    rules: PolicyRules = request.app.state.policy_rules
    return rules


def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


Reader = Annotated[Authorized, require("policy.version.read")]
Proposer = Annotated[Authorized, require("policy.version.propose")]


@router.get("/layers")
async def list_policy_layers(request: Request, _: Reader) -> list[LayerView]:
    """The layers of the service's policy, by code."""
    database = _database(request)
    async with database.snapshot() as session:
        codes = await PolicyStore(session).layers()
        activations = await PolicyStore(session).activations()
    now = database.clock.now()
    return [_layer_view(code, [each for each in activations if each.layer == code], now) for code in codes]


def _layer_view(code: str, activations: Sequence[Activation], now: datetime) -> LayerView:
    begun = [each for each in activations if each.effective_from <= now]
    return LayerView(
        layer=code,
        active=ActivationView.of(begun[-1]) if begun else None,
        planned=[ActivationView.of(each) for each in activations if each.effective_from > now],
    )


@router.get("/layers/{layer}/versions")
async def list_policy_versions(
    request: Request, layer: LayerPath, _: Reader, limit: Limit = 50, cursor: Cursor = None
) -> Page[VersionView]:
    """The versions of a layer, the newest first."""
    before = None if cursor is None else decode_position(cursor, int)[0]
    async with _database(request).read() as session:
        found = await PolicyStore(session).versions(layer, before=before, limit=limit + 1)
    return page_of(found, limit, VersionView.of, lambda each: (each.number,))


@router.get("/layers/{layer}/versions/{number}")
async def get_policy_version(request: Request, layer: LayerPath, number: Number, _: Reader) -> WholeVersionView:
    """A version with its documents."""
    async with _database(request).snapshot() as session:
        store = PolicyStore(session)
        version = await store.version(layer, number)
        if version is None:
            raise NotFoundError
        documents = await store.documents([(layer, number)])
        activations = [each for each in await store.activations(layer) if each.number == number]
    view = VersionView.of(version).model_dump()
    return WholeVersionView(
        **view, documents=documents[layer, number], activations=[ActivationView.of(each) for each in activations]
    )


@router.post("/findings/search")
async def validate_policy(request: Request, body: DraftBody, _: Proposer) -> FindingsView:
    """What is wrong with drafts, in every region that they reach; nothing is kept."""
    database = _database(request)
    async with database.unit_of_work() as work:
        now = work.clock.now()
        drafts = [Draft(layer, documents, now) for layer, documents in body.layers.items()]
        findings = await PolicyChanges(work, _rules(request)).findings(drafts)
    return FindingsView(findings=_views(findings, request))


def _views(findings: Sequence[Finding], request: Request) -> list[FindingView]:
    return [FindingView.model_validate(view_of(each, language_of(request))) for each in findings]


@router.post("/changes/search")
async def compare_policies(request: Request, body: DiffBody, _: Reader) -> list[ChangeView]:
    """What changes from one version of a layer to another, or to a draft; nothing is kept."""
    database, rules = _database(request), _rules(request)
    async with database.snapshot() as session:
        store = PolicyStore(session)
        active = in_force(await store.activations(body.layer), database.clock.now()).get(body.layer)
        old = active if body.old is None else body.old
        new = active if body.new is None else body.new
        documents = await store.documents([(body.layer, each) for each in {old, new} if each is not None])
    before = _layer(rules, body.layer, old, documents)
    if body.documents is not None:
        after = rules.layer(body.layer, body.documents)
        if after.findings:
            # What cannot be read would look as if it were taken away.
            raise PolicyFindingsError(after.findings)
    else:
        after = _layer(rules, body.layer, new, documents)
    return [ChangeView.of(each) for each in diff(before, after)]


def _layer(
    rules: PolicyRules, layer: str, number: int | None, documents: Mapping[tuple[str, int], Mapping[str, str]]
) -> Layer:
    if number is None:
        return Layer(layer)
    if (layer, number) not in documents:
        raise NotFoundError
    return rules.layer(layer, documents[layer, number])


@router.post("/layers/{layer}/versions", response_model=VersionView, status_code=201)
async def propose_policy(
    request: Request, layer: LayerPath, body: ProposalBody, asked: Annotated[Command, command("policy.version.propose")]
) -> Response:
    """Keep a draft as the next version of its layer, for somebody else to approve."""
    _in_reach(asked.scope, layer)

    async def work(unit: UnitOfWork) -> Answer:
        version = await PolicyChanges(unit, _rules(request)).propose(
            layer, body.documents, why=body.why, by=asked.principal.subject
        )
        return Answer(VersionView.of(version), status=201)

    return await asked.run(work)


@router.post("/layers/{layer}/versions/{number}/approve", response_model=VersionView)
async def approve_policy(
    request: Request,
    layer: LayerPath,
    number: Number,
    body: DecisionBody,
    asked: Annotated[Command, command("policy.version.approve")],
) -> Response:
    """Approve a version that somebody else proposed; it is not in force by that."""
    return await _decide(request, layer, number, body, asked, APPROVED)


@router.post("/layers/{layer}/versions/{number}/reject", response_model=VersionView)
async def reject_policy(
    request: Request,
    layer: LayerPath,
    number: Number,
    body: DecisionBody,
    asked: Annotated[Command, command("policy.version.approve")],
) -> Response:
    """Reject a version that somebody else proposed; a better one is a new version."""
    return await _decide(request, layer, number, body, asked, REJECTED)


async def _decide(
    request: Request, layer: str, number: int, body: DecisionBody, asked: Command, verdict: str
) -> Response:
    _in_reach(asked.scope, layer)

    async def work(unit: UnitOfWork) -> Answer:
        version = await PolicyChanges(unit, _rules(request)).decide(
            layer, number, verdict=verdict, why=body.why, by=asked.principal.subject
        )
        return Answer(VersionView.of(version))

    return await asked.run(work)


@router.post("/layers/{layer}/versions/{number}/activate", response_model=ActivationView)
async def activate_policy(
    request: Request,
    layer: LayerPath,
    number: Number,
    body: ActivationBody,
    asked: Annotated[Command, command("policy.version.activate")],
) -> Response:
    """Put an approved version into force from an instant on."""
    return await _activate(request, layer, number, body, asked, back=False)


@router.post("/layers/{layer}/versions/{number}/rollback", response_model=ActivationView)
async def roll_back_policy(
    request: Request,
    layer: LayerPath,
    number: Number,
    body: ActivationBody,
    asked: Annotated[Command, command("policy.version.activate")],
) -> Response:
    """Go back to a version that was in force before."""
    return await _activate(request, layer, number, body, asked, back=True)


async def _activate(
    request: Request, layer: str, number: int, body: ActivationBody, asked: Command, *, back: bool
) -> Response:
    _in_reach(asked.scope, layer)

    async def work(unit: UnitOfWork) -> Answer:
        changes = PolicyChanges(unit, _rules(request))
        act = changes.roll_back if back else changes.activate
        activation = await act(
            layer, number, effective_from=body.effective_from, why=body.why, by=asked.principal.subject
        )
        return Answer(ActivationView.of(activation))

    return await asked.run(work)


def _in_reach(scope: Scope, layer: str) -> None:
    """A policy may be read by all who work here, so whose it is is no secret: 403 and not 404."""
    if not scope.covers(region=layer):
        raise ForbiddenError
