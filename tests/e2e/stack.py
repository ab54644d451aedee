"""A running stack, spoken to by its command line and through its gateway."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from tests.access.run import NO_LIMIT

from slrt_local import status
from slrt_local.demo.gateway import Gateway
from slrt_local.identity import directory
from slrt_local.state import State

SLRT = str(Path(sys.executable).with_name("slrt"))


@dataclass(frozen=True)
class Stack:
    """A running stack, spoken to by its command line and through its gateway."""

    state: Path
    otlp: str
    """Where its processes export their spans to."""

    def slrt(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run ``slrt`` on this stack."""
        done = subprocess.run(
            [SLRT, *arguments, "--state", str(self.state)],
            env={**os.environ, **NO_LIMIT, "SLRT_OTLP_ENDPOINT": self.otlp},
            capture_output=True,
            text=True,
            check=False,
            timeout=400,
        )
        if check and done.returncode:
            raise AssertionError(f"slrt {' '.join(arguments)}\n{done.stdout[-6000:]}\n{done.stderr[-3000:]}")
        return done

    def status(self) -> dict[str, Any]:
        """What ``slrt status --json`` says, asked in this process because the command takes a second to start."""
        return status.report(State(self.state))

    @property
    def url(self) -> str:
        """The gateway's address."""
        return str(self.status()["addresses"]["gateway"])

    def gateway(self) -> Gateway:
        """A client as a frontend has it."""
        return Gateway(self.url, directory().password)

    def token(self, role: str, *arguments: str) -> str:
        """A token of the local issuer."""
        return self.slrt("token", "--role", role, *arguments).stdout.strip()

    def said_status(self) -> dict[str, Any]:
        """What the command itself prints."""
        found: dict[str, Any] = json.loads(self.slrt("status", "--json", check=False).stdout)
        return found

    def post(self, path: str, body: Any, *, token: str | None, key: str) -> httpx.Response:
        """A POST through the gateway, whatever it answers."""
        headers = {"Idempotency-Key": key} | ({"Authorization": f"Bearer {token}"} if token else {})
        return httpx.post(self.url + path, json=body, headers=headers, timeout=20)
