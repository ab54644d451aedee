"""Ports: bad addresses and busy ports are named; free ones stay clear of the kernel's own."""

import os
import socket
from pathlib import Path

import pytest

from slrt_local import net


@pytest.mark.parametrize("bad", ["", "localhost", "localhost:", ":9092", "host:port", "host:9092x", "a b"])
def test_an_address_without_host_and_port_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="host:port"):
        net.first_address(bad)


@pytest.mark.parametrize(
    ("given", "host", "port"),
    [
        ("kafka:9092", "kafka", 9092),
        ("a:1,b:2", "a", 1),
        ("[::1]:9092", "::1", 9092),
        ("10.0.0.1:9092", "10.0.0.1", 9092),
    ],
)
def test_the_first_of_several_addresses_is_taken(given: str, host: str, port: int) -> None:
    assert net.first_address(given) == (host, port)


def test_a_busy_port_is_named_with_its_holder_and_the_remedy() -> None:
    with socket.create_server((net.LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(
            net.PortBusyError, match=rf"gateway: port {port} on 127\.0\.0\.1 .*process {os.getpid()} .*--port"
        ):
            net.require_free(port, what="gateway", remedy="Choose another: --port")
        assert not net.is_free(port)
        assert net.accepts(net.LOOPBACK, port)
    assert net.is_free(port)
    assert not net.accepts(net.LOOPBACK, port)


def test_chosen_ports_lie_below_the_range_of_client_ports_and_avoid_taken_ones() -> None:
    limits = Path("/proc/sys/net/ipv4/ip_local_port_range")
    lowest_client_port = int(limits.read_text().split()[0]) if limits.exists() else 32_000
    chosen: set[int] = set()
    for _ in range(50):
        chosen.add(net.free_port(chosen))
    assert len(chosen) == 50
    assert all(1024 < port < lowest_client_port for port in chosen)
