"""Parts that stop: nothing acknowledged is lost, nothing that is not durable is acknowledged."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from uuid import uuid4

import httpx
import psutil
import pytest
from tests.e2e.stack import Stack

pytestmark = pytest.mark.stack

CASE: dict[str, Any] = {
    "village_code": "12.74.03.1001",
    "persons": [{"relation": "client", "name": "Parulian Sirait", "nik": "1274031001709955"}],
    "needs": [{"need_code": "PIP", "person_ref": 0}],
}


@pytest.fixture
def token(stack: Stack) -> str:
    return stack.token("facilitator", "--region", "12.74.03")


@pytest.fixture
def manager(stack: Stack) -> dict[str, str]:
    return {"Authorization": f"Bearer {stack.token('manager', '--region', '12.74')}"}


@pytest.fixture(autouse=True)
def whole_again(stack: Stack) -> Iterator[None]:
    """Whatever a test stopped runs again afterwards."""
    yield
    for part in ("postgres", "kafka"):
        stack.slrt("start", part, check=False)


def until(happened: Callable[[], bool], *, seconds: float = 60) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if happened():
            return True
        time.sleep(0.2)
    return False


def service_url(stack: Stack, service: str) -> str:
    return next(str(part["addresses"]["url"]) for part in stack.status()["parts"] if part["name"] == service)


def records(stack: Stack, manager: dict[str, str], case_id: str) -> httpx.Response:
    return httpx.get(f"{stack.url}/registry/v1/cases/{case_id}/records", headers=manager)


def recorded(stack: Stack, manager: dict[str, str], case_id: str) -> bool:
    answer = records(stack, manager, case_id)
    return answer.status_code == 200 and len(answer.json()["needs"]) == 1


def test_while_kafka_is_away_registering_goes_on_and_everything_arrives_afterwards(
    stack: Stack, token: str, manager: dict[str, str]
) -> None:
    intake = service_url(stack, "intake")
    stack.slrt("stop", "kafka")
    answers = [stack.post("/intake/v1/cases", CASE, token=token, key=str(uuid4())) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [201] * 5
    assert httpx.get(f"{intake}/readyz").status_code == 200
    stack.slrt("start", "kafka")

    for answer in answers:
        assert until(partial(recorded, stack, manager, answer.json()["case_id"]))


def test_while_postgres_is_away_nothing_is_acknowledged_and_the_answer_says_when_to_come_back(
    stack: Stack, token: str, manager: dict[str, str]
) -> None:
    intake = service_url(stack, "intake")
    stack.slrt("stop", "postgres")
    keys = [str(uuid4()) for _ in range(3)]
    answers = [stack.post("/intake/v1/cases", CASE, token=token, key=key) for key in keys]
    for answer in answers:
        assert answer.status_code == 503
        assert answer.headers["content-type"].startswith("application/problem+json")
        assert int(answer.headers["retry-after"]) > 0
    assert httpx.get(f"{intake}/readyz", timeout=20).status_code == 503
    assert httpx.get(f"{intake}/livez").status_code == 200
    stack.slrt("start", "postgres")
    assert until(lambda: httpx.get(f"{intake}/readyz", timeout=20).status_code == 200)
    again = [stack.post("/intake/v1/cases", CASE, token=token, key=key) for key in keys]
    assert [answer.status_code for answer in again] == [201] * 3
    assert len({answer.json()["case_id"] for answer in again}) == 3


def test_a_killed_service_is_started_again_and_what_came_meanwhile_is_applied_once(
    stack: Stack, token: str, manager: dict[str, str]
) -> None:
    registry = next(part for part in stack.status()["parts"] if part["name"] == "registry")
    psutil.Process(registry["pid"]).kill()
    answers = [stack.post("/intake/v1/cases", CASE, token=token, key=str(uuid4())) for _ in range(5)]
    cases = [answer.json()["case_id"] for answer in answers]
    for case_id in cases:
        assert until(partial(recorded, stack, manager, case_id))
    assert len({records(stack, manager, case_id).json()["family_id"] for case_id in cases}) == 1
