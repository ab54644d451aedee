"""A real Apache Kafka: a given broker, or one KRaft node of our own on loopback."""

import os
import shutil
import socket
import string
import struct
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from pathlib import Path

from slrt_kit.messaging.connection import BrokerAccess
from slrt_local import net
from slrt_local.parts import kafka_jars
from slrt_local.parts.certificate import write_certificate
from slrt_local.parts.java import Java, find_java
from slrt_local.process import Command, PartError, Progress, run_tool
from slrt_local.state import State, project_root, write_private

BOOTSTRAP_VARIABLE = "SLRT_KAFKA_BOOTSTRAP"
_HEAP = ("-Xms64m", "-Xmx256m")
# In so small a heap a collection is over in milliseconds anyhow; the default collector works beside us all the time.
_COLLECTOR = "-XX:+UseSerialGC"
# A node of our own lives for minutes on a small machine: the second compiler would take a third of the broker's CPU
# in that time, for code that is quick enough after the first.
_COMPILER = "-XX:TieredStopAtLevel=1"
_LOG4J = """\
Configuration:
  status: warn
  Appenders:
    Console:
      name: out
      PatternLayout:
        pattern: "%d{ISO8601} %-5p %c{1} %m%n"
  Loggers:
    Root:
      level: info
      AppenderRef:
        ref: out
"""


class Kafka:
    """One broker. A node of our own is formatted once and keeps its log in the state."""

    name = "kafka"

    def __init__(
        self, state: State, *, given: str | None = None, secured: bool = False, proxy_port: int | None = None
    ) -> None:
        """``given`` is ``host:port[,…]``; None means ``SLRT_KAFKA_BOOTSTRAP``, else a node of our own.

        A ``secured`` node is always our own: it asks who its clients are, and knows `admin` alone at first. So is one
        with a ``proxy_port``: it sends the clients of its listener `behind_proxy` to that port of loopback.
        """
        self._state = state
        self._secured = secured
        self.proxy_port = proxy_port
        self._given = None if secured or proxy_port else given or os.environ.get(BOOTSTRAP_VARIABLE) or None
        if self._given:
            try:
                net.first_address(self._given)
            except ValueError as error:
                raise PartError(f"{BOOTSTRAP_VARIABLE}: {error}") from error
        self._folder = state.root / "kafka"
        self._java: Java | None = None
        self._class_path = ""

    @property
    def is_external(self) -> bool:
        """True when the broker was given and is not ours to start or stop."""
        return self._given is not None

    @property
    def bootstrap(self) -> str:
        """The address to give to clients."""
        return self._given or f"127.0.0.1:{self._state.port('kafka')}"

    address = bootstrap

    @property
    def behind_proxy(self) -> str:
        """The listener whose clients are sent to the ``proxy_port``."""
        return f"127.0.0.1:{self._state.port('kafka-behind-proxy')}"

    @property
    def admin(self) -> BrokerAccess:
        """The broker, for whoever may do everything there."""
        if not self._secured:
            return BrokerAccess(address=self.bootstrap)
        return BrokerAccess(
            address=self.bootstrap,
            protocol="SASL_PLAINTEXT",
            mechanism="PLAIN",
            user="admin",
            password=self._state.secret("kafka-admin"),
        )

    def partner(self, user: str, password: str) -> BrokerAccess:
        """The broker as a partner reaches it from outside."""
        return BrokerAccess(
            address=f"127.0.0.1:{self._state.port('kafka-partners')}",
            protocol="SASL_SSL",
            user=user,
            password=password,
            ca_file=str(self._trusted),
        )

    # -- life -----------------------------------------------------------------------------------------------

    def prepare(self, progress: Progress) -> None:
        """Find Java, fetch and verify the jars, write the configuration, format the log folder once."""
        if self._given:
            progress(f"kafka: using the given broker at {self._given}")
            return
        self._java = find_java()
        progress(f"kafka: Apache Kafka {kafka_jars.VERSION} on Java {self._java.version} {self._java.source}")
        self._class_path = os.pathsep.join(map(str, kafka_jars.fetch(kafka_jars.pins(), progress)))
        data = self._folder / "data"
        data.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self._folder / "log4j2.yaml").write_text(_LOG4J)
        if self._secured:
            passwords = {user: self._state.secret(f"kafka-{user}") for user in ("admin", "broker")}
            write_private(self._users, "".join(f"{user}={password}\n" for user, password in passwords.items()))
            write_certificate(self._certificate, self._trusted)
        if not (data / "meta.properties").exists():
            progress("kafka: formatting the log folder")
            fresh = self._folder / "data.new"
            shutil.rmtree(fresh, ignore_errors=True)
            shutil.rmtree(data, ignore_errors=True)
            self._format(fresh)
            fresh.rename(data)  # only a finished folder gets the name
        self._configuration("server.properties", data)

    def _configuration(self, name: str, data: Path) -> Path:
        ports = {"port": self._state.port("kafka"), "controller_port": self._state.port("kafka-controller")}
        secured = {
            "partner_port": str(self._state.port("kafka-partners")),
            "users": str(self._users),
            "certificate": str(self._certificate),
        }
        values = properties(**ports, data=str(data), secured=secured if self._secured else None)
        if self.proxy_port:
            values["listeners"] += f",PROXIED://{self.behind_proxy}"
            values["advertised.listeners"] += f",PROXIED://127.0.0.1:{self.proxy_port}"
            values["listener.security.protocol.map"] += ",PROXIED:PLAINTEXT"
        path = self._folder / name
        path.write_text("".join(f"{key}={value}\n" for key, value in values.items()))
        return path

    @property
    def _users(self) -> Path:
        return self._folder / "users.properties"

    @property
    def _certificate(self) -> Path:
        return self._folder / "partners.pem"

    @property
    def _trusted(self) -> Path:
        return self._folder / "trusted.pem"

    def _format(self, data: Path) -> None:
        cluster_id = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "A")
        properties_file = self._configuration("format.properties", data)
        argv = self._java_argv("kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", str(properties_file))
        done = run_tool(Command(argv=tuple(argv), cwd=self._folder), seconds=120)
        if done.returncode != 0:
            raise PartError(f"kafka: formatting failed: {(done.stderr or done.stdout).strip()}")

    def _java_argv(self, *arguments: str) -> list[str]:
        if self._java is None:
            raise PartError("kafka: not prepared")
        options = ["-XX:+ExitOnOutOfMemoryError", f"-Dlog4j2.configurationFile={self._folder / 'log4j2.yaml'}"]
        return [
            str(self._java.executable),
            *_HEAP,
            _COLLECTOR,
            _COMPILER,
            *options,
            "-cp",
            self._class_path,
            *arguments,
        ]

    def command(self) -> Command:
        """The broker process; call `prepare` first."""
        return Command(
            argv=tuple(self._java_argv("kafka.Kafka", str(self._folder / "server.properties"))),
            cwd=self._folder,
            stop_timeout=20,
        )

    def is_ready(self) -> bool:
        """True when the broker answers: its port opens last, but a proxy before it may accept sooner."""
        return answers(*net.first_address(self.bootstrap))


def properties(
    *, port: int, controller_port: int, data: str, secured: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The settings of ``deploy/kafka/single-node.properties`` with these ports and this log folder.

    With ``secured``, what else ``secured.properties`` wants filled in, those come over them.
    """
    given = {"port": port, "controller_port": controller_port, "data": data, **(secured or {})}
    values: dict[str, str] = {}
    for name in ("single-node", "secured") if secured else ("single-node",):
        template = (project_root() / "deploy" / "kafka" / f"{name}.properties").read_text(encoding="utf-8")
        text = "\n".join(line for line in template.splitlines() if line and not line.startswith("#"))
        filled = string.Template(text).substitute(given)
        values |= {key: value for key, _, value in (line.partition("=") for line in filled.splitlines())}
    return values


_API_VERSIONS = struct.pack(">hhih", 18, 0, 1, -1)  # key 18, version 0, correlation id 1, no client id


def answers(host: str, port: int, *, timeout: float = 2.0) -> bool:
    """True when whoever listens there answers the first question of the Kafka protocol."""
    try:
        with socket.create_connection((host, port), timeout=timeout) as connection:
            connection.sendall(struct.pack(">i", len(_API_VERSIONS)) + _API_VERSIONS)
            head = connection.recv(8, socket.MSG_WAITALL)
    except OSError:
        return False
    return len(head) == 8 and struct.unpack(">ii", head)[1] == 1  # noqa: PLR2004 — size, then our correlation id
