"""An operator changes a rule from draft to activation, and takes it back; officers work from their list meanwhile."""

import subprocess
import time
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from tests.e2e.stack import SLRT, Stack

from slrt_local.process import wait_until

pytestmark = pytest.mark.stack

REGENCY = "34.04"
CASE = {"village_code": "34.04.07.2001", "persons": [], "needs": [{"need_code": "JALAN", "person_ref": None}]}
HURRIED = """entries:
  verification:
    length: {working_days: 1}
    extension: {most: {working_days: 1}, times: 1}
"""


@pytest.fixture(scope="module")
def tokens(stack: Stack) -> dict[str, str]:
    """Of those who work in the regency, by role."""
    roles = ("facilitator", "front_office", "manager", "head_of_office")
    return {role: stack.token(role, "--region", REGENCY, "--sub", f"{role}-9004") for role in roles}


def _policy(stack: Stack, token: str, *arguments: str, check: bool = True) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLRT_TOKEN", token)
        patch.setenv("SLRT_GATEWAY", stack.url)
        done = stack.slrt("policy", *arguments, "--service", "intake", check=check)
    assert check or done.returncode == 1, done.stdout
    return done.stdout + done.stderr


def _validate(draft: Path) -> tuple[int, str]:
    """Without the stack: a draft is checked on any machine."""
    command = [SLRT, "policy", "validate", str(draft), "--service", "intake"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def _case(stack: Stack, tokens: dict[str, str]) -> str:
    answer = stack.post("/intake/v1/cases", CASE, token=tokens["facilitator"], key=uuid4().hex)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["case_id"])


def _get(stack: Stack, path: str, token: str) -> httpx.Response:
    answer = httpx.get(stack.url + path, headers={"Authorization": f"Bearer {token}"}, timeout=20)
    assert answer.status_code == 200, answer.text
    return answer


def _clock(stack: Stack, tokens: dict[str, str], case_id: str) -> dict[str, Any]:
    clock: dict[str, Any] = _get(stack, f"/intake/v1/cases/{case_id}/clock", tokens["front_office"]).json()
    return clock


def _on_clock(stack: Stack, token: str, case_id: str, step: str, body: Any, version: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": uuid4().hex, "If-Match": version}
    return httpx.post(f"{stack.url}/intake/v1/cases/{case_id}/clock/{step}", json=body, headers=headers, timeout=20)


def _in_force(stack: Stack, tokens: dict[str, str], number: int) -> None:
    """The process that answers has switched: it knows a version some seconds before it begins, but not for ever."""

    def look() -> bool:
        policy = _get(stack, "/intake/v1/policy/layers", tokens["manager"]).json()
        (mine,) = (each for each in policy if each["layer"] == REGENCY)
        return bool(mine["active"]["number"] == number)

    assert wait_until(look, seconds=30)
    time.sleep(1)


def test_a_rule_goes_from_draft_to_activation_and_back_while_cases_keep_theirs(
    stack: Stack, tokens: dict[str, str], tmp_path: Path
) -> None:
    before = _case(stack, tokens)
    assert _clock(stack, tokens, before)["sla"]["length"] == {"unit": "working_days", "count": 3}
    _draft(stack, tokens, tmp_path / "draft")
    _decide(stack, tokens, tmp_path / "draft")
    _in_force(stack, tokens, 2)

    during = _case(stack, tokens)
    clock = _clock(stack, tokens, during)
    assert (clock["sla"]["length"]["count"], clock["sla"]["left"]) == (1, 1)
    assert f"{REGENCY}:2" in clock["policy_version"]
    assert _clock(stack, tokens, before)["sla"]["length"]["count"] == 3
    listed = _get(stack, "/intake/v1/worklists", tokens["front_office"]).json()["items"]
    assert listed[0]["case_id"] == during
    assert [each["code"] for each in listed[0]["reasons"]] == ["your_step"]
    assert before in [each["case_id"] for each in listed]

    _policy(stack, tokens["head_of_office"], "rollback", REGENCY, "1", "--why", "Perbup dicabut")
    _in_force(stack, tokens, 1)
    assert _clock(stack, tokens, _case(stack, tokens))["sla"]["length"]["count"] == 3
    # What began under the version keeps it: more time is asked for and granted by its class.
    _more_time(stack, tokens, during)


def _draft(stack: Stack, tokens: dict[str, str], draft: Path) -> None:
    """Begin a draft, with a mistake at first, and look at what it changes."""
    manager = tokens["manager"]
    _policy(stack, manager, "show", REGENCY, "--to", str(draft))
    sla = draft / REGENCY / "sla.yaml"
    sla.write_text(HURRIED.replace("working_days: 1}", "working_dais: 1}", 1))
    code, findings = _validate(draft)
    assert (code, f"{REGENCY}/sla.yaml:3" in findings) == (1, True), findings
    assert f"{REGENCY}/sla.yaml:3" in _policy(
        stack, manager, "propose", str(draft), "--why", "Perbup 9/2026", check=False
    )
    sla.write_text(HURRIED)
    assert _validate(draft)[0] == 0
    assert "sla verification: " in _policy(stack, manager, "diff", str(draft))
    would_be = _policy(stack, manager, "what-if", str(draft))
    assert any(line.split()[:2] == ["verification", "1"] for line in would_be.splitlines()), would_be


def _decide(stack: Stack, tokens: dict[str, str], draft: Path) -> None:
    """Two people decide; whatever is out of turn or in the past changes nothing."""
    manager, head = tokens["manager"], tokens["head_of_office"]
    _policy(stack, manager, "propose", str(draft), "--why", "Perbup 9/2026")
    assert "Perbup 9/2026" in _policy(stack, head, "show", REGENCY, "2")
    own = _policy(stack, manager, "approve", REGENCY, "2", "--why", "sesuai Perbup", check=False)
    assert "not yours" in own
    early = _policy(stack, head, "activate", REGENCY, "2", "--why", "sesuai Perbup", check=False)
    assert "not approved" in early, early
    _policy(stack, head, "approve", REGENCY, "2", "--why", "sesuai Perbup")
    past = _policy(stack, head, "activate", REGENCY, "2", "--why", "sesuai Perbup", "--at", "2026-01-01", check=False)
    assert "in the past" in past
    assert _clock(stack, tokens, _case(stack, tokens))["sla"]["length"]["count"] == 3
    _policy(stack, head, "activate", REGENCY, "2", "--why", "sesuai Perbup")


def _more_time(stack: Stack, tokens: dict[str, str], case_id: str) -> None:
    """Asked for by one, granted by another; then the clock is paused, and each has read what they change."""
    front, manager = tokens["front_office"], tokens["manager"]
    read = _get(stack, f"/intake/v1/cases/{case_id}/clock", front)
    version, length = read.headers["ETag"], {"unit": "working_days", "count": 1, "reason": "field_visit"}
    too_long = _on_clock(stack, front, case_id, "extensions", length | {"count": 2}, version)
    assert too_long.status_code == 409, too_long.text
    asked = _on_clock(stack, front, case_id, "extensions", length, version)
    assert asked.status_code == 200, asked.text
    listed = _get(stack, "/intake/v1/worklists", manager).json()["items"]
    (waiting,) = (each for each in listed if each["case_id"] == case_id)
    assert "extension_asked" in [each["code"] for each in waiting["reasons"]]
    approve = f"extensions/{asked.json()['extension_id']}/approve"
    granted = _on_clock(stack, manager, case_id, approve, {}, asked.headers["ETag"])
    assert granted.status_code == 200, granted.text
    due = [datetime.fromisoformat(each["due_at"]) for each in (read.json(), granted.json())]
    assert due[0] < due[1]
    why = {"reason": "external_decision"}
    stale = _on_clock(stack, front, case_id, "pauses", why, version)
    assert stale.status_code == 412, stale.text
    paused = _on_clock(stack, front, case_id, "pauses", why, granted.headers["ETag"])
    assert paused.json()["state"] == "paused"
