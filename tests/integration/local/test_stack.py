"""The supervisor with real parts: one door, one holder, nothing left behind however it ends."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from slrt_local import status
from slrt_local.parts.postgres_home import servers_in
from slrt_local.state import State

pytestmark = [pytest.mark.stack, pytest.mark.kafka, pytest.mark.postgres]
SLRT = Path(sys.executable).with_name("slrt")
NAMES = ["postgres", "kafka", "outside", "gateway"]


class Stack:
    """The command ``slrt`` on one state folder, without the suite's services."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        given = ("SLRT_POSTGRES_URL", "SLRT_KAFKA_BOOTSTRAP")  # these tests are about parts of our own
        self.env = {name: value for name, value in os.environ.items() if name not in given}
        self.env |= {"SLRT_STATE": str(folder), "SLRT_GATEWAY_PORT": "0"}

    def run(self, *arguments: str, timeout: float = 150) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [SLRT, *arguments], env=self.env, capture_output=True, text=True, check=False, timeout=timeout
        )

    def up(self) -> subprocess.CompletedProcess[str]:
        done = self.run("up", "--without-services")
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    def status(self) -> dict[str, Any]:
        return status.report(State(self.folder))

    def part(self, name: str) -> dict[str, Any]:
        return next(part for part in self.status()["parts"] if part["name"] == name)

    def processes(self) -> list[psutil.Process]:
        """Every process that has to do with this folder."""
        data = self.folder / "postgres" / "data"
        home = self.folder / "postgres.json"
        if home.exists():
            data = Path(json.loads(home.read_text())["home"]) / "data"
        found = servers_in(data)
        for process in psutil.process_iter():
            try:
                if str(self.folder) in " ".join(process.cmdline()) and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except psutil.Error:
                continue
        return found


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    it = Stack(tmp_path_factory.mktemp("stack"))
    yield it
    it.run("down", "--purge")
    assert it.processes() == []
    assert not it.folder.exists()


def eventually(true: Callable[[], bool], *, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.1)


def test_it_comes_up_shows_everything_and_answers_through_one_door(stack: Stack) -> None:
    assert stack.run("status").returncode == 1
    assert stack.run("token", "--role", "facilitator").returncode == 1  # no stack was ever up here
    said = stack.up().stdout
    assert "kafka: ready" in said
    printed = stack.run("status", "--json")
    assert printed.returncode == 0
    found = json.loads(printed.stdout)
    assert found["phase"] == "ready"
    assert [(part["name"], part["health"]) for part in found["parts"]] == [(name, "ok") for name in NAMES]
    assert all(part["pid"] and Path(part["log"]).exists() and part["memory_bytes"] > 0 for part in found["parts"])
    gateway = found["addresses"]["gateway"]
    assert httpx.get(f"{gateway}/docs").status_code == 200
    assert httpx.get(f"{gateway}/nowhere").json()["type"] == "urn:slrt:problem:not-found"
    assert httpx.get(f"{gateway}/intake/readyz").status_code == 404  # not of the public address
    assert httpx.get(f"{gateway}/api/offices").status_code == 404
    down = httpx.get(f"{gateway}/intake/v1/cases")  # there is no service in this stack
    assert (down.status_code, down.headers["content-type"]) == (502, "application/problem+json")
    large = httpx.post(f"{gateway}/intake/v1/cases", content=b"x" * 1_100_000)
    assert (large.status_code, large.json()["type"]) == (413, "urn:slrt:problem:body-too-large")
    for header in ("content-security-policy", "x-content-type-options", "x-frame-options", "referrer-policy"):
        assert header in down.headers
    form = {"grant_type": "password", "username": "depan.1274", "password": "development-only"}
    token = httpx.post(f"{gateway}/identity/token", data=form).json()["access_token"]
    assert token.count(".") == 2
    signed = stack.run("token", "--role", "facilitator", "--region", "12.74.03").stdout
    assert signed.count(".") == 2
    assert "\n" not in signed.strip()


def test_a_second_up_joins_the_first_and_a_second_supervisor_is_refused(stack: Stack) -> None:
    before = stack.status()["supervisor"]["pid"]
    assert stack.run("up").returncode == 0
    assert stack.status()["supervisor"]["pid"] == before
    second = stack.run("up", "--foreground", "--without-services")
    assert second.returncode == 3
    assert str(stack.folder) in second.stderr


def test_a_busy_gateway_port_is_said_by_name_and_nothing_is_left(tmp_path: Path) -> None:
    other = Stack(tmp_path / "other")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        done = other.run("up", "--port", str(port))
    assert done.returncode == 1
    assert f"port {port} on 127.0.0.1 is already used by process {os.getpid()}" in done.stdout
    assert "--port" in done.stdout
    assert other.processes() == []


def test_a_crashed_part_is_started_again_and_that_is_visible(stack: Stack) -> None:
    pid = stack.part("outside")["pid"]
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: stack.part("outside")["health"] == "ok" and stack.part("outside")["pid"] != pid)
    assert stack.part("outside")["restarts"] == 1
    assert stack.part("outside")["last_exit"] == -signal.SIGKILL


def test_one_part_can_be_stopped_and_started(stack: Stack) -> None:
    refused = stack.run("stop", "nothing")
    assert refused.returncode == 1
    assert "there are: postgres, kafka, outside, gateway" in refused.stderr
    assert stack.run("stop", "outside").stdout == "outside: stopped\n"
    assert (stack.part("outside")["condition"], stack.part("outside")["pid"]) == ("stopped", None)
    assert stack.run("status").returncode == 1
    assert stack.run("start", "outside").stdout == "outside: ready\n"
    assert stack.part("outside")["health"] == "ok"


def test_logs_are_shown_by_name(stack: Stack) -> None:
    assert "Kafka Server started" in stack.run("logs", "kafka", "-n", "100000").stdout
    unknown = stack.run("logs", "nothing")
    assert unknown.returncode == 1
    assert "kafka" in unknown.stderr


def test_after_kill_9_of_every_process_it_comes_up_again_and_down_leaves_nothing(stack: Stack) -> None:
    ports = (stack.folder / "ports.json").read_text()
    os.kill(stack.status()["supervisor"]["pid"], signal.SIGKILL)
    for process in stack.processes():
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    # A dying process loses its command line before its files: for an instant nobody is seen and the lock is held.
    eventually(lambda: stack.processes() == [] and stack.status()["phase"] == "down")
    stack.up()
    assert (stack.folder / "ports.json").read_text() == ports
    assert {part["health"] for part in stack.status()["parts"]} == {"ok"}
    assert stack.run("down").returncode == 0
    assert stack.processes() == []
    assert stack.run("down").returncode == 0


def test_ctrl_c_while_it_comes_up_leaves_nothing(stack: Stack) -> None:
    coming = subprocess.Popen(
        [SLRT, "up", "--without-services"],
        env=stack.env,
        stdout=subprocess.PIPE,
        text=True,
        # A shell lets what it runs in the background ignore Ctrl-C, and that is inherited.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 — no other thread runs here
    )
    assert coming.stdout is not None
    assert coming.stdout.readline()
    eventually(lambda: len(stack.processes()) > 2)
    coming.send_signal(signal.SIGINT)
    assert coming.wait(60) == 130
    eventually(lambda: stack.processes() == [])


def test_a_process_left_by_a_launcher_that_could_not_end_it_is_ended_by_the_next_one(stack: Stack) -> None:
    left = subprocess.Popen(["sleep", "600"], start_new_session=True)
    stranger = subprocess.Popen(["sleep", "600"], start_new_session=True)
    records = stack.folder / "run" / "pids"
    created = psutil.Process(left.pid).create_time()
    (records / "left.json").write_text(json.dumps({"pid": left.pid, "created": created}))
    (records / "stranger.json").write_text(json.dumps({"pid": stranger.pid, "created": created - 3600}))
    done = stack.run("down")
    assert f"ending process {left.pid}" in done.stdout
    assert left.wait(10) == -signal.SIGTERM
    assert stranger.poll() is None  # the id was reused by somebody else
    stranger.kill()
    stranger.wait()
