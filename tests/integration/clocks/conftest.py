"""A database of intake with a table of effects."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from slrt_kit.db import Database


@pytest.fixture
def clocks_url(service_database: Any) -> str:
    """A fresh database of intake."""
    url: str = service_database("intake")
    return url


@pytest.fixture
async def clocks_database(clocks_url: str) -> AsyncIterator[Database]:
    """Units of work on it."""
    database = Database(clocks_url, pool_size=4)
    yield database
    await database.close()
