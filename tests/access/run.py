"""``make access``: everybody tries every door of a whole stack; ends with ``ACCESS ok cases=… leaks=0``."""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import httpx
from tests.access.trial import Findings, cases, permissions, try_all
from tests.access.world import World

from slrt_local import status
from slrt_local.state import State

SLRT = str(Path(sys.executable).with_name("slrt"))
_MOST_SAID = 40
# Everybody comes from one address here: that limit is another test's.
NO_LIMIT = {"SLRT_GATEWAY_RATE": "100000", "SLRT_GATEWAY_BURST": "100000"}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=float, default=1.0, help="share of the tries")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="slrt-access-") as folder:
        state = State(Path(folder) / "state")
        command = [SLRT, "up", "--port", "0", "--state", str(state.root)]
        subprocess.run(command, check=True, env={**os.environ, **NO_LIMIT})
        try:
            findings = asyncio.run(
                run(state, status.report(state)["addresses"]["gateway"], sample=arguments.sample, seed=arguments.seed)
            )
        finally:
            subprocess.run([SLRT, "down", "--state", str(state.root)], check=False, stdout=subprocess.DEVNULL)
    for leak in findings.leaks[:_MOST_SAID]:
        print(f"  {leak}")
    print("verdicts:", ", ".join(f"{name} {count}" for name, count in sorted(findings.verdicts.items())))
    print("median answers:", findings.timing())
    result = f"cases={findings.tried} leaks={len(findings.leaks)}"
    if findings.leaks:
        sys.exit(f"ACCESS failed {result}")
    print(f"ACCESS ok {result}")


async def run(state: State, gateway: str, *, sample: float, seed: int) -> Findings:
    """Build the world on a running stack and try it."""
    async with httpx.AsyncClient(base_url=gateway, timeout=30) as http:
        world = World.of(state, gateway)
        demanded = permissions((await http.get("/openapi.json")).json())
        await world.build(http)
        return await try_all(world, http, cases(world, demanded, sample=sample, seed=seed))


if __name__ == "__main__":
    main()
