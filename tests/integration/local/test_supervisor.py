"""The supervisor with processes that cost nothing: order, restarts, failures by name, nothing left behind."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import psutil
import pytest

from slrt_local import control, status
from slrt_local.process import Command, PartError
from slrt_local.state import State
from slrt_local.supervisor import Supervisor
from slrt_local.units import Unit

SLEEP = ("sleep", "600")
STUBBORN = (sys.executable, "-c", "import signal,time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)")


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    it = State(tmp_path / "state")
    with it.lock():
        yield it


def unit(name: str, *argv: str, **more: object) -> Unit:
    once, after = bool(more.get("once")), more.get("after", ())
    assert isinstance(after, tuple)
    ready, timeout = more.get("is_ready"), more.get("timeout", 60.0)
    assert isinstance(timeout, float)
    assert ready is None or callable(ready)
    command = Command(argv=argv, stop_timeout=1)
    return Unit(
        name,
        command=lambda: command,
        once=once,
        after=after,
        is_ready=ready,
        ready_timeout=timeout,
    )


def never() -> bool:
    """The check of something that never is ready."""
    return False


class Running:
    """A supervisor in a task of this test."""

    def __init__(self, state: State, *units: Unit) -> None:
        self.lines: list[str] = []
        self.state = state
        self.supervisor = Supervisor(state, units, progress=self.lines.append)
        self.task = asyncio.create_task(self.supervisor.run())

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not true():
                assert not self.task.done(), self.lines
                await asyncio.sleep(0.02)

    async def ready(self) -> None:
        await self.until(lambda: "all parts are ready" in self.lines)

    def has_said(self, line: str) -> bool:
        return line in self.lines

    def has_another(self, name: str, pid: int) -> bool:
        return status.read(self.state)["units"][name]["pid"] not in (None, pid)

    async def ended(self) -> bool:
        async with asyncio.timeout(60):
            return await self.task

    async def stop(self) -> bool:
        self.supervisor.stop()
        return await self.ended()

    def pid(self, name: str) -> int:
        pid = status.read(self.state)["units"][name]["pid"]
        assert isinstance(pid, int)
        return pid


def children() -> set[psutil.Process]:
    """What this process has started: in a whole run that includes the database and the broker of other tests."""
    return set(psutil.Process().children())


async def test_a_command_that_does_not_exist_is_named_with_its_log(state: State) -> None:
    before = children()
    running = Running(state, unit("good", *SLEEP), unit("bad", "/nonexistent/program", is_ready=never))
    assert await running.ended() is False
    said = "\n".join(running.lines)
    assert "bad ended with code 1. Its log is" in said
    assert str(state.log("bad")) in said
    assert "cannot run /nonexistent/program" in said
    assert status.read(state)["phase"] == "failed"
    assert children() <= before


async def test_a_one_off_that_fails_stops_everything_and_what_needs_it_never_starts(state: State) -> None:
    running = Running(
        state,
        unit("migrate", "sh", "-c", "echo the table is missing; exit 4", once=True),
        unit("api", *SLEEP, after=("migrate",)),
        unit("other", *SLEEP),
    )
    assert await running.ended() is False
    said = "\n".join(running.lines)
    assert "migrate ended with code 4" in said
    assert "the table is missing" in said
    assert not state.log("api").exists()


async def test_a_part_that_never_becomes_ready_is_named(state: State) -> None:
    running = Running(state, unit("deaf", "sleep", "600", is_ready=never, timeout=0.3))
    assert await running.ended() is False
    assert "deaf was not ready in time" in "\n".join(running.lines)


async def test_units_start_after_those_they_need_and_stop_before_them(state: State, tmp_path: Path) -> None:
    diary = tmp_path / "diary"
    script = f'trap "echo $0 ends >> {diary}; exit 0" TERM; echo $0 begins >> {diary}; while :; do sleep 0.05; done'

    def noted(name: str, *after: str) -> Unit:
        return unit(name, "sh", "-c", script, name, after=after, is_ready=lambda: f"{name} begins" in _read(diary))

    running = Running(state, noted("web", "store"), noted("store", "disk"), noted("disk"))
    await running.ready()
    assert await running.stop() is True
    assert _read(diary).splitlines() == [
        *("disk begins", "store begins", "web begins"),
        *("web ends", "store ends", "disk ends"),
    ]


def _read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


async def test_a_killed_process_is_started_again_with_growing_pauses(state: State) -> None:
    running = Running(state, unit("api", *SLEEP))
    await running.ready()
    for pause in ("0.5", "1"):
        before, said = running.pid("api"), f"api: starting again in {pause} s"
        os.kill(before, signal.SIGKILL)
        await running.until(partial(running.has_said, said))
        await running.until(partial(running.has_another, "api", before))
    await running.until(lambda: status.read(state)["units"]["api"]["condition"] == "ready")
    known = status.read(state)["units"]["api"]
    assert (known["restarts"], known["last_exit"]) == (2, -signal.SIGKILL)
    await running.stop()


async def test_a_process_that_ignores_sigterm_is_killed_with_its_children(state: State) -> None:
    running = Running(state, unit("stubborn", *STUBBORN), unit("parent", "sh", "-c", "sleep 601 & sleep 602"))
    await running.ready()
    await running.until(lambda: len(psutil.Process(running.pid("parent")).children()) == 2)
    tops = [psutil.Process(running.pid(name)) for name in ("stubborn", "parent")]
    ours = [*tops, *(child for top in tops for child in top.children(recursive=True))]
    assert await running.stop() is True
    assert not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in ours)
    assert not [
        p for p in psutil.process_iter(["cmdline"]) if p.info["cmdline"] in (["sleep", "601"], ["sleep", "602"])
    ]


async def test_the_control_port_refuses_strangers_and_nonsense(state: State) -> None:
    running = Running(state, unit("api", *SLEEP), unit("job", "true", once=True))
    await running.ready()

    async def ask(verb: str, name: str) -> str:
        return await asyncio.to_thread(control.ask, state, verb, name)

    for verb, name, why in [
        ("burn", "api", "'burn' is none of stop, start, restart"),
        ("stop", "nothing", "there are: api"),
        ("stop", "job", "there are: api"),
    ]:
        with pytest.raises(PartError, match=why):
            await ask(verb, name)
    where = state.run / "control.json"
    right = where.read_text()
    assert where.stat().st_mode & 0o777 == 0o600
    where.write_text(right.replace('"token": "', '"token": "x'))
    with pytest.raises(PartError, match="token is wrong"):
        await ask("stop", "api")
    where.write_text(right)

    assert await ask("stop", "api") == "api: stopped"
    assert status.read(state)["units"]["api"]["pid"] is None
    assert await ask("start", "api") == "api: ready"
    before = running.pid("api")
    assert await ask("restart", "api") == "api: ready"
    assert running.pid("api") != before
    assert status.read(state)["units"]["api"]["restarts"] == 0
    await running.stop()
    with pytest.raises(PartError, match="No stack answers"):
        await ask("stop", "api")


LAUNCHER = """
import asyncio, sys
from pathlib import Path
from slrt_local.process import Command
from slrt_local.state import State
from slrt_local.supervisor import Supervisor
from slrt_local.units import Unit

command = Command(argv=("sh", "-c", "trap '' TERM; sleep 603"))
state = State(Path(sys.argv[1]))
with state.lock():
    units = [Unit(name, command=lambda: command) for name in ("a", "b")]
    asyncio.run(Supervisor(state, units, progress=lambda line: print(line, flush=True)).run())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
def test_kill_9_of_the_launcher_ends_its_processes(tmp_path: Path) -> None:
    state = State(tmp_path / "other")
    launcher = subprocess.Popen([sys.executable, "-c", LAUNCHER, state.root], stdout=subprocess.PIPE, text=True)
    assert launcher.stdout is not None
    while "all parts are ready" not in launcher.stdout.readline():
        assert launcher.poll() is None
    pids = [unit["pid"] for unit in status.read(state)["units"].values()]
    assert len(pids) == 2
    launcher.kill()
    launcher.wait()
    deadline = time.monotonic() + 10
    while any(psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert not state.is_locked()
