"""`make amnesia` on the shared stack: the broker comes back with nothing, and everything is as it was."""

import re

import pytest
from tests.chaos.amnesia import run
from tests.e2e.stack import Stack

from slrt_local.state import State

pytestmark = pytest.mark.stack


async def test_a_broker_that_comes_back_empty_changes_nothing_in_any_service(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run(State(stack.state), seed=21), capsys.readouterr().out
    last = capsys.readouterr().out.splitlines()[-1]
    assert re.fullmatch(r"AMNESIA ok events=[1-9][0-9]* digests=equal", last)
