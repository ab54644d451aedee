"""Find free loopback ports, say who holds a busy one, ask whether somebody answers."""

import contextlib
import http.client
import re
import secrets
import socket
from pathlib import Path
from urllib.parse import urlsplit

import psutil

LOOPBACK = "127.0.0.1"
_LINUX_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST, _HIGHEST = 20_000, 32_000
_ATTEMPTS = 200


class PortBusyError(RuntimeError):
    """A port that must be ours is held by somebody else."""


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """True when a server could listen on ``host:port`` now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def free_port(taken: set[int] | None = None) -> int:
    """Return a free loopback port below the range the kernel hands to clients.

    Not port 0: such a port lies in the ephemeral range, and while its server is down a client that retries
    can be given that very number and connect to itself, so that the server never gets its port back.
    """
    highest = min(_HIGHEST, _first_ephemeral())
    lowest = min(_LOWEST, highest // 2)
    for _ in range(_ATTEMPTS):
        port = lowest + secrets.randbelow(highest - lowest)
        if port not in (taken or set()) and is_free(port):
            return port
    raise PortBusyError(f"No free port between {lowest} and {highest} on {LOOPBACK}")


def _first_ephemeral() -> int:
    with contextlib.suppress(OSError, ValueError, IndexError):
        return max(int(_LINUX_RANGE.read_text().split()[0]), 2048)
    return _HIGHEST


def holder(port: int) -> str | None:
    """Name the process that listens on ``port``, when the system lets us see it."""
    with contextlib.suppress(psutil.Error, OSError):
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port:
                if connection.pid is None:
                    return None
                return f"process {connection.pid} ({psutil.Process(connection.pid).name()})"
    return None


def require_free(port: int, *, what: str, remedy: str, host: str = LOOPBACK) -> None:
    """Raise `PortBusyError` naming the port, its holder and the remedy unless ``port`` is free."""
    if not is_free(port, host):
        by = holder(port) or "another process"
        raise PortBusyError(f"{what}: port {port} on {host} is already used by {by}. {remedy}")


def accepts(host: str, port: int, *, timeout: float = 0.5) -> bool:
    """True when something accepts connections on ``host:port``."""
    try:
        with socket.create_connection((host, port), timeout=timeout):
            return True
    except OSError:
        return False


def first_address(addresses: str) -> tuple[str, int]:
    """Split the first of ``host:port,host:port``; raises `ValueError` naming what is wrong."""
    first = addresses.split(",", maxsplit=1)[0].strip()
    match = re.fullmatch(r"\[?([^\[\]]+?)\]?:(\d{1,5})", first)
    if not match:
        raise ValueError(f"{addresses!r} is not host:port[,host:port]")
    return match[1], int(match[2])


def succeeds(url: str, *, timeout: float) -> bool:
    """Whether ``GET url`` (http) is answered with success within so many seconds.

    Many are asked many times while they start, so it costs no more than it must: a client of httpx would make itself
    a TLS context for each question, and the launcher would take the processor from those it waits for.
    """
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)
    try:
        connection.request("GET", parts.path or "/")
        return 200 <= connection.getresponse().status < 300  # noqa: PLR2004 — what success means
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
