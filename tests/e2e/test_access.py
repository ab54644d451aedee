"""A part of what everybody tries: see ``make access`` for all of it."""

from tests.access.expected import Verdict
from tests.access.run import run
from tests.e2e.stack import Stack

from slrt_local.state import State


async def test_nobody_gets_through_a_door_that_the_table_closes(stack: Stack) -> None:
    findings = await run(State(stack.state), stack.url, sample=0.12, seed=5)
    assert findings.tried > 2000
    assert all(findings.verdicts[verdict] > 100 for verdict in Verdict)
    assert findings.leaks == []
