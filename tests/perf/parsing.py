"""What reading a facilitator's message costs, beside a bare look at the same words."""

import json
import re
import time
from collections.abc import Callable
from pathlib import Path

from tests.perf.stack import Bench

from slrt_intake.reports import MAX_TEXT, ReportParser
from slrt_kit.regions import Regions

GOAL_MS, WORST_GOAL_MS = 5.0, 5_000.0
_ROUNDS = 5
_SETS = Path(__file__).parents[1] / "unit" / "reports" / "data" / "evaluation"
_WORD = re.compile(r"\w+")
_HOSTILE = ("nama: a\n", "desa: a\n", ":", "fasil a - kel b\n", "Nama Klien: A\nNIK: 1\nKeluhan: x\nLayanan: PKH\n")
"""What a message may be full of; among what was tried these took longest."""


def measure(bench: Bench) -> None:
    """Milliseconds of processor time for one report of the evaluation sets, and for the worst text of full length."""
    parser = ReportParser.load(Regions.load())
    texts = [
        json.loads(line)["text"]
        for path in sorted(_SETS.glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    reports = sum(max(1, len(parser.parse(text).reports)) for text in texts)
    each, looked = bench.measured(
        lambda: (
            _milliseconds(lambda: [parser.parse(text) for text in texts]) / reports,
            _milliseconds(lambda: [_WORD.findall(text.lower()) for text in texts]) / reports,
        )
    )
    met = each < GOAL_MS
    bench.add("parse-report", each, "ms", anchor=("its words, cut", looked), goal=f"< {GOAL_MS:.0f} ms", met=met)
    longest = max(
        _milliseconds(lambda text=(piece * MAX_TEXT)[:MAX_TEXT]: parser.parse(text), rounds=1)  # type: ignore[misc]
        for piece in _HOSTILE
    )
    bench.add("parse-worst", longest, "ms", anchor=("limit", WORST_GOAL_MS), goal="< 5 s", met=longest < WORST_GOAL_MS)


def _milliseconds(do: Callable[[], object], *, rounds: int = _ROUNDS) -> float:
    best = float("inf")
    for _ in range(rounds):
        began = time.thread_time()
        do()
        best = min(best, time.thread_time() - began)
    return best * 1e3
