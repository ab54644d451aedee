"""A shorter one of `make chaos`: processes die under people at work, and nothing is lost, doubled or reordered."""

import re

import pytest
from tests.chaos.run import run
from tests.e2e.stack import Stack

from slrt_local.state import State

pytestmark = pytest.mark.stack


async def test_whoever_is_killed_everything_that_was_acknowledged_happens_once_and_in_order(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run(State(stack.state), kills=30, seed=11), capsys.readouterr().out
    last = capsys.readouterr().out.splitlines()[-1]
    assert re.fullmatch(
        r"CHAOS ok kills=30 acked=[1-9][0-9]* lost=0 doubled=0 reordered=0 redelivered=[1-9][0-9]* seed=11", last
    )
