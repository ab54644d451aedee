"""What the tests of the audit log share."""

from collections.abc import AsyncIterator, Callable

import pytest
from tests.drills.chains import Chain

from slrt_kit.testing import FixedClock


@pytest.fixture
async def audited(service_database: Callable[[str], str], fixed_clock: FixedClock) -> AsyncIterator[Chain]:
    """The audit log of an intake without anything else."""
    chain = Chain(service_database("intake"), fixed_clock)
    yield chain
    await chain.close()
