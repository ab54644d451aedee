"""The main job through the gateway, as `make demo` plays it."""

import re
import time

import psutil
import pytest
from tests.e2e.stack import Stack

pytestmark = pytest.mark.stack


def test_the_demo_ends_with_demo_ok_and_nothing_lost_or_doubled(told: str) -> None:
    assert told.rstrip().endswith("DEMO ok"), told[-4000:]
    assert re.search(r"pending 0, parked 0, dead letters 0, redelivered and absorbed \d+, lost 0, doubled 0", told)


def test_nothing_of_the_demo_is_held_up(told: str) -> None:
    assert "held up 0: everything open can go on" in told


def test_the_demo_tells_of_every_office_and_of_the_one_that_was_down(told: str) -> None:
    for office in ("12.74.DUKCAPIL", "12.74.DIKBUD", "12.74.PUPR", "12.ESDM"):
        assert office in told
    assert "its referral waits in its own lag" in told
    assert "it arrived once" in told


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
