"""Own the processes of one stack: start them in order, keep them alive, stop them all.

``slrt up`` runs it detached as ``python -m slrt_local.supervisor``. What it does is written to ``run/progress.log``
(lines for people) and ``run/status.json`` (for ``slrt status``).
"""

import argparse
import asyncio
import json
import os
import signal
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from slrt_local import stack
from slrt_local.control import ControlServer
from slrt_local.keeper import Keeper
from slrt_local.net import PortBusyError
from slrt_local.process import PartError, Progress, end_recorded
from slrt_local.state import State, StateBusyError, write_private
from slrt_local.units import Unit

_EXIT_BUSY, _EXIT_FAILED = 3, 1


class Supervisor:
    """Runs `Unit`s until it is told to stop."""

    def __init__(self, state: State, units: Iterable[Unit], *, progress: Progress) -> None:
        self._state, self._progress = state, progress
        self._keepers = {unit.name: Keeper(unit, state, progress=progress, changed=self._write) for unit in units}
        self._phase, self._message = "starting", ""
        self._told_to_stop = asyncio.Event()

    async def run(self) -> bool:
        """Start everything, keep it alive until SIGTERM, SIGINT or `stop`; False when it did not come up."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        lives = {asyncio.create_task(keeper.run(self._needs(keeper))) for keeper in self._keepers.values()}
        watchers = {asyncio.create_task(self._announce_ready()), told := asyncio.create_task(self._told_to_stop.wait())}
        async with ControlServer(self._state, self.obey):
            # A life ends only by failing: the first one that does ends the stack.
            done, _ = await asyncio.wait({*lives, told}, return_when=asyncio.FIRST_COMPLETED)
        failure = next((task.exception() for task in done & lives), None)
        self._phase, self._message = ("failing", str(failure)) if failure else ("stopping", "")
        if failure:
            self._progress(self._message)
        self._write()
        for task in lives | watchers:
            task.cancel()
        await asyncio.gather(*lives, *watchers, return_exceptions=True)
        await self._stop_all()
        self._phase = "failed" if failure else "stopped"
        self._write()
        if failure and not isinstance(failure, (PartError, PortBusyError)):
            raise failure  # a bug of ours: its traceback belongs in the supervisor's log
        return failure is None

    def stop(self) -> None:
        """Ask for the end; asked twice, whoever still drains is killed."""
        if self._told_to_stop.is_set():
            for keeper in self._keepers.values():
                keeper.kill()
        self._told_to_stop.set()

    async def obey(self, verb: str, name: str) -> str:
        """``stop``, ``start`` or ``restart`` one unit; returns what happened, raises `PartError` for a bad ask."""
        can = {name: keeper for name, keeper in self._keepers.items() if keeper.unit.command and not keeper.unit.once}
        if name not in can:
            raise PartError(f"Nothing to {verb} is called {name!r}; there are: {', '.join(can)}")
        if self._phase != "ready":
            raise PartError(f"The stack is {self._phase}")
        if verb in ("stop", "restart"):
            await can[name].switch_off()
        if verb in ("start", "restart"):
            await can[name].switch_on()
        return f"{name}: {can[name].known.condition}"

    async def _announce_ready(self) -> None:
        for keeper in self._keepers.values():
            await keeper.ready.wait()
        self._phase = "ready"
        self._write()
        self._progress("all parts are ready")

    def _needs(self, keeper: Keeper) -> list[Keeper]:
        return [self._keepers[name] for name in keeper.unit.after if name in self._keepers]

    def _depth(self, keeper: Keeper) -> int:
        return 1 + max((self._depth(need) for need in self._needs(keeper)), default=0)

    async def _stop_all(self) -> None:
        """Dependents first, those of one level together."""
        for level in sorted({self._depth(keeper) for keeper in self._keepers.values()}, reverse=True):
            living = [keeper for keeper in self._keepers.values() if keeper.is_living and self._depth(keeper) == level]
            if living:
                self._progress(f"stopping {', '.join(keeper.name for keeper in living)}")
            await asyncio.gather(*(keeper.end() for keeper in living))

    def _write(self) -> None:
        units = {
            name: {**asdict(keeper.known), "once": keeper.unit.once, "addresses": keeper.unit.addresses}
            for name, keeper in self._keepers.items()
        }
        write_status(self._state, phase=self._phase, message=self._message, units=units)


def write_status(state: State, *, phase: str, message: str, units: dict[str, dict[str, object]]) -> None:
    """Write ``run/status.json``."""
    status = {"phase": phase, "message": message, "supervisor": os.getpid(), "units": units}
    write_private(state.run / "status.json", json.dumps(status, indent=1))


def supervise(state: State, wish: stack.Wish, *, echo: bool) -> int:
    """Hold the state, end what an earlier run left, and run the stack; returns the exit code."""
    try:
        with state.lock():
            _rotate_logs(state)
            with (state.run / "progress.log").open("w", encoding="utf-8", buffering=1) as lines:

                def progress(line: str) -> None:
                    lines.write(line + "\n")
                    if echo:
                        print(line, flush=True)

                return _EXIT_FAILED if not _run(state, wish, progress) else 0
    except StateBusyError as error:
        print(error, file=sys.stderr)
        return _EXIT_BUSY


def _run(state: State, wish: stack.Wish, progress: Progress) -> bool:
    try:
        end_recorded(state, progress=progress)
        units = stack.build(state, wish)
    except (PartError, PortBusyError) as error:
        progress(str(error))
        write_status(state, phase="failed", message=str(error), units={})
        return False

    async def body() -> bool:
        return await Supervisor(state, units, progress=progress).run()

    return asyncio.run(body())


def _rotate_logs(state: State) -> None:
    """Keep the logs of the run before as ``*.log.1``."""
    for log in state.logs.glob("*.log"):
        if log.stem != "supervisor":  # our own is open already
            log.replace(log.with_suffix(".log.1"))


def main() -> None:
    """The command line used by ``slrt up``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--parts-only", action="store_true")
    parser.add_argument("--without-services", action="store_true")
    parser.add_argument("--tls", action="store_true")
    given = parser.parse_args()
    wish = stack.Wish(given.port, tls=given.tls, parts_only=given.parts_only, without_services=given.without_services)
    sys.exit(supervise(State(given.state), wish, echo=False))


if __name__ == "__main__":
    main()
