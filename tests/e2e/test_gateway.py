"""What a frontend meets at the gateway: one document, plain problems, closed doors."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.e2e.stack import Stack

from slrt_contracts.structured import read_structured
from slrt_local.process import wait_until

pytestmark = pytest.mark.stack

ROOT = Path(__file__).resolve().parents[2]
CASE: dict[str, Any] = {"village_code": "12.74.03.1001", "needs": [{"need_code": "PIP"}]}


def problem(answer: httpx.Response) -> str:
    assert answer.headers["content-type"].startswith("application/problem+json"), answer.text
    return str(answer.json()["type"]).removeprefix("urn:slrt:problem:")


def test_the_merged_openapi_document_is_the_committed_one(stack: Stack) -> None:
    served = httpx.get(f"{stack.url}/openapi.json").json()
    assert served == json.loads((ROOT / "deploy" / "gateway" / "openapi.json").read_text(encoding="utf-8"))
    assert {path.split("/")[1] for path in served["paths"]} == {"intake", "referral", "registry", "notification"}


def test_the_docs_page_loads_nothing_from_elsewhere(stack: Stack) -> None:
    page = httpx.get(f"{stack.url}/docs", follow_redirects=True)
    assert page.status_code == 200
    assert "://" not in page.text.replace("http://www.w3.org", "")


def test_answers_carry_security_headers_and_a_request_id(stack: Stack) -> None:
    answer = httpx.get(f"{stack.url}/intake/v1/cases")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-request-id"]


def test_status_as_json_gives_every_address_process_log_and_health(stack: Stack) -> None:
    found = stack.said_status()
    assert found["phase"] == "ready"
    assert {"gateway", "docs", "mails", "kafka", "postgres"} <= set(found["addresses"])
    for part in found["parts"]:
        assert part["health"] == "ok", part
        assert Path(part["log"]).exists() or part["condition"] == "external"


def test_without_a_token_nobody_gets_in(stack: Stack) -> None:
    answer = stack.post("/intake/v1/cases", CASE, token=None, key="e2e-1")
    assert (answer.status_code, problem(answer)) == (401, "unauthenticated")


def test_an_expired_token_is_told_apart(stack: Stack) -> None:
    token = stack.token("facilitator", "--region", "12.74.03", "--ttl", "-60")
    answer = stack.post("/intake/v1/cases", CASE, token=token, key="e2e-2")
    assert (answer.status_code, problem(answer)) == (401, "token-expired")


def test_a_facilitator_of_another_region_registers_nothing_here(stack: Stack) -> None:
    token = stack.token("facilitator", "--region", "36.04")
    answer = stack.post("/intake/v1/cases", CASE, token=token, key="e2e-3")
    assert (answer.status_code, problem(answer)) == (403, "outside-your-area")


def test_who_signs_in_at_the_issuer_is_let_in_and_is_not_once_it_was_taken_back(stack: Stack) -> None:
    lists = ("/intake/v1/cases", "/referral/v1/referrals", "/notification/v1/notifications")
    token = stack.token("manager", "--region", "12.74", "--office", "12.74.SLRT", "--sub", "e2e.taken-back")
    other = stack.token("manager", "--region", "12.74", "--office", "12.74.SLRT", "--sub", "e2e.stays")

    def asked(bearer: str) -> list[int]:
        headers = {"Authorization": f"Bearer {bearer}"}
        return [httpx.get(stack.url + path, headers=headers).status_code for path in lists]

    assert 401 not in asked(token)
    stack.slrt("revoke", "--user", "e2e.taken-back")
    assert wait_until(lambda: set(asked(token)) == {401}, seconds=30)
    refused = httpx.get(stack.url + lists[0], headers={"Authorization": f"Bearer {token}"})
    assert problem(refused) == "token-revoked"
    assert 401 not in asked(other)
    stack.slrt("rotate-key", "--algorithm", "EdDSA")
    anew = stack.token("manager", "--region", "12.74", "--office", "12.74.SLRT", "--sub", "e2e.anew")
    assert 401 not in asked(anew) + asked(other)


def test_what_was_written_at_one_service_is_read_at_another_by_its_position(stack: Stack) -> None:
    token = stack.token("facilitator", "--region", "12.74.03")
    for number in range(5):
        receipt = stack.post("/intake/v1/cases", CASE, token=token, key=f"e2e-position-{number}")
        position = receipt.headers["Slrt-Position"]
        path = f"/registry/v1/cases/{receipt.json()['case_id']}/records"
        headers = {"Authorization": f"Bearer {token}", "Slrt-Position": position, "Prefer": "wait=10"}
        found = httpx.get(stack.url + path, headers=headers, timeout=20)
        assert found.status_code == 200, found.text
    repeated = stack.post("/intake/v1/cases", CASE, token=token, key="e2e-position-4")
    assert repeated.headers["Slrt-Position"] == position


def test_a_body_over_the_limit_is_refused(stack: Stack) -> None:
    token = stack.token("facilitator", "--region", "12.74.03")
    huge = {**CASE, "needs": [{"need_code": "PIP", "description": "x" * 2_000_000}]}
    assert stack.post("/intake/v1/cases", huge, token=token, key="e2e-4").status_code == 413


def _told(stack: Stack, case_id: str, token: str, *, until: str, last: str = "") -> list[dict[str, str]]:
    """The messages of a stream through the gateway as they come, up to the first of a type; it ends with the token."""
    headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": "gzip", "Last-Event-ID": last}
    path = f"{stack.url}/intake/v1/cases/{case_id}/events"
    messages: list[dict[str, str]] = []
    with httpx.stream("GET", path, headers=headers, timeout=20) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/event-stream"
        assert "content-encoding" not in answer.headers
        message: dict[str, str] = {}
        for line in answer.iter_lines():
            name, _, value = line.partition(": ")
            message |= {name: value} if name in ("id", "event", "data") else {}
            if not line and message:
                messages.append(message)
                message = {}
                if messages[-1]["event"] == until:
                    return messages
    raise AssertionError(f"nothing of {until}: {messages}")


def test_a_case_is_followed_through_the_gateway_and_gone_on_with(stack: Stack) -> None:
    token = stack.token("front_office", "--region", "12.74.03", "--ttl", "60")
    case = stack.post("/intake/v1/cases", CASE, token=token, key="e2e-5").json()
    path = f"/intake/v1/cases/{case['case_id']}"
    # The answer is still open when its first message is here: nothing on the way gathers it.
    (first,) = _told(stack, case["case_id"], token, until="id.slrt.intake.case-registered.v1")
    screened = httpx.post(
        f"{stack.url}{path}/screen",
        json={"registry_status": "listed"},
        headers={"Authorization": f"Bearer {token}", "Idempotency-Key": "e2e-6", "If-Match": '"1"'},
    )
    assert screened.status_code == 200, screened.text
    told = _told(stack, case["case_id"], token, until="id.slrt.intake.case-screened.v1", last=first["id"])
    assert first["id"] not in [message["id"] for message in told]
    for message in (first, *told):
        envelope, _ = read_structured(message["data"])
        assert (str(envelope.id), envelope.type) == (message["id"], message["event"])
    stranger = stack.token("front_office", "--region", "36.04")
    refused = httpx.get(f"{stack.url}{path}/events", headers={"Authorization": f"Bearer {stranger}"})
    assert (refused.status_code, problem(refused)) == (404, "not-found")


def test_an_operator_looks_after_a_service_with_the_settings_of_the_stack(stack: Stack) -> None:
    status = json.loads(stack.slrt("operate", "intake", "outbox", "status", "--json").stdout)
    assert status["relay_is_active"]
    assert status["archived"] > 0
    lag = json.loads(stack.slrt("operate", "registry", "consumer", "lag", "--json").stdout)
    assert {each["group"] for each in lag} == {f"slrt.registry.{name}" for name in ("cases", "erasures", "outcomes")}
    unknown = stack.slrt("operate", "ghost", "outbox", "status", check=False)
    assert unknown.returncode == 1
    assert "intake, referral, registry, notification" in unknown.stderr


def test_readiness_and_metrics_are_not_public(stack: Stack) -> None:
    for path in ("/intake/readyz", "/intake/metrics", "/intake/livez"):
        assert httpx.get(stack.url + path).status_code in (401, 403, 404), path
