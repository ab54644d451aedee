"""Fetch the pinned jars of Apache Kafka once into the user's cache, and verify every one of them.

``data/kafka-4.3.1.jars.txt`` pins all 46 artifacts with their sha256; ``data/THIRD-PARTY.md`` names the licences.
They are fetched with jgo from Maven Central, or from the mirror named by ``SLRT_MAVEN_REPOSITORY``, else by a
``<mirror>`` of central in ``~/.m2/settings.xml``. Jars already in the local Maven repository (``M2_REPO``, else
``~/.m2/repository``) are not fetched again.
"""

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import platformdirs

from slrt_local.process import PartError, Progress

VERSION = "4.3.1"
MIRROR_VARIABLE = "SLRT_MAVEN_REPOSITORY"
CACHE_VARIABLE = "SLRT_CACHE"
_LINE = re.compile(r"(?P<group>[\w.\-]+):(?P<artifact>[\w.\-]+):(?P<version>[\w.\-]+) sha256=(?P<sha256>[0-9a-f]{64})")
ATTEMPTS = 3
_PARALLEL = 6
_MIRRORED = {"*", "central", "external:*", "external:http:*"}


@dataclass(frozen=True)
class Jar:
    """One pinned artifact."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def coordinate(self) -> str:
        """group:artifact:version."""
        return f"{self.group}:{self.artifact}:{self.version}"

    @property
    def file_name(self) -> str:
        """The name it has in a Maven repository."""
        return f"{self.artifact}-{self.version}.jar"

    def in_repository(self, repository: Path) -> Path:
        """Where a local Maven repository keeps it."""
        return repository.joinpath(*self.group.split("."), self.artifact, self.version, self.file_name)

    def matches(self, path: Path) -> bool:
        """True when ``path`` exists and has the pinned digest."""
        try:
            with path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest() == self.sha256
        except (FileNotFoundError, NotADirectoryError):
            return False


def parse_pins(text: str) -> list[Jar]:
    """Read the pin list; raises `PartError` naming the first line that is not ``group:artifact:version sha256=…``."""
    jars = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line.strip())
        if not match:
            raise PartError(f"kafka: line {number} of the jar list is not group:artifact:version sha256=…: {line!r}")
        jars.append(Jar(**match.groupdict()))
    return jars


def pins() -> list[Jar]:
    """The committed pin list."""
    return parse_pins(files("slrt_local").joinpath(f"data/kafka-{VERSION}.jars.txt").read_text(encoding="utf-8"))


def cache_folder() -> Path:
    """``SLRT_CACHE``, else the platform's cache folder of the user: shared by all checkouts."""
    return Path(os.environ.get(CACHE_VARIABLE) or platformdirs.user_cache_dir("slrt"))


def fetch(jars: list[Jar], progress: Progress, *, cache: Path | None = None) -> list[Path]:
    """Return the verified jar files in the order of ``jars``, fetching what the cache lacks.

    Raises `PartError` when a jar cannot be fetched or its digest is not the pinned one.
    """
    folder = (cache or cache_folder()) / f"kafka-{VERSION}"
    paths = [folder / jar.file_name for jar in jars]
    if all(jar.matches(path) for jar, path in zip(jars, paths, strict=True)):
        return paths
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PartError(
            f"kafka: cannot make the cache {folder}: {error.strerror}. Name another: {CACHE_VARIABLE}"
        ) from error
    with _one_at_a_time(folder, progress):
        for jar in (jar for jar in jars if not jar.matches(folder / jar.file_name)):
            (folder / jar.file_name).unlink(missing_ok=True)
        _from_local_repository(jars, folder)
        if not all((folder / jar.file_name).exists() for jar in jars):
            progress(f"kafka: fetching the {len(jars)} jars of Apache Kafka {VERSION} (44 MB, once)")
            download(jars, folder, progress)
        for jar, path in zip(jars, paths, strict=True):
            if not jar.matches(path):
                path.unlink(missing_ok=True)
                raise PartError(
                    f"kafka: {jar.coordinate} does not have the pinned sha256 {jar.sha256}: refused. "
                    f"Look at the repository it came from ({MIRROR_VARIABLE} or ~/.m2/settings.xml)"
                )
    return paths


@contextlib.contextmanager
def _one_at_a_time(folder: Path, progress: Progress) -> Iterator[None]:
    with (folder / ".lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress("kafka: waiting for another launcher that is fetching the same jars")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _place(source: Path, target: Path) -> None:
    fresh = target.with_suffix(".new")
    shutil.copyfile(source, fresh)
    fresh.replace(target)


def _from_local_repository(jars: list[Jar], folder: Path) -> None:
    for jar in jars:
        local, target = jar.in_repository(local_repository()), folder / jar.file_name
        if not target.exists() and jar.matches(local):
            _place(local, target)


def download(jars: list[Jar], folder: Path, progress: Progress) -> None:
    from jgo.constants import MAVEN_CENTRAL_URL  # noqa: PLC0415 — half a second to import, needed once per cache
    from jgo.maven import MavenContext  # noqa: PLC0415

    repository = folder / "fetched"
    shutil.rmtree(repository, ignore_errors=True)
    source = mirror_of_central() or MAVEN_CENTRAL_URL
    context = MavenContext(repo_cache=repository, local_repos=[], remote_repos={"central": source}, timeout=30)
    missing = [jar for jar in jars if not (folder / jar.file_name).exists()]

    def fetch_one(jar: Jar) -> Jar:
        artifact = context.project(jar.group, jar.artifact).at_version(jar.version).artifact()
        for attempt in range(1, ATTEMPTS + 1):
            try:
                _place(artifact.resolve(), folder / jar.file_name)
                break
            except (OSError, RuntimeError) as error:  # what jgo raises for the network, a 404 and a wrong sha1
                if attempt == ATTEMPTS:
                    raise PartError(
                        f"kafka: cannot fetch {jar.coordinate} from {source}: {error}. Is there a network? A mirror "
                        f"can be named with {MIRROR_VARIABLE}, a running broker with SLRT_KAFKA_BOOTSTRAP"
                    ) from error
                jar.in_repository(repository).unlink(missing_ok=True)  # perhaps half of it
                time.sleep(attempt)
        return jar

    shown = time.monotonic()
    with ThreadPoolExecutor(max_workers=_PARALLEL) as pool:
        try:
            for count, _ in enumerate(pool.map(fetch_one, missing), start=1):
                if time.monotonic() - shown > 1:
                    shown = time.monotonic()
                    progress(f"kafka: {count} of {len(missing)} jars")
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    shutil.rmtree(repository, ignore_errors=True)


def local_repository() -> Path:
    """The local Maven repository that jgo uses."""
    return Path(os.environ.get("M2_REPO") or Path.home() / ".m2" / "repository").expanduser()


def mirror_of_central(settings: Path | None = None) -> str | None:
    """The repository to use instead of Maven Central, None for Central itself."""
    if given := os.environ.get(MIRROR_VARIABLE):
        return given.rstrip("/")
    path = settings or Path.home() / ".m2" / "settings.xml"
    try:
        root = ET.parse(path).getroot()  # noqa: S314 — the user's own file
    except FileNotFoundError:
        return None
    except ET.ParseError as error:
        raise PartError(f"kafka: {path} is not readable XML: {error}") from error
    for mirror in root.iterfind("{*}mirrors/{*}mirror"):
        of = {name.strip() for name in (mirror.findtext("{*}mirrorOf") or "").split(",")}
        url = (mirror.findtext("{*}url") or "").strip()
        if of & _MIRRORED and "!central" not in of and url:
            return url.rstrip("/")
    return None
