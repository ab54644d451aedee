"""Tell what runs, where, how it is and what it weighs."""

import contextlib
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psutil

from slrt_local import net
from slrt_local.parts.kafka import Kafka
from slrt_local.parts.postgres import Postgres
from slrt_local.process import family
from slrt_local.state import State

_RUNNING = ("starting", "ready", "external")


def read(state: State) -> dict[str, Any]:
    """The status file of the supervisor; ``phase`` is ``down`` where none lives.

    A supervisor that was killed leaves its file behind: what it says is then no longer true.
    """
    try:
        status: dict[str, Any] = json.loads((state.run / "status.json").read_text())
    except FileNotFoundError:
        status = {"phase": "down", "message": "", "units": {}}
    if not state.is_locked():
        for unit in status["units"].values():
            unit.update(condition="down", pid=None)
        status.update(phase="failed" if status["phase"] == "failed" else "down", supervisor=None)
    return status


def report(state: State) -> dict[str, Any]:
    """What ``slrt status --json`` prints.

    ``{phase, message, state, supervisor, addresses: {gateway, docs, mails, …}, memory_bytes, parts: [{name,
    condition, health, pid, restarts, since, last_exit, addresses, log, memory_bytes}]}``; ``health`` is ``ok``,
    ``failing`` or ``down``, asked now; ``memory_bytes`` is the proportional share of the process and its children.
    """
    status = read(state)
    units: dict[str, dict[str, Any]] = status["units"]
    with ThreadPoolExecutor(max_workers=8) as pool:
        health = dict(zip(units, pool.map(lambda item: _health(state, *item), units.items()), strict=True))
    parts = [
        {
            "name": name,
            "condition": unit["condition"],
            "health": health[name],
            "pid": unit["pid"],
            "restarts": unit["restarts"],
            "since": unit["since"],
            "last_exit": unit["last_exit"],
            "addresses": unit["addresses"],
            "log": str(state.log(name)),
            "memory_bytes": sum(map(memory_of, _family(unit["pid"]))),
        }
        for name, unit in units.items()
    ]
    supervisor = status.get("supervisor")
    weight = 0
    if supervisor:
        with contextlib.suppress(psutil.NoSuchProcess):
            weight = memory_of(psutil.Process(supervisor))
    return {
        "phase": status["phase"],
        "message": status["message"],
        "state": str(state.root),
        "supervisor": {"pid": supervisor, "log": str(state.log("supervisor")), "memory_bytes": weight},
        "addresses": addresses(units),
        "memory_bytes": weight + sum(part["memory_bytes"] for part in parts),
        "parts": parts,
    }


def addresses(units: dict[str, dict[str, Any]]) -> dict[str, str]:
    """The addresses a person looks for."""
    of = {name: unit["addresses"] for name, unit in units.items()}
    gateway, outside = of.get("gateway", {}), of.get("outside", {})
    found = {
        "gateway": gateway.get("url"),
        "docs": gateway.get("docs"),
        "openapi": gateway.get("openapi"),
        "identity": gateway.get("identity"),
        "authority": gateway.get("authority"),
        "mails": outside.get("mails"),
        "messages": outside.get("messages"),
        "notices": outside.get("notices"),
        "outside": outside.get("url"),
        "kafka": of.get("kafka", {}).get("bootstrap"),
        "postgres": of.get("postgres", {}).get("address"),
    }
    return {name: address for name, address in found.items() if address}


def _health(state: State, name: str, unit: dict[str, Any]) -> str:
    if unit["condition"] == "done":
        return "ok"
    if unit["condition"] not in _RUNNING:
        return "down"
    if name == "postgres":
        ok = Postgres(state).is_ready()
    elif name == "kafka":
        ok = Kafka(state).is_ready()
    else:
        ok = _answers(name, unit["addresses"])
    return "ok" if ok else "failing"


def _answers(name: str, of: dict[str, str]) -> bool:
    url = f"{of['internal']}/ping" if name == "gateway" else f"{of['url']}/readyz" if "url" in of else ""
    return not url or net.succeeds(url, timeout=3)


def _family(pid: int | None) -> list[psutil.Process]:
    try:
        return family(psutil.Process(pid)) if pid else []
    except psutil.NoSuchProcess:
        return []


def memory_of(process: psutil.Process) -> int:
    """Bytes of memory, each page shared among those who share it (resident bytes where the system cannot tell)."""
    try:
        info = process.memory_full_info()
    except (psutil.Error, OSError):
        return 0
    return int(getattr(info, "pss", 0) or info.rss)


def table(found: dict[str, Any]) -> str:
    """The report as lines for people."""
    lines = [f"{found['phase']}: {found['state']}"]
    for part in found["parts"]:
        where = next(iter(part["addresses"].values()), "")
        again = f", {part['restarts']} restarts" if part["restarts"] else ""
        megabytes = f"{part['memory_bytes'] / 1e6:.0f} MB" if part["memory_bytes"] else ""
        lines.append(
            f"  {part['name']:<26} {part['condition']:<10} {part['health']:<8} {part['pid'] or '':<8} "
            f"{megabytes:>7}  {where}{again}"
        )
    if found["memory_bytes"]:
        lines.append(f"  memory: {found['memory_bytes'] / 1e6:.0f} MB in all")
    lines += [f"  {name}: {address}" for name, address in found["addresses"].items()]
    return "\n".join(lines)
