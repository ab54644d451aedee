"""Keep what one local stack must remember between runs: ports, secrets, data and log places."""

import contextlib
import fcntl
import json
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from slrt_local import net

STATE_VARIABLE = "SLRT_STATE"


_LOCK_PATIENCE = 1.0  # seconds; `is_locked` holds the lock for an instant


class StateBusyError(RuntimeError):
    """Another launcher holds this state folder."""


def project_root() -> Path:
    """The checkout this package is installed from (it needs ``deploy/gateway`` beside it)."""
    root = Path(__file__).resolve().parents[4]
    if not (root / "deploy" / "gateway").is_dir():
        raise RuntimeError(f"{root} is not a checkout of the suite: deploy/gateway is missing")
    return root


def write_private(path: Path, text: str) -> None:
    """Write ``text`` so that only the owner can read it and a crash leaves the old or the new file, never half."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


class State:
    """One state folder. Reading is free for all; only the holder of `lock` chooses ports and makes secrets."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._ports: dict[str, int] = {}
        self._held: IO[str] | None = None

    @classmethod
    def find(cls, given: Path | None = None) -> "State":
        """The folder given, else ``SLRT_STATE``, else ``.slrt`` in the checkout."""
        chosen = given or os.environ.get(STATE_VARIABLE)
        return cls(Path(chosen) if chosen else project_root() / ".slrt")

    # -- places ---------------------------------------------------------------------------------------------

    @property
    def run(self) -> Path:
        """Volatile files: process records, status, progress."""
        return self.root / "run"

    @property
    def logs(self) -> Path:
        """One log file per process."""
        return self.root / "logs"

    @property
    def objects(self) -> Path:
        """The sealed files of cases; the service makes the folder."""
        return self.root / "objects"

    def log(self, name: str) -> Path:
        """The log file of process ``name``."""
        return self.logs / f"{name}.log"

    def create(self) -> "State":
        """Make the folder. As root others may walk through it (the database runs as another user), not list it."""
        self.root.mkdir(parents=True, exist_ok=True)
        for folder in (self.run, self.logs):
            folder.mkdir(mode=0o700, exist_ok=True)
        self.root.chmod(0o711 if os.geteuid() == 0 else 0o700)
        ignore = self.root / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")
        return self

    # -- one holder -----------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the state alone; raises `StateBusyError` when another process does."""
        self.claim()
        try:
            yield
        finally:
            self.release()

    def claim(self) -> None:
        """Hold the state alone until `release`; the kernel gives it back when we die, however we die."""
        self.create()
        file = (self.run / "lock").open("a")
        deadline = time.monotonic() + _LOCK_PATIENCE
        while not _try_lock(file.fileno()):
            if time.monotonic() > deadline:
                file.close()
                raise StateBusyError(f"Another stack is running on {self.root}")
            time.sleep(0.05)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        self._held = file

    def release(self) -> None:
        """Give the state free."""
        if self._held is not None:
            self._held.close()
            self._held = None

    def is_locked(self) -> bool:
        """True while a supervisor lives on this state."""
        try:
            with (self.run / "lock").open("r+") as file:
                # Shared: two who ask at once must not take each other for the supervisor.
                return not _try_lock(file.fileno(), fcntl.LOCK_SH)
        except FileNotFoundError:
            return False

    def holder(self) -> int | None:
        """The process id of the supervisor that lives on this state, if one does."""
        if not self.is_locked():
            return None
        written = (self.run / "lock").read_text()
        return int(written) if written.isdigit() else None

    # -- what is remembered ---------------------------------------------------------------------------------

    def port(self, name: str) -> int:
        """The port of ``name``: the remembered one, or for the holder a new one where that is missing or busy.

        Raises `LookupError` for a reader who asks for a port that was never chosen.
        """
        if name not in self._ports:
            remembered: dict[str, int] = self.read("ports", {})
            port = remembered.get(name)
            if self._held and (port is None or not net.is_free(port)):
                port = net.free_port(set(remembered.values()) | set(self._ports.values()))
                self.write("ports", {**remembered, name: port})
            if port is None:
                raise LookupError(f"No stack was ever up on {self.root}: slrt up")
            self._ports[name] = port
        return self._ports[name]

    def forget_ports(self) -> None:
        """Choose all ports anew."""
        self.write("ports", {})
        self._ports.clear()

    def secret(self, name: str) -> str:
        """The generated secret ``name`` (64 hexadecimal digits); the holder makes it on first use.

        Raises `LookupError` for a reader who asks for a secret that was never made.
        """
        known: dict[str, str] = self.read("secrets", {})
        if name not in known:
            if not self._held:
                raise LookupError(f"No stack was ever up on {self.root}: slrt up")
            known[name] = secrets.token_hex(32)
            self.write("secrets", known)
        return known[name]

    def read(self, name: str, default: Any) -> Any:
        """Read ``name``.json, or ``default`` where there is none."""
        try:
            return json.loads((self.root / f"{name}.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return default

    def write(self, name: str, value: Any) -> None:
        """Write ``name``.json, readable by the owner alone."""
        write_private(self.root / f"{name}.json", json.dumps(value, indent=1, sort_keys=True) + "\n")


def _try_lock(descriptor: int, kind: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
