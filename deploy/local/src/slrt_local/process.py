"""Start, record and stop the operating-system processes that a launcher owns."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from slrt_local.state import State, write_private

Progress = Callable[[str], None]
_OWNED = Path(__file__).with_name("owned.py")
_KILL_WAIT = 10.0
_SAME_START = 0.05  # seconds; psutil's creation times of one process agree to the clock tick


class PartError(RuntimeError):
    """A part cannot be found, prepared or started; the message says which and what to do."""


@dataclass(frozen=True)
class User:
    """The unprivileged user a part runs as when we are root."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True)
class Command:
    """One process to run: its arguments, environment and manners at the end of its life."""

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)  # added to our own
    cwd: Path | None = None
    user: User | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout: float = 15.0
    death_signal: signal.Signals = signal.SIGKILL  # when the launcher dies: nothing may be left
    niceness: int = 0  # how far it stands back for others when the processor is busy; 0 to 19

    def launch_argv(self) -> list[str]:
        """The arguments that start it through ``owned.py``."""
        user = f"{self.user.uid}:{self.user.gid}" if self.user else "-"
        head = [sys.executable, "-I", "-S", str(_OWNED), str(os.getpid()), str(int(self.death_signal)), user]
        head.append(str(self.niceness))
        return [*head, *self.argv]

    def launch_env(self) -> dict[str, str]:
        """Our environment with the command's own variables on top."""
        return {**os.environ, **self.env}


def spawn(command: Command, log: Path) -> subprocess.Popen[bytes]:
    """Start ``command`` in its own process group, its output appended to ``log``; it dies with this *thread*."""
    with log.open("ab") as output:
        return subprocess.Popen(
            command.launch_argv(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=command.launch_env(),
            cwd=command.cwd or Path("/"),
            process_group=0,
        )


def run_tool(command: Command, *, seconds: float) -> subprocess.CompletedProcess[str]:
    """Run a command that ends by itself and return what it said; it too dies with us."""
    return subprocess.run(
        command.launch_argv(),
        check=False,
        capture_output=True,
        text=True,
        env=command.launch_env(),
        cwd=command.cwd or Path("/"),
        timeout=seconds,
    )


# -- records: who was started, so that a later launcher can end what an earlier one left ---------------------


def record(state: State, name: str, pid: int) -> None:
    """Remember process ``pid`` by its id and creation time (ids are reused, the pair is not)."""
    with contextlib.suppress(psutil.NoSuchProcess):
        created = psutil.Process(pid).create_time()
        write_private(state.run / "pids" / f"{name}.json", json.dumps({"pid": pid, "created": created}))


def forget(state: State, name: str) -> None:
    """Drop the record of ``name``."""
    (state.run / "pids" / f"{name}.json").unlink(missing_ok=True)


def recorded(state: State) -> dict[str, psutil.Process]:
    """The recorded processes that still live."""
    living = {}
    for file in sorted((state.run / "pids").glob("*.json")):
        with contextlib.suppress(psutil.NoSuchProcess, ValueError, KeyError):
            entry = json.loads(file.read_text())
            process = psutil.Process(int(entry["pid"]))
            same = abs(process.create_time() - float(entry["created"])) < _SAME_START
            if same and not has_ended(process):
                living[file.stem] = process
    return living


def end_recorded(state: State, *, progress: Progress, graceful: bool = True) -> None:
    """End what an earlier launcher left, with its children; drop all records."""
    living = recorded(state)
    for name in living:
        progress(f"{name}: ending process {living[name].pid}, left by an earlier run")
    end([tree for process in living.values() for tree in family(process)], graceful=graceful)
    for file in (state.run / "pids").glob("*.json"):
        file.unlink(missing_ok=True)


def family(process: psutil.Process) -> list[psutil.Process]:
    """The process, its descendants, and what else is in its process group."""
    try:
        members = {process.pid: process, **{child.pid: child for child in process.children(recursive=True)}}
    except psutil.NoSuchProcess:
        return []
    if os.getpgrp() != process.pid:
        for other in psutil.process_iter():
            with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
                if os.getpgid(other.pid) == process.pid:
                    members[other.pid] = other
    return list(members.values())


def end(processes: Iterable[psutil.Process], *, graceful: bool = True, patience: float = 5.0) -> None:
    """SIGTERM, wait, SIGKILL, wait; raises `PartError` when somebody survives that."""
    left = list(processes)
    for kill, wait in ((signal.SIGTERM, patience), (signal.SIGKILL, _KILL_WAIT)):
        if kill is signal.SIGTERM and not graceful:
            continue
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(kill)
        left = _still_there(left, seconds=wait)
    if left:
        raise PartError(f"Processes {[process.pid for process in left]} cannot be ended")


def _still_there(processes: list[psutil.Process], *, seconds: float) -> list[psutil.Process]:
    wait_until(lambda: all(map(has_ended, processes)), seconds=seconds)
    return [process for process in processes if not has_ended(process)]


def has_ended(process: psutil.Process) -> bool:
    """True when it is gone, or only waits for its parent to look (nobody may ever: process 1 of many containers)."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def stop(process: subprocess.Popen[bytes], command: Command) -> None:
    """Stop one process we started: its own signal, its own patience, then SIGKILL to its group."""
    if process.poll() is None:
        process.send_signal(command.stop_signal)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(command.stop_timeout)
    kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL to the whole group of ``process``, and reap it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(_KILL_WAIT)


def tail(log: Path, lines: int = 12) -> str:
    """The last lines of a log file, for an error message."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(f"    {line}" for line in text.splitlines()[-lines:])


def wait_until(ready: Callable[[], bool], *, seconds: float, pause: float = 0.05) -> bool:
    """Poll ``ready`` until it holds; False when the time is over."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if ready():
            return True
        time.sleep(pause)
    return ready()
