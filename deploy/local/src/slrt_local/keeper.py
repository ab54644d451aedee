"""Keep one unit alive: prepare it, start it, see it become ready, start it again when it ends."""

import asyncio
import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from slrt_local.net import PortBusyError
from slrt_local.process import Command, PartError, Progress, forget, record, tail
from slrt_local.state import State
from slrt_local.units import Unit

FIRST_PAUSE, CALM = 0.5, 60.0  # seconds; a process that lived CALM long starts afresh
LONGEST_PAUSE = float(os.environ.get("SLRT_LONGEST_PAUSE", "30"))
START_ATTEMPTS = 3
_PROBE_EVERY = 0.1
_SETTLED = 1.0  # a process without a check of its own is ready when it has lived so long


class StartError(PartError):
    """A unit did not become ready."""


@dataclass
class Condition:
    """What is known about one unit; written to ``status.json`` as it is."""

    condition: str = "waiting"  # waiting preparing starting ready done external stopping pausing stopped
    pid: int | None = None
    restarts: int = 0
    since: str = ""
    last_exit: int | None = None


class Keeper:
    """The life of one unit. `run` never returns by itself: it is cancelled, or raises when the unit cannot start."""

    def __init__(self, unit: Unit, state: State, *, progress: Progress, changed: Callable[[], None]) -> None:
        """``changed`` is called whenever `known` has changed."""
        self.unit, self.known = unit, Condition()
        self.ready = asyncio.Event()
        self.was_ready = False
        self._state, self._progress, self._changed = state, progress, changed
        self._on, self._off, self._idle = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._on.set()
        self._process: asyncio.subprocess.Process | None = None
        self._command: Command | None = None

    @property
    def name(self) -> str:
        """The unit's name."""
        return self.unit.name

    @property
    def is_living(self) -> bool:
        """True while there is a process to end."""
        return self._process is not None

    # -- asked from outside ---------------------------------------------------------------------------------

    async def switch_off(self) -> None:
        """Stop the process and keep it stopped; returns when it has ended."""
        self._on.clear()
        self._off.set()
        await self.end()
        await self._idle.wait()

    async def switch_on(self) -> None:
        """Start a stopped process; returns when it is ready, raises `TimeoutError` when it is not in time."""
        self._off.clear()
        self._on.set()
        await asyncio.wait_for(self.ready.wait(), self.unit.ready_timeout)

    async def end(self) -> None:
        """End the process: its own signal, its own patience, then SIGKILL to its group."""
        process, command = self._process, self._command
        if process is None or command is None:
            return
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(command.stop_signal)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), command.stop_timeout)
        self.kill()
        await process.wait()
        if self._process is process:
            self._process = None
            forget(self._state, self.name)
            self.known.last_exit = process.returncode
            self._set("stopping", pid=None)

    def kill(self) -> None:
        """SIGKILL to the process and what it started."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    # -- the life -------------------------------------------------------------------------------------------

    async def run(self, needs: Sequence["Keeper"]) -> None:
        """Start after ``needs`` are ready; start again with growing pauses whenever the process ends.

        Raises `PartError` or `PortBusyError` when the unit cannot be started for the first time.
        """
        for need in needs:
            await need.ready.wait()
        failures, pause = 0, FIRST_PAUSE
        while True:
            await self._until_wanted()
            begun = time.monotonic()
            try:
                await self._live()
            except (PartError, PortBusyError) as error:
                failures += 1
                if not self.was_ready and (self.unit.once or not self.unit.command or failures >= START_ATTEMPTS):
                    raise
                self._progress(str(error).splitlines()[0])
            if self._off.is_set():
                continue
            pause = FIRST_PAUSE if time.monotonic() - begun > CALM else pause
            self.known.restarts += 1
            self._set("pausing", pid=None)
            self._progress(f"{self.name}: starting again in {pause:g} s")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._off.wait(), pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _until_wanted(self) -> None:
        if self._off.is_set():
            self._set("stopped", pid=None)
            self._progress(f"{self.name}: stopped")
            self._idle.set()
            await self._on.wait()
        self._idle.clear()

    async def _live(self) -> None:
        """Once through a life: prepare, start, become ready, end. A given server and a one-off never end."""
        unit = self.unit
        if unit.prepare:
            self._set("preparing")
            prepare = unit.prepare
            await in_daemon_thread(lambda: prepare(self._progress))
        process = await self._spawn(unit.command()) if unit.command else None
        ended = False
        try:
            await self._become_ready(process)
            if unit.once:
                await self.end()  # it has ended: forget it, and end what it may have left
            if unit.after_ready:
                await in_daemon_thread(unit.after_ready)
            self.was_ready = True
            self._set("done" if unit.once else "ready" if process else "external")
            self.ready.set()
            self._progress(f"{self.name}: {'done' if unit.once else 'ready'}")
            if unit.once or process is None:
                await asyncio.get_running_loop().create_future()
            else:
                code = await process.wait()
                if not self._off.is_set():
                    self._progress(f"{self.name}: ended {_how(code)}; log: {self._state.log(self.name)}")
            ended = True
        except (PartError, PortBusyError):
            ended = True
            raise
        finally:
            self.ready.clear()
            if ended:  # when we are cancelled the supervisor ends the processes, in its order
                await self.end()

    async def _spawn(self, command: Command) -> asyncio.subprocess.Process:
        self._set("starting")
        spawning = asyncio.ensure_future(self._create(command))
        try:
            process = await asyncio.shield(spawning)
        except asyncio.CancelledError:
            self._process, self._command = await spawning, command  # so that it is ended with the others
            raise
        self._process, self._command = process, command
        record(self._state, self.name, process.pid)
        self._set("starting", pid=process.pid)
        return process

    async def _create(self, command: Command) -> asyncio.subprocess.Process:
        with self._state.log(self.name).open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *command.launch_argv(),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=command.launch_env(),
                cwd=command.cwd or Path("/"),
                process_group=0,
            )

    async def _become_ready(self, process: asyncio.subprocess.Process | None) -> None:
        """Wait until ready, or for a one-off until it has ended with 0; raises `StartError`."""
        try:
            async with asyncio.timeout(self.unit.ready_timeout):
                if self.unit.once and process:
                    if await process.wait() == 0:
                        return
                else:
                    check = self.unit.is_ready or _lived(time.monotonic() + _SETTLED)
                    while process is None or process.returncode is None:
                        if await asyncio.to_thread(check):
                            return
                        await asyncio.sleep(_PROBE_EVERY)
        except TimeoutError as error:
            raise StartError(self._excuse(process)) from error
        raise StartError(self._excuse(process))

    def _excuse(self, process: asyncio.subprocess.Process | None) -> str:
        if process is None:
            return f"{self.name} does not answer at {', '.join(self.unit.addresses.values())}"
        log = self._state.log(self.name)
        how = "was not ready in time" if process.returncode is None else f"ended {_how(process.returncode)}"
        return f"{self.name} {how}. Its log is {log}, the end of it:\n{tail(log)}"

    def _set(self, condition: str, **more: int | None) -> None:
        self.known.condition, self.known.since = condition, datetime.now(UTC).isoformat(timespec="milliseconds")
        for field, value in more.items():
            setattr(self.known, field, value)
        self._changed()


def _lived(moment: float) -> Callable[[], bool]:
    return lambda: time.monotonic() > moment


def _how(code: int) -> str:
    return f"by signal {-code}" if code < 0 else f"with code {code}"


async def in_daemon_thread(work: Callable[[], None]) -> None:
    """Run ``work`` in a thread that does not hold up the end of the process (a download may take minutes)."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def finish(error: BaseException | None) -> None:
        if done.cancelled():
            return
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)

    def body() -> None:
        failure: BaseException | None = None
        try:
            work()
        except BaseException as error:  # noqa: BLE001 — carried to the one who waits
            failure = error
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(finish, failure)

    threading.Thread(target=body, daemon=True).start()
    await done
