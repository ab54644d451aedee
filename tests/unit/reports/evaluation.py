"""Judge the parser by whole sets of messages, field by field: ``python -m tests.unit.reports.evaluation``."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from slrt_intake.reports import ParsedReport, ReportParser
from slrt_intake.reports.vocabulary import Vocabulary
from slrt_kit.regions import Regions

DATA = Path(__file__).parent / "data" / "evaluation"
SETS = ("dev", "held_out", "third", "fourth")
FIELDS = tuple(name for name in ParsedReport().as_dict() if name != "evidence")
_LISTS = frozenset(name for name, value in ParsedReport().as_dict().items() if value == [])
_NAMES = frozenset({"facilitator", "client_name", "proxy_name"})
_HONORIFIC = re.compile(
    r"^(?:bapak|bpk|pak|ibu|bu|sdr|sdri|h|hj|dra|drs|tgk)\.?\s+|,?\s+(?:s\.?\s?(?:e|sos|pd|h)|a\.?\s?md)\.?$",
    re.IGNORECASE,
)
_NOT_JUDGED = "?"


@dataclass
class Judgement:
    """What was right, of how much, and what was not."""

    right: Counter[str] = field(default_factory=Counter)
    total: Counter[str] = field(default_factory=Counter)
    wrong: list[tuple[str, str, Any, Any]] = field(default_factory=list)
    """(message, field or "reports", expected, found)"""

    def share(self) -> float:
        """Of all fields of all reports."""
        return self.right.total() / self.total.total()


def messages(name: str) -> list[dict[str, Any]]:
    """The messages of a set."""
    return [json.loads(line) for line in (DATA / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]


def judge(name: str, parser: ReportParser) -> Judgement:
    """Compare what the parser finds in a set with what its messages say."""
    sectors = Vocabulary.load().programmes.sectors
    found = Judgement()
    for message in messages(name):
        answer = parser.parse(message["text"])
        reports = [report.as_dict() for report in answer.reports]
        expected = message["expected"]
        if (answer.kind, len(reports)) != (message["kind"], len(expected)):
            found.wrong.append((message["id"], "reports", len(expected), len(reports)))
        for place, report in enumerate(expected):
            for each, wanted, had in _fields(report, reports[place] if place < len(reports) else None, sectors):
                found.total[each] += 1
                found.right[each] += wanted == had
                if wanted != had:
                    found.wrong.append((message["id"], each, wanted, had))
    return found


def _fields(expected: dict[str, Any], report: dict[str, Any] | None, sectors: Any) -> Iterator[tuple[str, Any, Any]]:
    """(field, expected, found) of one report; all fields are wrong of a report that was not found."""
    codes = expected.get("service_codes", [])
    named = {"need_sectors": codes if codes == _NOT_JUDGED else sorted({sectors[code] for code in codes})} | expected
    for each in FIELDS:
        wanted = named.get(each, [] if each in _LISTS else None)
        if wanted != _NOT_JUDGED:
            yield each, _plain(each, wanted), ("no report",) if report is None else _plain(each, report[each])


def _plain(name: str, value: Any) -> Any:
    """What is compared: sets as sets, names without forms of address and degrees, texts without a full stop."""
    if isinstance(value, str):
        value = " ".join(value.split()).rstrip(" .")
        while name in _NAMES and (shorter := _HONORIFIC.sub("", value)) != value:
            value = shorter
        return value
    return sorted(value) if isinstance(value, list) else value


def main() -> None:
    """Print the share of right fields, by field and set, and every mistake."""
    parser = ReportParser.load(Regions.load())
    judged = {name: judge(name, parser) for name in SETS if (DATA / f"{name}.jsonl").exists()}
    for name, each in judged.items():
        for mistake in each.wrong:
            print(name, *mistake, sep=" | ")
    print("| field | " + " | ".join(judged) + " |")
    for each in FIELDS:
        shares = (f"{found.right[each]} of {found.total[each]}" for found in judged.values())
        print(f"| `{each}` | " + " | ".join(shares) + " |")
    totals = (f"{found.share():.1%} of {found.total.total()}" for found in judged.values())
    print("| all | " + " | ".join(totals) + " |")


if __name__ == "__main__":
    main()
