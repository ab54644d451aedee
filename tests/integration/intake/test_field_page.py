"""The page of the sync protocol shows what the service really answers: its request is sent, its answers compared."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests.integration.intake.field import Handset, plan

PAGE = Path("docs/reference/sync-protocol.md")
_BLOCK = re.compile(r"```json\n(.*?)```", re.DOTALL)
_MADE_HERE = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[47][0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}|1274-[0-9A-Z]{4}-[0-9A-Z]{4}"
)
_TOLD = {"request_id", "cursor", "slip_code"}


def shape(said: Any, known: set[str]) -> Any:
    """The answer without what is another each time: ids, ticket numbers and codes that the service makes."""
    if isinstance(said, dict):
        return {name: "…" if name in _TOLD else shape(value, known) for name, value in said.items()}
    if isinstance(said, list):
        return [shape(each, known) for each in said]
    if isinstance(said, str) and said not in known and _MADE_HERE.fullmatch(said):
        return "…"
    return said


@pytest.fixture
def blocks(root: Path) -> list[Any]:
    return [json.loads(each) for each in _BLOCK.findall((root / PAGE).read_text(encoding="utf-8"))]


async def test_the_page_shows_what_the_service_answers(intake: Any, blocks: list[Any]) -> None:
    request, receipts, assignments = blocks
    known = set(_MADE_HERE.findall(json.dumps(request)))
    device = Handset(intake, sub="fs-page")
    device.device_id = "01908f1c-0000-7000-8000-0000000000d1"
    await device.register()
    assert request["device_now"] == device.now()
    body = request
    answer = (await intake.client.post(f"{device.path}/uploads", json=body, headers=device.headers())).json()
    case_id = answer["receipts"][0]["case_id"]
    await plan(intake, case_id, "fs-page", due_on="2026-07-06")
    found = await device.fetch()
    assert shape(answer, known) == shape(receipts, known)
    assert shape(found, known) == shape(assignments, known)
