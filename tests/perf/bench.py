"""``make bench``: start a stack, measure each row beside its anchor, print the table, write build/bench.json."""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from tests.perf import (
    accept,
    audit,
    batches,
    clocks,
    field,
    latency,
    lists,
    parsing,
    publish,
    routing,
    sealing,
    stalls,
    tokens,
    what_if,
    worklists,
)
from tests.perf.load import register_open_loop, run
from tests.perf.stack import Bench, Row

ROOT = Path(__file__).resolve().parents[2]


def start(bench: Bench) -> None:
    """From nothing to the first durable 201."""
    began = time.perf_counter()
    bench.slrt("up", "--port", "0")
    port = bench.state.port("http-intake")
    run(register_open_loop(port, bench.token(), per_second=1, seconds=1)).demand_all_accepted()
    first = time.perf_counter() - began
    bench.add("first-201", first, "s", anchor=("limit", 60), goal="< 60 s", met=first < 60)


def memory(bench: Bench) -> None:
    """Proportional resident memory of every process of the stack."""
    megabytes = bench.report()["memory_bytes"] / 2**20
    met = megabytes < 2048
    bench.add("stack-memory", megabytes, "MiB", anchor=("limit", 2048), goal="< 2048 MiB", met=met)


STEPS: dict[tuple[str, ...], Callable[[Bench], None]] = {
    ("commit",): latency.whole_stack,
    ("stack-memory",): memory,
    ("durable-201", "overload"): accept.measure,
    ("bulk-entry",): batches.measure,
    ("list-of-50",): lists.measure,
    ("sync-day",): field.measure,
    ("backbone",): latency.backbone,
    ("relay-drain",): publish.drain,
    ("consumer-apply",): publish.applied,
    ("encrypt-person", "decrypt-person"): sealing.measure,
    ("audit-seal", "audit-verify"): audit.measure,
    ("token-check",): tokens.check,
    ("clock-arithmetic", "clock-claim", "clock-lateness"): clocks.measure,
    ("stall-check",): stalls.measure,
    ("routing-explained", "rules-compiled"): routing.measure,
    ("what-if",): what_if.measure,
    ("parse-report", "parse-worst"): parsing.measure,
    # Last: it makes and drops the most rows.
    ("worklist-of-50",): worklists.measure,
}
"""What is measured, in order, by the beginnings of the names of its rows. The whole stack runs for the first ones."""


def show(rows: list[Row]) -> None:
    """Print the table."""
    print()
    print(f"{'row':<32}{'value':>10} {'unit':<20}{'anchor':<36}{'value':>10}{'ratio':>8}  {'goal':<20}{'foreign':>7}")
    for row in rows:
        goal = f"{row.goal} {'met' if row.met else 'MISSED'}" if row.goal else ""
        print(
            f"{row.row:<32}{row.value:>10.1f} {row.unit:<20}{row.anchor:<36}{row.anchor_value:>10.1f}"
            f"{row.ratio:>8.2f}  {goal:<20}{row.foreign_cpu:>5.0%}"
        )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    groups = ", ".join(name for names in STEPS for name in names)
    parser.add_argument("--rows", default="", help=f"comma separated groups of rows: {groups}")
    wanted = {row for row in parser.parse_args().rows.split(",") if row}
    if unknown := wanted - {name for names in STEPS for name in names}:
        parser.error(f"no such rows: {', '.join(sorted(unknown))}; there are {groups}")
    with tempfile.TemporaryDirectory(prefix="slrt-bench-") as folder:
        bench = Bench(Path(folder))
        print("starting a stack of its own …", flush=True)
        try:
            start(bench)
            for names, step in STEPS.items():
                if not wanted or wanted & set(names):
                    print(f"measuring {', '.join(names)} …", flush=True)
                    step(bench)
        finally:
            bench.slrt("down")
            show(bench.rows)
    build = ROOT / "build"
    build.mkdir(exist_ok=True)
    (build / "bench.json").write_text(
        json.dumps([asdict(row) for row in bench.rows], indent=1) + "\n", encoding="utf-8"
    )
    missed = [row.row for row in bench.rows if row.met is False]
    if missed:
        sys.exit(f"goals missed: {', '.join(missed)}")


if __name__ == "__main__":
    main()
