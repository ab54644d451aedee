"""Access: every route demands a permission of access.yaml, and every role gets the verdict that the table gives it."""

from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from slrt_intake.api import (
    access,
    attachments,
    batches,
    cases,
    claims,
    clocks,
    consents,
    drafts,
    duplicates,
    duties,
    events,
    exports,
    facts,
    field,
    field_oversight,
    field_photos,
    figures,
    forms,
    holdings,
    letter_check,
    letters,
    looks,
    own_consents,
    reports,
    resident,
    stalls,
    tracking,
    visits,
    worklists,
)
from slrt_intake.app import build_app, build_runtime
from slrt_kit.access import permission_table
from slrt_kit.http.auth import Authorized, TokenVerifier, require
from slrt_kit.http.problems import install_problem_handlers
from slrt_kit.http.rates import PersonLimit
from slrt_kit.testing import TestIssuer, api_client, environment_of

CASE = "/v1/cases/019f1a00-0000-7000-8000-000000000001"
DRAFT = "/v1/drafts/019f1a00-0000-7000-8000-000000000002"
EMERGENCY = "/v1/emergency-accesses/019f1a00-0000-7000-8000-000000000003"
FILE = f"{CASE}/attachments/019f1a00-0000-7000-8000-000000000004"
LETTER = f"{CASE}/letters/019f1a00-0000-7000-8000-000000000011"
CODE = "019f1a00-0000-7000-8000-000000000012"
EXPORT = "/v1/exports/019f1a00-0000-7000-8000-000000000005"
BATCH = "/v1/batches/019f1a00-0000-7000-8000-000000000005"
DUTY = "/v1/duties/019f1a00-0000-7000-8000-000000000008"
DEVICE = "/v1/field/devices/019f1a00-0000-7000-8000-000000000011"
VISIT = "/v1/visits/019f1a00-0000-7000-8000-000000000012"
CONFLICT = "/v1/fact-conflicts/019f1a00-0000-7000-8000-000000000013"
REJECTED = "/v1/field/rejected-items/019f1a00-0000-7000-8000-000000000007"
PHOTO = f"{DEVICE}/photos/019f1a00-0000-7000-8000-000000000014"
CONSENT = "019f1a00-0000-7000-8000-000000000006"
EXTENSION = "019f1a00-0000-7000-8000-000000000010"
RECEIPT = "019f1a00-0000-7000-8000-000000000007"
DEMANDS = {
    ("GET", "/v1/need-codes"): "intake.case.read",
    ("GET", "/v1/forms"): "intake.case.read",
    ("GET", "/v1/forms/{need_code}"): "intake.case.read",
    ("POST", "/v1/cases"): "intake.case.register",
    ("GET", "/v1/cases"): "intake.case.read",
    ("GET", CASE): "intake.case.read",
    ("GET", f"{CASE}/events"): "intake.case.read",
    ("POST", f"{CASE}/screen"): "intake.case.screen",
    ("POST", f"{CASE}/recommend"): "intake.case.recommend",
    ("POST", f"{CASE}/decide"): "intake.case.decide",
    ("POST", f"{CASE}/attachments"): "intake.attachment.add",
    ("GET", f"{CASE}/attachments"): "intake.attachment.read",
    ("GET", f"{FILE}/content"): "intake.attachment.read",
    ("DELETE", FILE): "intake.attachment.remove",
    ("POST", "/v1/batches"): "intake.batch.write",
    ("POST", "/v1/batches/explain"): "intake.batch.write",
    ("GET", BATCH): "intake.batch.read",
    ("GET", f"{BATCH}/rows"): "intake.batch.read",
    ("GET", "/v1/letter-types"): "intake.letter.read",
    ("GET", "/v1/letters"): "intake.letter.read",
    ("POST", f"{CASE}/letters"): "intake.letter.draft",
    ("GET", f"{CASE}/letters"): "intake.letter.read",
    ("GET", LETTER): "intake.letter.read",
    ("GET", f"{LETTER}/content"): "intake.letter.read",
    ("POST", f"{LETTER}/correct"): "intake.letter.draft",
    ("POST", f"{LETTER}/initial"): "intake.letter.initial",
    ("POST", f"{LETTER}/return"): "intake.letter.sign",
    ("POST", f"{LETTER}/sign"): "intake.letter.sign",
    ("POST", f"{LETTER}/issue"): "intake.letter.issue",
    ("POST", f"{LETTER}/revoke"): "intake.letter.revoke",
    ("POST", f"{LETTER}/discard"): "intake.letter.draft",
    ("POST", "/v1/exports"): "intake.export.request",
    ("GET", "/v1/exports"): "intake.export.approve",
    ("GET", EXPORT): "intake.export.request",
    ("POST", f"{EXPORT}/approve"): "intake.export.approve",
    ("POST", f"{EXPORT}/refuse"): "intake.export.approve",
    ("GET", f"{EXPORT}/content"): "intake.export.request",
    ("GET", "/v1/restricted-cases"): "intake.restricted.list",
    ("POST", f"{CASE}/assign"): "intake.case.assign",
    ("POST", f"{CASE}/unassign"): "intake.case.assign",
    ("POST", f"{CASE}/transfer"): "intake.case.transfer",
    ("POST", f"{CASE}/seal"): "intake.case.seal",
    ("POST", f"{CASE}/unseal"): "intake.case.seal",
    ("POST", "/v1/emergency-accesses"): "intake.emergency.open",
    ("GET", "/v1/emergency-accesses"): "intake.emergency.review",
    ("POST", f"{EMERGENCY}/review"): "intake.emergency.review",
    ("GET", "/v1/figures/cases"): "intake.report.read",
    ("GET", f"{CASE}/holdings"): "intake.case.read",
    ("GET", f"{CASE}/likely-duplicates"): "intake.case.read",
    ("GET", "/v1/holding-times"): "intake.report.read",
    ("GET", "/v1/worklists"): "intake.case.read",
    ("GET", f"{CASE}/clock"): "intake.case.read",
    ("POST", f"{CASE}/clock/pauses"): "intake.clock.change",
    ("POST", f"{CASE}/clock/resumptions"): "intake.clock.change",
    ("POST", f"{CASE}/clock/extensions"): "intake.clock.change",
    ("POST", f"{CASE}/clock/extensions/{EXTENSION}/approve"): "intake.clock.approve",
    ("POST", f"{CASE}/clock/extensions/{EXTENSION}/refuse"): "intake.clock.approve",
    ("GET", f"{CASE}/parties"): "intake.party.read",
    ("POST", "/v1/parties/search"): "intake.party.read",
    ("POST", "/v1/contacts/search"): "intake.contact.read",
    ("GET", f"{CASE}/contact"): "intake.contact.read",
    ("POST", "/v1/codes/search"): "intake.code.read",
    ("GET", f"{CASE}/looks"): "intake.look.read",
    ("GET", f"{CASE}/consents"): "intake.consent.read",
    ("POST", f"{CASE}/consents"): "intake.consent.write",
    ("POST", f"{CASE}/consents/{CONSENT}/withdrawal"): "intake.consent.write",
    ("GET", f"{CASE}/sharings"): "intake.sharing.read",
    ("POST", f"/v1/sharings/{RECEIPT}/erasure"): "intake.sharing.confirm",
    ("GET", "/v1/duties"): "intake.duty.read",
    ("GET", "/v1/stalls"): "intake.stall.read",
    ("GET", "/v1/duties/line"): "intake.duty.read",
    ("POST", "/v1/duties/lists"): "intake.duty.write",
    ("PUT", DUTY): "intake.duty.write",
    ("DELETE", DUTY): "intake.duty.write",
    ("GET", "/v1/checklists"): "intake.visit.read",
    ("POST", "/v1/visits"): "intake.visit.plan",
    ("GET", "/v1/visits"): "intake.visit.read",
    ("GET", VISIT): "intake.visit.read",
    ("POST", f"{VISIT}/assign"): "intake.visit.plan",
    ("POST", f"{VISIT}/result"): "intake.visit.record",
    ("GET", f"{CASE}/facts"): "intake.visit.read",
    ("POST", f"{CASE}/facts"): "intake.visit.record",
    ("GET", "/v1/fact-conflicts"): "intake.fact.settle",
    ("POST", f"{CONFLICT}/settle"): "intake.fact.settle",
    ("PUT", DEVICE): "intake.field.sync",
    ("GET", f"{DEVICE}/assignments"): "intake.field.sync",
    ("GET", f"{DEVICE}/receipts"): "intake.field.sync",
    ("POST", f"{DEVICE}/uploads"): "intake.field.sync",
    ("POST", f"{DEVICE}/wiped"): "intake.field.sync",
    ("PUT", PHOTO): "intake.field.sync",
    ("GET", PHOTO): "intake.field.sync",
    ("POST", f"{PHOTO}/pieces"): "intake.field.sync",
    ("GET", "/v1/field/devices"): "intake.field.oversee",
    ("POST", f"{DEVICE}/revoke"): "intake.field.oversee",
    ("GET", "/v1/field/sync-ages"): "intake.field.oversee",
    ("GET", "/v1/field/rejected-items"): "intake.field.oversee",
    ("GET", REJECTED): "intake.field.oversee",
    ("POST", "/v1/drafts"): "intake.draft.write",
    ("POST", "/v1/reports/parse"): "intake.draft.write",
    ("GET", DRAFT): "intake.draft.read",
    ("PUT", DRAFT): "intake.draft.write",
    ("POST", f"{DRAFT}/confirm"): "intake.case.register",
}
"""Every route that needs a login, and what it demands: written here once more, so that nothing opens unnoticed."""
BESIDE_THE_ROUTES = {"intake.party.unmask"}
"""Asked in a claim check: without it what a purpose shows clear is shown masked."""
PUBLIC = {
    ("POST", "/v1/tracking"),
    ("POST", "/v1/tracking/confirmation"),
    ("POST", "/v1/tracking/codes"),
    ("POST", "/v1/tracking/sessions"),
    ("DELETE", "/v1/tracking/sessions"),
    ("GET", f"/v1/letters/check/{CODE}"),
    ("GET", "/v1/letters/public-key"),
    ("GET", "/v1/tracking/case"),
    ("GET", "/v1/tracking/looks"),
    ("GET", "/v1/tracking/sharings"),
    ("GET", "/v1/tracking/consents"),
    ("POST", f"/v1/tracking/consents/{CONSENT}/withdrawal"),
}
ROLES = [
    "resident",
    "facilitator",
    "front_office",
    "back_office",
    "surveyor",
    "coordinator",
    "supervisor",
    "manager",
    "opd_officer",
    "head_of_division",
    "head_of_office",
    "province_desk",
    "centre_desk",
    "leadership",
    "admin",
    "auditor",
    "service",
    "partner",
]

MODULES = (
    *(access, attachments, batches, cases, claims, clocks, consents, drafts, duties),
    *(
        duplicates,
        events,
        exports,
        facts,
        field,
        field_oversight,
        field_photos,
        figures,
        forms,
        holdings,
        letter_check,
        letters,
        looks,
        own_consents,
        resident,
        tracking,
    ),
    *(visits, worklists),
)


def _routes() -> Iterator[APIRoute]:
    for module in (
        access,
        attachments,
        batches,
        cases,
        claims,
        clocks,
        consents,
        drafts,
        duplicates,
        duties,
        events,
        exports,
        facts,
        field,
        field_oversight,
        field_photos,
        figures,
        forms,
        holdings,
        letter_check,
        letters,
        looks,
        own_consents,
        reports,
        resident,
        stalls,
        tracking,
        visits,
        worklists,
    ):
        for route in module.router.routes:
            assert isinstance(route, APIRoute)
            yield route


def _demanded(dependant: Any) -> set[str]:
    own = {dependant.call.permission} if hasattr(dependant.call, "permission") else set()
    return own.union(*(_demanded(inner) for inner in dependant.dependencies))


def _filled(path: str) -> str:
    for name, made in (
        ("case_id", CASE),
        ("draft_id", DRAFT),
        ("access_id", EMERGENCY),
        ("attachment_id", FILE),
        ("extension_id", EXTENSION),
        ("batch_id", BATCH),
        ("export_id", EXPORT),
        ("consent_id", CONSENT),
        ("receipt_id", RECEIPT),
        ("duty_id", DUTY),
        ("device_id", DEVICE),
        ("visit_id", VISIT),
        ("photo_id", PHOTO),
        ("conflict_id", CONFLICT),
        ("letter_id", LETTER),
        ("code", CODE),
    ):
        path = path.replace(f"{{{name}}}", made[-36:])
    return path


def _path(route: APIRoute) -> str:
    return _filled("/v1" + route.path)


def test_every_route_demands_the_permission_that_is_written_here_and_no_other() -> None:
    found = {(method, _path(route)): _demanded(route.dependant) for route in _routes() for method in route.methods}
    assert found == {route: {permission} for route, permission in DEMANDS.items()} | {route: set() for route in PUBLIC}


def test_every_permission_of_intake_is_demanded_by_a_route() -> None:
    mine = {permission for permission in permission_table() if permission.startswith("intake.")}
    assert mine == set(DEMANDS.values()) | BESIDE_THE_ROUTES


@pytest.mark.parametrize(
    ("permission", "roles"),
    [
        ("intake.case.decide", {"coordinator", "manager"}),
        ("intake.case.recommend", {"back_office"}),
        ("intake.case.screen", {"front_office", "back_office"}),
        ("intake.case.register", {"facilitator", "front_office", "supervisor"}),
        ("intake.contact.read", {"service"}),
        ("intake.code.read", {"service"}),
        ("intake.look.read", {"supervisor", "manager", "head_of_division", "head_of_office"}),
    ],
)
def test_who_does_the_work_of_the_desk_is_who_the_domain_says(permission: str, roles: set[str]) -> None:
    assert set(permission_table()[permission]) == roles


@pytest.mark.parametrize("role", ["resident", "leadership", "admin", "auditor", "province_desk", "centre_desk"])
def test_who_has_no_business_with_single_cases_has_no_permission_of_intake(role: str) -> None:
    mine = {name for name, grants in permission_table().items() if name.startswith("intake.") and role in grants}
    assert mine <= {"intake.report.read", "intake.duty.read", "intake.duty.write"}, "figures are nobody's case"


# -- the dependency, for every role and every permission ------------------------------------------------------------


@pytest.fixture(scope="module")
def issuer() -> TestIssuer:
    return TestIssuer()


@pytest.fixture(scope="module")
async def doors(issuer: TestIssuer) -> AsyncIterator[httpx.AsyncClient]:
    """An application with one door per permission."""
    app = FastAPI()
    install_problem_handlers(app)
    app.state.person_limit = PersonLimit(per_second=0, burst=1)
    app.state.verifier = TokenVerifier(
        issuer=issuer.issuer, audience="slrt", jwks_url=issuer.jwks_url, client=issuer.client()
    )
    app.state.person_limit = PersonLimit(per_second=0, burst=0)
    for permission in permission_table():

        async def enter(authorized: Annotated[Authorized, require(permission)]) -> dict[str, Any]:
            scope = authorized.scope
            return {name: getattr(scope, name) for name in ("everywhere", "region", "office", "own", "assigned")}

        app.get(f"/{permission}")(enter)
    async with api_client(app) as client:
        yield client


@pytest.mark.parametrize("role", ROLES)
async def test_every_door_opens_for_the_roles_of_the_table_and_for_no_other(
    role: str, doors: httpx.AsyncClient, issuer: TestIssuer
) -> None:
    headers = issuer.headers(role, region="12.74", office="12.74.DUKCAPIL")
    for permission, grants in permission_table().items():
        answer = await doors.get(f"/{permission}", headers=headers)
        if role not in grants:
            assert (answer.status_code, answer.json()["type"]) == (403, "urn:slrt:problem:forbidden"), permission
            continue
        assert answer.status_code == 200, permission
        assert answer.json() == {
            "own": grants[role] == "own",
            "assigned": grants[role] == "assigned",
            "everywhere": grants[role] == "any",
            "region": "12.74" if grants[role] in ("region", "region_and_office") else None,
            "office": "12.74.DUKCAPIL" if grants[role] in ("office", "region_and_office") else None,
        }


@pytest.mark.parametrize("roles", [[], ["nobody"], ["FACILITATOR"], ["facilitator "], ["admin", "auditor"]])
async def test_unknown_roles_open_nothing_of_intake(
    roles: list[str], doors: httpx.AsyncClient, issuer: TestIssuer
) -> None:
    headers = issuer.headers(*roles, region="12.74")
    # An administrator may say who is on duty, which opens no case, and nothing else.
    roster = {"intake.duty.read", "intake.duty.write"} if "admin" in roles else set()
    for permission in permission_table():
        if permission.startswith("intake.") and permission not in roster:
            assert (await doors.get(f"/{permission}", headers=headers)).status_code == 403


# -- the real application, for every route and every role -----------------------------------------------------------


@pytest.fixture(scope="module")
async def intake(issuer: TestIssuer) -> AsyncIterator[httpx.AsyncClient]:
    """Intake without its database: who may not is turned away before anything is looked up."""
    with pytest.MonkeyPatch.context() as patch:
        settings = environment_of("intake", database_url="postgresql://nobody@127.0.0.1:9/none", issuer=issuer)
        for name, value in settings.items():
            patch.setenv(name, value)
        runtime = build_runtime()
    runtime.http = issuer.client()
    app = build_app(runtime)
    app.state.refusals = None  # there is no database to put them on record in
    app.state.person_limit = PersonLimit(per_second=0, burst=0)
    async with api_client(app) as client:
        yield client
    await runtime.close()


def test_the_documented_paths_are_the_routes_of_the_table(intake: httpx.AsyncClient) -> None:
    app: FastAPI = intake._transport.app  # type: ignore[attr-defined]
    documented = {(method.upper(), _filled(path)) for path, item in app.openapi()["paths"].items() for method in item}
    of_every_service = {each for each in documented if each[1].startswith(("/v1/audit/", "/v1/policy/"))}
    assert documented - of_every_service == set(DEMANDS) | PUBLIC


@pytest.mark.parametrize(("route", "permission"), DEMANDS.items(), ids=[" ".join(route) for route in DEMANDS])
async def test_a_route_turns_away_exactly_the_roles_without_its_permission(
    route: tuple[str, str], permission: str, intake: httpx.AsyncClient, issuer: TestIssuer
) -> None:
    method, path = route
    for role in ROLES:
        headers = issuer.headers(role, region="12.74", office="12.74.DUKCAPIL")
        answer = await intake.request(method, path, headers=headers)
        turned_away = answer.status_code == 403 and answer.json()["type"] == "urn:slrt:problem:forbidden"
        assert turned_away == (role not in permission_table()[permission]), role
        assert answer.status_code != 401


@pytest.mark.parametrize("route", DEMANDS, ids=" ".join)
async def test_a_route_without_a_token_asks_to_sign_in(route: tuple[str, str], intake: httpx.AsyncClient) -> None:
    answer = await intake.request(*route)
    assert (answer.status_code, answer.json()["type"]) == (401, "urn:slrt:problem:unauthenticated")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
