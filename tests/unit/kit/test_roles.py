"""A role's life: parts run side by side, end together, and one that fails takes the others with it."""

import asyncio
import os
import signal
from typing import Any
from unittest.mock import AsyncMock, patch

import pytest

from slrt_kit import runtime as runtime_module
from slrt_kit.runtime import Runtime, run_parts
from slrt_kit.settings import ServiceSettings


@pytest.fixture
def runtime() -> Runtime:
    settings: Any = ServiceSettings.model_construct()
    return Runtime("test", "slrt_test", settings)


class Part:
    """A part that notes what happens to it."""

    def __init__(self, *, error: Exception | None = None, stubborn: bool = False) -> None:
        self.error, self.stubborn = error, stubborn
        self.started, self.ended, self.cancelled = asyncio.Event(), False, False

    async def __call__(self, stop: asyncio.Event) -> None:
        self.started.set()
        try:
            if self.error is not None:
                raise self.error
            await stop.wait()
            if self.stubborn:
                await asyncio.Event().wait()
            self.ended = True
        except asyncio.CancelledError:
            self.cancelled = True
            raise


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_all_parts_in_order(runtime: Runtime, signum: signal.Signals) -> None:
    parts = [Part(), Part()]
    role = asyncio.create_task(run_parts(runtime, role="all", parts=parts))
    for part in parts:
        await part.started.wait()
    os.kill(os.getpid(), signum)
    async with asyncio.timeout(10):
        await role
    assert all(part.ended and not part.cancelled for part in parts)


async def test_a_part_that_does_not_end_in_time_is_cancelled(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime_module, "DRAIN_SECONDS", 0.05)
    good, late = Part(), Part(stubborn=True)
    role = asyncio.create_task(run_parts(runtime, role="all", parts=[good, late]))
    await late.started.wait()
    os.kill(os.getpid(), signal.SIGTERM)
    async with asyncio.timeout(10):
        await role
    assert good.ended
    assert late.cancelled


async def test_a_part_that_fails_ends_the_role_loudly_after_the_others_have_drained(runtime: Runtime) -> None:
    good = Part()
    async with asyncio.timeout(10):
        with pytest.raises(ExceptionGroup) as caught:
            await run_parts(runtime, role="all", parts=[good, Part(error=ValueError("a bug"))])
    assert caught.group_contains(ValueError, match="a bug")
    assert good.ended, "it could finish what it had in hand"


async def test_a_part_that_ends_by_itself_ends_the_role(runtime: Runtime) -> None:
    """A role with half of its parts would look alive and do half of its work."""

    async def brief(_: asyncio.Event) -> None:
        return

    good = Part()
    async with asyncio.timeout(10):
        with pytest.raises(ExceptionGroup) as caught:
            await run_parts(runtime, role="all", parts=[good, brief])
    assert caught.group_contains(RuntimeError, match="ended by itself")
    assert good.ended


async def test_what_was_opened_is_closed_also_after_a_failure(runtime: Runtime) -> None:
    closed = AsyncMock()
    with patch.object(runtime.http, "close", closed), pytest.raises(ExceptionGroup):
        await run_parts(runtime, role="api", parts=[Part(error=ValueError())])
    closed.assert_awaited_once()
