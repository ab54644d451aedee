"""Find a container engine, and run one compose project on it that leaves nothing behind."""

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from slrt_local.parts.certificate import make_trusted

ROOT = Path(__file__).resolve().parents[2]
_ANSWER_S, _ASK_S, _DOWN_S = 30.0, 60.0, 300.0


class FailedError(Exception):
    """Something did not happen; the message is for people."""


@dataclass(frozen=True)
class Engine:
    """A container engine that answers: its command, and that of its compose."""

    command: str
    compose: tuple[str, ...]


def find_engine() -> Engine:
    """Docker with compose, else podman with podman-compose.

    Raises:
        FailedError: saying what was looked for.
    """
    if _answers("docker", "info") and _answers("docker", "compose", "version"):
        return Engine("docker", ("docker", "compose"))
    if _answers("podman", "info") and shutil.which("podman-compose"):
        return Engine("podman", ("podman-compose",))
    raise FailedError(
        "no container engine answers: wanted `docker info` with `docker compose`, or `podman info` with podman-compose"
    )


def _answers(*command: str) -> bool:
    try:
        done = subprocess.run(command, capture_output=True, timeout=_ANSWER_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def run(command: Sequence[str], *, env: Mapping[str, str], within: float) -> str:
    """Run a command in the checkout and give its standard output; whatever it started ends with its time.

    Raises:
        FailedError: it ended badly, or was not done within so many seconds.
    """
    shown = " ".join(command)
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=dict(env),
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        try:
            out, err = process.communicate(timeout=within)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise FailedError(f"`{shown}` was not done within {within:.0f} s") from None
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    if process.returncode:
        raise FailedError(f"`{shown}` ended with {process.returncode}:\n{(out + err)[-3000:]}")
    return out


@dataclass
class Stack:
    """One compose project with the profile demo, on free ports, with secrets of its own and images tagged test."""

    engine: Engine
    secrets: Path
    ports: Mapping[str, int]
    project: str = field(default_factory=lambda: f"slrt-test-{os.getpid()}")

    @property
    def url(self) -> str:
        """The gateway."""
        return f"http://127.0.0.1:{self.ports['gateway']}"

    @property
    def sinks_url(self) -> str:
        """What residents and offices received."""
        return f"http://127.0.0.1:{self.ports['sinks']}"

    @property
    def env(self) -> dict[str, str]:
        """What docker-compose.yml takes from outside."""
        bind = {f"SLRT_{name.upper()}_BIND": f"127.0.0.1:{port}" for name, port in self.ports.items()}
        own = {"SLRT_SECRETS_DIR": str(self.secrets), "SLRT_PUBLIC_URL": self.url, "SLRT_VERSION": "test"}
        return {**os.environ, **bind, **own}

    def secret(self, name: str) -> str:
        """The content of a secret file."""
        return (self.secrets / name).read_text(encoding="utf-8").strip()

    def compose(self, *arguments: str, within: float) -> str:
        """`run` compose on the project."""
        command = [*self.engine.compose, "-p", self.project, "--profile", "demo", *arguments]
        return run(command, env=self.env, within=within)

    def turn_to_https(self) -> Path:
        """Start the gateway anew as deploy/compose.tls.yml has it; gives the authority of its certificate."""
        trust = make_trusted(self.secrets.parent / "trust")
        for name, made in (("gateway_certificate.pem", trust.certificate), ("gateway_key.pem", trust.key)):
            shutil.copy(made, self.secrets / name)
            (self.secrets / name).chmod(0o444)
        files = ("--file", "docker-compose.yml", "--file", "deploy/compose.tls.yml")
        self.compose(*files, "up", "--detach", "--no-deps", "--force-recreate", "gateway", within=_DOWN_S)
        return trust.authority

    def inside(self, service: str, *command: str) -> str:
        """`run` a command in the container of a service."""
        return self.compose("exec", "-T", service, *command, within=_ASK_S)

    def ask(self, *arguments: str) -> str:
        """`run` the engine itself."""
        return run([self.engine.command, *arguments], env=self.env, within=_ASK_S)

    def containers(self) -> list[dict[str, Any]]:
        """What the engine knows of the project's containers."""
        ids = self.ask("ps", "--all", "--quiet", "--filter", f"label=com.docker.compose.project={self.project}").split()
        described: list[dict[str, Any]] = json.loads(self.ask("inspect", *ids)) if ids else []
        return sorted(described, key=lambda container: str(container["Name"]))

    def last_words(self) -> str:
        """What the containers that are not as they should be said last."""
        found = []
        for container in self.containers():
            state = container["State"]
            health = (state.get("Health") or state.get("Healthcheck") or {}).get("Status") or "no health check"
            ended_well = state["Status"] == "exited" and state["ExitCode"] == 0
            if ended_well or (state["Status"] == "running" and health == "healthy"):
                continue
            log = subprocess.run(
                [self.engine.command, "logs", "--tail", "15", container["Id"]],
                capture_output=True,
                text=True,
                timeout=_ASK_S,
                check=False,
            )
            found.append(f"--- {name_of(container)}: {state['Status']}, {health}\n{log.stdout}{log.stderr}")
        return "\n".join(found)

    def image_sizes(self) -> dict[str, float]:
        """Megabytes of each image in use, shared layers counted in each."""
        names = sorted({str(container["Config"]["Image"]) for container in self.containers()})
        return {name: int(self.ask("image", "inspect", "--format", "{{.Size}}", name)) / 1e6 for name in names}

    def memory(self) -> dict[str, str]:
        """Memory of each running container, with its limit, as the engine shows it."""
        running = [container["Id"] for container in self.containers() if container["State"]["Status"] == "running"]
        lines = self.ask("stats", "--no-stream", "--format", "{{.Name}}\t{{.MemUsage}}", *running).splitlines()
        pairs = (line.split("\t") for line in lines if "\t" in line)
        return {self.short(name): usage for name, usage in sorted(pairs)}

    def short(self, name: str) -> str:
        """A container's name without the project's."""
        return name.removeprefix(self.project).strip("-_")


def name_of(container: Mapping[str, Any]) -> str:
    """The container's name; docker writes a slash before it."""
    return str(container["Name"]).lstrip("/")


@contextmanager
def started(engine: Engine, *, keep: bool) -> Iterator[Stack]:
    """A project that may be brought up, and that is gone afterwards whatever happened, unless it is to be kept."""
    folder = Path(tempfile.mkdtemp(prefix="slrt-containers-"))
    stack = Stack(engine, folder / "secrets", _free_ports("gateway", "kafka", "sinks"))
    try:
        run([str(ROOT / "deploy" / "secrets.sh")], env=stack.env, within=_ANSWER_S)
        yield stack
    finally:
        if not keep:
            try:
                stack.compose("down", "--volumes", "--timeout", "30", within=_DOWN_S)
            finally:
                shutil.rmtree(folder)


def _free_ports(*names: str) -> dict[str, int]:
    """A free loopback port for each name."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in names]
    ports = {name: server.getsockname()[1] for name, server in zip(names, held, strict=True)}
    for server in held:
        server.close()
    return ports
