"""Print what a draft would have changed, as tables for a terminal."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_HOUR = 60


def difference(found: Mapping[str, Any]) -> Iterator[str]:
    """The lines of an answer of ``what-if/search``."""
    yield (
        f"{found['since'][:16]} to {found['until'][:16]} UTC, offices of {found['day']}: "
        f"{found['judged']} judged, {found['outside']} where no draft reaches"
    )
    for region in found["regions"]:
        yield ""
        yield f"{region['region']}: {_plural(region['routed'], 'referral')} routed again"
        yield from _indented(_routes(region["routes"]))
        yield from _indented(_deadlines(region["deadlines"]))
        yield from _indented(_offices(region["offices"]))
        yield from _indented(_notices(region["notices"]))
    if found["new_deadlines"]:
        yield ""
        yield f"new deadlines, nothing to compare with: {', '.join(found['new_deadlines'])}"
    if found["not_judged"]:
        yield ""
        yield "not judged"
        yield from _indented([[str(each["count"]), each["reason"], each["says"]] for each in found["not_judged"]])


def _routes(routes: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    if not routes:
        return [["no need would have gone another way"]]
    return [
        ["need", "goes to (rule)", "would have gone to (rule)", "times", "such as"],
        *(
            [each["need"], _way(each["before"]), _way(each["after"]), str(each["count"]), *each["examples"][:1]]
            for each in routes
        ),
    ]


def _way(way: Mapping[str, Any]) -> str:
    waits = f", after {' and '.join(way['after'])}" if way["after"] else ""
    return f"{way['office']} ({way['rule']}{waits})"


def _deadlines(classes: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    if not classes:
        return []
    rows = [["class", "deadlines", "moved", "least", "median", "most", "late", "would be late"]]
    for each in classes:
        became = "no deadline" if each["becomes"] is None else each["becomes"]
        name = each["sla_class"] if became == each["sla_class"] else f"{each['sla_class']} -> {became}"
        shift = each["shift_minutes"]
        spread = ["", "", ""] if shift is None else [_minutes(shift[name_]) for name_ in ("least", "median", "most")]
        late = [str(each["late_before"]), str(each["late_after"])]
        rows.append([name, str(each["count"]), str(each["moved"]), *spread, *late])
    return rows


def _offices(offices: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    if not offices:
        return []
    rows = [["office", "referrals", "would have had", "hours", "would have had"]]
    for each in offices:
        referrals = [str(each["referrals_before"]), str(each["referrals_after"])]
        hours = [_minutes(each[name], sign="") for name in ("minutes_before", "minutes_after")]
        rows.append([each["office"], *referrals, *hours])
    return rows


def _notices(notices: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    if not notices:
        return []
    return [
        ["time of", "who is told", "how", "times", "would have been"],
        *(
            [each["owner"], each["audience"], each["effect"], str(each["before"]), str(each["after"])]
            for each in notices
        ),
    ]


def _minutes(count: int, sign: str = "+") -> str:
    """Hours and minutes, as ``-15:00``."""
    hours, minutes = divmod(abs(count), _HOUR)
    return f"{'-' if count < 0 else sign}{hours}:{minutes:02}"


def _plural(count: int, thing: str) -> str:
    return f"{count} {thing}{'' if count == 1 else 's'}"


def _indented(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Columns under each other."""
    widths: dict[int, int] = {}
    for row in rows:
        for place, cell in enumerate(row):
            widths[place] = max(widths.get(place, 0), len(cell))
    for row in rows:
        yield ("  " + "  ".join(cell.ljust(widths[place]) for place, cell in enumerate(row))).rstrip()
