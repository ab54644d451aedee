"""Nothing of a resident leaves the databases: not by event, log, trace, metric, nor by what others are sent.

Runs after the other files of this folder, on what all of them have left behind; alone it scans what the demo left.
"""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tests.e2e.spans import SpanSink
from tests.e2e.stack import Stack
from tests.e2e.topics import everything_on_the_topics
from tests.erasure.reading import everything_readable
from tests.leaks.people import ACCESS, DEMO, FAULTS
from tests.leaks.scan import Scanner
from tests.leaks.tables import everything_in

from slrt_kit.metrics import CATALOGUE
from slrt_kit.testing import eventually
from slrt_local.parts.postgres import KEYED, SERVICES, Postgres
from slrt_local.state import State

pytestmark = pytest.mark.stack

SERVICES_EXPORTING = {f"slrt-{service}" for service in SERVICES}
OWN_ADDRESSES = (r"slrt@contoh\.go\.id", r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}@contoh\.go\.id")
"""The sender of our mail, and the ids of our messages; nobody's."""
# What the resident is told goes to her own address; the message itself names ticket and stage only.
ADDRESSED = ("mails", "messages")


@pytest.fixture(scope="module")
def scanner() -> Scanner:
    return Scanner((*DEMO, *FAULTS, *ACCESS), own=OWN_ADDRESSES)


@pytest.fixture(scope="module")
def metric_pages(stack: Stack, told: str) -> dict[str, str]:
    """The page of every process, by its name."""
    return {
        part["name"]: httpx.get(f"{part['addresses']['url']}/metrics", timeout=20).text
        for part in stack.status()["parts"]
        if part["name"] in SERVICES or part["name"].startswith("connector-")
    }


def text_of(value: Any) -> Iterator[str]:
    """All texts in a JSON value, keys too."""
    if isinstance(value, dict):
        for key, held in value.items():
            yield str(key)
            yield from text_of(held)
    elif isinstance(value, list):
        for held in value:
            yield from text_of(held)
    else:
        yield str(value)


def test_the_scanner_finds_the_planted_people_where_they_must_be(scanner: Scanner, stack: Stack, told: str) -> None:
    """With their keys; else it would find them nowhere because they were never there, or because it cannot read."""
    state = State(stack.state)
    postgres = Postgres(state)
    kek = bytes.fromhex(state.secret("key-encryption-intake"))
    held = everything_readable(
        "intake", postgres.service_url("intake"), postgres.keys_url("intake"), kek, objects=state.objects
    )
    found = {leak.what for leak in scanner.leaks_in(held)}
    planted = {f"{planted.kind} {planted.value}" for planted in DEMO if planted.kind != "birth date"}
    assert planted - found == set()


@pytest.mark.parametrize("service", SERVICES)
def test_no_table_of_any_database_holds_anything_of_a_resident(
    service: str, scanner: Scanner, stack: Stack, told: str
) -> None:
    """What a backup of the database would have, without the keys."""
    held = everything_in(Postgres(State(stack.state)).service_url(service))
    assert held["outbox_archive"] + held["outbox_archive_default"] or held["outbox"]
    assert scanner.leaks_in(held) == []


@pytest.mark.parametrize("service", KEYED)
def test_no_keys_database_holds_anything_but_salts(service: str, scanner: Scanner, stack: Stack, told: str) -> None:
    held = everything_in(Postgres(State(stack.state)).keys_url(service))
    assert set(held) == {"subject_keys"}
    assert scanner.leaks_in(held) == []


async def test_no_topic_holds_anything_of_a_resident(scanner: Scanner, stack: Stack, told: str) -> None:
    messages = await everything_on_the_topics(stack.status()["addresses"]["kafka"])
    told_on = {topic for topic, found in messages.items() if found}
    assert {"slrt.intake.case.v1", "slrt.referral.referral.v1", "slrt.registry.person.v1"} <= told_on
    assert sum(map(len, messages.values())) > 100
    assert scanner.leaks_in({topic: b"\n\x00\n".join(found) for topic, found in messages.items()}) == []


def test_no_log_holds_anything_of_a_resident(scanner: Scanner, stack: Stack, told: str) -> None:
    logs = {log.name: log.read_bytes() for log in (stack.state / "logs").glob("*.log")}
    assert {"intake.log", "referral.log", "registry.log", "notification.log", "postgres.log", "gateway.log"} <= set(
        logs
    )
    assert all(logs[f"{service}.log"] for service in SERVICES)
    assert scanner.leaks_in(logs) == []


def test_no_metric_holds_anything_of_a_resident(scanner: Scanner, metric_pages: dict[str, str]) -> None:
    assert len(metric_pages) == len(SERVICES) + 7
    assert scanner.leaks_in(metric_pages) == []


def test_every_metric_of_the_catalogue_is_measured_by_some_process(metric_pages: dict[str, str]) -> None:
    together = "\n".join(metric_pages.values())
    lines = [line for line in together.splitlines() if not line.startswith("#")]
    measured = {name for name in CATALOGUE for line in lines if line.startswith((f"{name} ", f"{name}{{", f"{name}_"))}
    assert set(CATALOGUE) - measured == set()


async def test_no_span_holds_anything_of_a_resident(
    scanner: Scanner, stack: Stack, told: str, exported: SpanSink
) -> None:
    # They are exported a few seconds after they end.
    await eventually(lambda: exported.texts().keys() >= SERVICES_EXPORTING, what="every service exports")
    assert len(exported.spans) > 100
    assert scanner.leaks_in(exported.texts()) == []


async def test_one_trace_goes_through_all_four_services(stack: Stack, told: str, exported: SpanSink) -> None:
    def traversed() -> bool:
        services: dict[bytes, set[str]] = {}
        for service, span in list(exported.spans):
            services.setdefault(span.trace_id, set()).add(service)
        return SERVICES_EXPORTING in services.values()

    await eventually(traversed, what="all four in one trace")


def test_no_notice_to_an_office_holds_anything_of_a_resident(scanner: Scanner, stack: Stack, told: str) -> None:
    """An office fetches what it needs by claim check, with its own identity: the notice holds ids and codes."""
    notices = httpx.get(f"{stack.status()['addresses']['outside']}/api/notices", timeout=20).json()
    assert len(notices) >= 5
    assert scanner.leaks_in({notice["key"]: json.dumps(notice) for notice in notices}) == []


@pytest.mark.parametrize("kind", ADDRESSED)
def test_what_a_resident_is_told_names_ticket_and_stage_and_nobody(
    kind: str, scanner: Scanner, stack: Stack, told: str
) -> None:
    received = httpx.get(f"{stack.status()['addresses']['outside']}/api/{kind}", timeout=20).json()
    assert len(received) >= 5
    bodies = {
        f"{kind} {entry['number']}": "\n".join(
            text for name, value in entry["body"].items() if name not in ("to", "recipients") for text in text_of(value)
        )
        for entry in received
    }
    assert all(bodies.values())
    assert scanner.leaks_in(bodies) == []
