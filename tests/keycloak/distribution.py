"""Fetch the pinned distribution of Keycloak once into the user's cache, and run it on the realm of the repository."""

import os
import shutil
import subprocess
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from jgo.constants import MAVEN_CENTRAL_URL
from jgo.maven import MavenContext

from slrt_local import net
from slrt_local.parts.java import find_java
from slrt_local.parts.kafka_jars import Jar, cache_folder, local_repository, mirror_of_central
from slrt_local.process import tail

REALM = Path(__file__).resolve().parents[2] / "deploy" / "identity" / "realm-slrt.json"
PASSWORD = "development-only"
SERVICES = ("intake", "referral", "registry", "notification")
_PATIENCE_S = 300


class Distribution(Jar):
    """The same as a jar, packed otherwise."""

    @property
    def file_name(self) -> str:
        """The name it has in a Maven repository."""
        return f"{self.artifact}-{self.version}.tar.gz"


# The release of the image that docker-compose.yml builds on.
PINNED = Distribution(
    "org.keycloak",
    "keycloak-quarkus-dist",
    "26.7.3",
    "77657f30b7e90d70f727712ce1c967f430fd6a5e9f458d32d8c6df0635345f47",
)


def fetched() -> Path:
    """The archive (164 MB), from the cache, the local Maven repository, or Maven Central or its mirror.

    Raises:
        RuntimeError: it does not have the pinned sha256.
    """
    folder = cache_folder() / f"keycloak-{PINNED.version}"
    kept = folder / PINNED.file_name
    if PINNED.matches(kept):
        return kept
    folder.mkdir(parents=True, exist_ok=True)
    local = PINNED.in_repository(local_repository())
    if not PINNED.matches(local):
        repository = folder / "fetched"
        source = mirror_of_central() or MAVEN_CENTRAL_URL
        context = MavenContext(repo_cache=repository, local_repos=[], remote_repos={"central": source}, timeout=600)
        local = (
            context.project(PINNED.group, PINNED.artifact).at_version(PINNED.version).artifact("", "tar.gz").resolve()
        )
    if not PINNED.matches(local):
        raise RuntimeError(f"{PINNED.coordinate} does not have the pinned sha256: refused")
    shutil.copyfile(local, kept)
    shutil.rmtree(folder / "fetched", ignore_errors=True)
    return kept


@dataclass(frozen=True)
class Running:
    """A Keycloak with the realm; all its clients have their id for a secret."""

    base_url: str

    @property
    def issuer(self) -> str:
        """Of the realm."""
        return f"{self.base_url}/realms/slrt"

    @property
    def admin_url(self) -> str:
        """Of the realm."""
        return f"{self.base_url}/admin/realms/slrt"


@contextmanager
def running(folder: Path) -> Iterator[Running]:
    """Unpack it into ``folder``, import the realm, and run it until the block ends."""
    with tarfile.open(fetched()) as archive:
        archive.extractall(folder, filter="data")
    home = folder / f"keycloak-{PINNED.version}"
    (home / "data" / "import").mkdir(parents=True)
    shutil.copyfile(REALM, home / "data" / "import" / REALM.name)
    port = net.free_port(set())
    secrets = {f"SLRT_{name.upper()}_CLIENT_SECRET": f"slrt-{name}" for name in (*SERVICES, "test", "revocations")}
    environment = {
        **os.environ,
        **secrets,
        "JAVA": str(find_java().executable),
        "JAVA_OPTS_APPEND": "-Xmx512m",
        "KC_BOOTSTRAP_ADMIN_USERNAME": "admin",
        "KC_BOOTSTRAP_ADMIN_PASSWORD": PASSWORD,
        "SLRT_DEMO_PASSWORD": PASSWORD,
        "SLRT_WEB_ORIGIN": "http://localhost:3000",
    }
    options = [f"--http-port={port}", "--http-host=127.0.0.1", "--http-relative-path=/identity", "--import-realm"]
    log = folder / "keycloak.log"
    with log.open("wb") as out:
        command = ["/bin/bash", str(home / "bin" / "kc.sh"), "start-dev", *options]
        process = subprocess.Popen(command, env=environment, stdout=out, stderr=out)
    keycloak = Running(f"http://127.0.0.1:{port}/identity")
    try:
        _wait(process, f"{keycloak.issuer}/.well-known/openid-configuration", log)
        yield keycloak
    finally:
        process.terminate()
        process.wait(60)


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    until = time.monotonic() + _PATIENCE_S
    while process.poll() is None and time.monotonic() < until:
        try:
            if httpx.get(url, timeout=5).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.5)
    raise RuntimeError(f"Keycloak did not come up:\n{tail(log)}")
