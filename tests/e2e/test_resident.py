"""A resident asks for a code, gets it on the phone, and reads in a session who looked, in whichever service."""

import re
from typing import Any
from uuid import uuid4

import httpx
import pytest
from tests.e2e.stack import Stack

from slrt_local.process import wait_until

pytestmark = pytest.mark.stack

PHONE = "+6281200009917"
CASE: dict[str, Any] = {
    "village_code": "12.74.03.1002",
    "persons": [{"relation": "client", "name": "Melati Karangan", "nik": "1274035507919017", "sex": "P"}],
    "contact": {"phone": PHONE},
    "needs": [{"need_code": "PIP", "person_ref": 0}],
}


def until(found: Any, *, what: str) -> Any:
    """What ``found`` gives, as soon as it is something."""
    kept: list[Any] = []

    def look() -> bool:
        kept[:] = [found()]
        return bool(kept[0])

    assert wait_until(look, seconds=60), what
    return kept[0]


def test_a_look_in_the_registry_is_in_the_resident_s_list_within_seconds(stack: Stack) -> None:
    registered = stack.post(
        "/intake/v1/cases", CASE, token=stack.token("facilitator", "--region", "12.74.03"), key=uuid4().hex
    )
    assert registered.status_code == 201, registered.text
    case_id, ticket = registered.json()["case_id"], registered.json()["ticket_number"]
    desk = {"Authorization": f"Bearer {stack.token('front_office', '--region', '12.74')}", "Purpose": "identity-check"}
    person_id = until(lambda: _person(stack, case_id, desk), what="the registry knows the person")
    looked = httpx.get(f"{stack.url}/registry/v1/persons/{person_id}", headers=desk, timeout=20)
    assert looked.status_code == 200, looked.text

    asked = stack.post(
        "/intake/v1/tracking/codes",
        {"ticket_number": ticket, "phone_last4": PHONE[-4:]},
        token=None,
        key=uuid4().hex,
    )
    assert (asked.status_code, asked.json()["channels"]) == (202, ["whatsapp"]), asked.text
    code = until(lambda: _code(stack, ticket), what="the code is on the phone")
    opened = stack.post(
        "/intake/v1/tracking/sessions",
        {"ticket_number": ticket, "challenge_id": asked.json()["challenge_id"], "code": code},
        token=None,
        key="-",
    )
    assert opened.status_code == 201, opened.text
    session = {"Resident-Session": opened.json()["token"], "Accept-Language": "en"}
    own = httpx.get(f"{stack.url}/intake/v1/tracking/case", headers=session, timeout=20).json()
    assert own["persons"] == [{"relation": "client", "name": "M••• K•••", "nik": "1274••••••••9017", "erased": False}]

    def seen() -> set[tuple[str, str, str | None]]:
        page = httpx.get(f"{stack.url}/intake/v1/tracking/looks?limit=200", headers=session, timeout=20).json()
        return {(item["role"], item["what"], item["office"]) for item in page["items"]}

    expected = {
        ("front_office", "person", "SLRT secretariat, Kota Tanjungbalai"),
        ("service", "case-parties", None),
        ("service", "case-contact", None),
        ("service", "resident-code", None),
        ("resident", "case", None),
    }
    until(lambda: expected <= seen(), what="all looks are in the list")
    assert httpx.delete(f"{stack.url}/intake/v1/tracking/sessions", headers=session, timeout=20).status_code == 204
    ended = httpx.get(f"{stack.url}/intake/v1/tracking/looks", headers=session, timeout=20)
    assert (ended.status_code, ended.json()["type"]) == (401, "urn:slrt:problem:session-ended")


def _person(stack: Stack, case_id: str, desk: dict[str, str]) -> str | None:
    search = {"nik": CASE["persons"][0]["nik"]}
    headers = desk | {"Case-Id": case_id}
    found = httpx.post(f"{stack.url}/registry/v1/persons/search", json=search, headers=headers, timeout=20)
    persons = found.json().get("persons", [])
    return persons[0]["person_id"] if persons else None


def _code(stack: Stack, ticket: str) -> str | None:
    messages = stack.status()["addresses"]["messages"]
    everything = httpx.get(messages.replace("/messages", "/api/messages"), timeout=20).json()
    texts = [str(entry["body"]) for entry in everything if ticket in str(entry["body"])]
    codes = [match[1] for text in texts if (match := re.search(r"adalah ([0-9]{6})\.", text))]
    return codes[-1] if codes else None
