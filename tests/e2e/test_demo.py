"""The main job through the gateway, as `make demo` plays it."""

import re
import time

import psutil
import pytest
from tests.e2e.stack import Stack
from tests.e2e.topics import everything_on_the_topics

pytestmark = pytest.mark.stack

PLANTED = ("Marlina", "Damanik", "Rosdiana", "Bintang", "1274034507849911", "1274031502109911", "0000-9911", "00009911")
"""Words of the story's people that must never leave the databases by event or log."""


def test_the_demo_ends_with_demo_ok_and_nothing_lost_or_doubled(told: str) -> None:
    assert told.rstrip().endswith("DEMO ok"), told[-4000:]
    assert re.search(r"pending 0, parked 0, dead letters 0, redelivered and absorbed \d+, lost 0, doubled 0", told)


def test_the_demo_tells_of_every_office_and_of_the_one_that_was_down(told: str) -> None:
    for office in ("12.74.DUKCAPIL", "12.74.DIKBUD", "12.74.PUPR", "12.ESDM"):
        assert office in told
    assert "its referral waits in its own lag" in told
    assert "it arrived once" in told


async def test_no_name_number_or_phone_of_the_story_is_on_any_topic(stack: Stack, told: str) -> None:
    messages = await everything_on_the_topics(stack.status()["addresses"]["kafka"])
    assert len(messages) > 100
    everything = b"\n".join(messages)
    assert [word for word in PLANTED if word.encode() in everything] == []


def test_no_name_number_or_phone_of_the_story_is_in_any_log(stack: Stack, told: str) -> None:
    logs = {log.name: log.read_text(errors="replace") for log in (stack.state / "logs").glob("*.log")}
    assert "intake.log" in logs
    # PostgreSQL and Traefik write what clients send them wrong; the services must write nothing of anybody.
    found = [(name, word) for name, text in logs.items() for word in PLANTED if word in text]
    assert found == []


def test_the_demo_plays_again_on_the_running_stack(stack: Stack, told: str) -> None:
    again = stack.slrt("demo", "--port", "0", check=False)
    assert again.stdout.rstrip().endswith("DEMO ok"), again.stdout[-4000:]


def test_the_demo_plays_again_after_every_process_was_killed(stack: Stack, told: str) -> None:
    supervisor = psutil.Process(stack.status()["supervisor"]["pid"])
    victims = [supervisor, *supervisor.children(recursive=True)]
    for victim in victims:
        if victim.is_running():
            victim.kill()
    psutil.wait_procs(victims, timeout=20)
    deadline = time.monotonic() + 20
    while stack.status()["phase"] == "ready" and time.monotonic() < deadline:
        time.sleep(0.2)
    again = stack.slrt("demo", "--port", "0", check=False)
    assert again.stdout.rstrip().endswith("DEMO ok"), again.stdout[-4000:]
