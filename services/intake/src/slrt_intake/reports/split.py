"""Divide the rows of a message into reports, and give each the header that it shares with the others."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final

from slrt_intake.reports.labels import IGNORED, Label
from slrt_intake.reports.rows import PLAIN_NAME, Break, Row

HEADER: Final = frozenset({"facilitator", "village", "district", "regency", "place", "visit_date"})
# At least one of these says that the message is about somebody's trouble and not a schedule or an invitation.
_SUBSTANCE: Final = frozenset(
    {"client_name", "nik", "complaint", "service", "proxy", "welfare_status", "head_occupation"}
)
# Rows that a report may open with, above its client.
_OPENING: Final = HEADER | {"nik", "kk_number"}
_ENOUGH_FIELDS: Final = 3
_ENOUGH_OWN: Final = 2
_ENOUGH_REPEATED: Final = 4
_AHEAD: Final = 20  # rows looked at to tell another report from a row said twice; a form has 18


@dataclass(slots=True)
class ReportRows:
    """Rows of one report: its own, and those of the header it stands under."""

    own: list[Row] = field(default_factory=list)
    inherited: list[Row] = field(default_factory=list)

    def of(self, name: str) -> list[Row]:
        """Rows of a field, own ones first, in the order of the message."""
        return [row for row in (*self.own, *self.inherited) if name in row.label.fields]

    def names(self) -> set[str]:
        """Fields that the report's own rows speak of."""
        return {name for row in self.own for name in row.label.fields}


def split_reports(rows: Iterable[Row]) -> list[ReportRows]:
    """Reports of a message; empty when it holds none.

    A report begins where a field that is already filled comes again and what follows is another report's
    (another client, or four fields at once); a second telephone or a second complaint is no new report.
    Rows above the first client belong to all reports that have no facilitator of their own.
    """
    filled = _plain_names_sorted(_filled(rows))
    groups = _by_breaks(filled, {Break.RULE}) or _by_breaks(filled, {Break.RULE, Break.BLANK}) or _by_repetition(filled)
    reports = [group for group in groups if _is_report(group, among=len(groups))]
    _share_headers(reports)
    fields = {name for report in reports for name in (*report.names(), *(row.name for row in report.inherited))}
    return reports if len(fields) >= _ENOUGH_FIELDS else []


def _filled(rows: Iterable[Row]) -> list[Row]:
    """Rows that hold something; what stood before an empty one stands before the next."""
    kept: list[Row] = []
    pending = Break.NONE
    for row in rows:
        pending = max(pending, row.break_before)
        if row.spans and row.name != IGNORED:
            kept.append(replace(row, break_before=pending))
            pending = Break.NONE
    return kept


def _plain_names_sorted(rows: list[Row]) -> list[Row]:
    """Where "Nama" is followed by "Nama Klien" with only header rows between, it is the facilitator's."""
    if any(row.name == "facilitator" for row in rows):
        return rows
    about = [place for place, row in enumerate(rows) if row.name not in HEADER]
    for place, following in pairwise(about):
        row, client = rows[place], rows[following]
        if (
            row.name == client.name == "client_name"
            and row.label.key in PLAIN_NAME
            and client.label.key not in PLAIN_NAME
        ):
            rows[place] = replace(row, label=Label(("facilitator",), 0.7, row.label.key, strong=False))
    return rows


def _by_breaks(rows: Sequence[Row], breaks: set[Break]) -> list[ReportRows]:
    """Reports of a message whose empty lines or rules stand just between its clients; empty when they do not.

    A stretch of header rows alone belongs to the client below it.
    """
    groups: list[ReportRows] = []
    waiting: list[Row] = []
    for row in rows:
        if row.break_before in breaks and any(earlier.name == "client_name" for earlier in waiting):
            groups.append(ReportRows(own=waiting))
            waiting = []
        elif row.break_before in breaks and not {earlier.name for earlier in waiting} <= HEADER:
            return []
        waiting.append(row)
    groups.append(ReportRows(own=waiting))
    clients = [sum(row.name == "client_name" for row in group.own) for group in groups]
    return groups if len(groups) > 1 and all(count == 1 for count in clients) else []


def _by_repetition(rows: Sequence[Row]) -> list[ReportRows]:
    """Reports told apart by fields that come again."""
    first = next((place for place, row in enumerate(rows) if row.name == "client_name"), 0)
    leading = {name for row in rows[:first] for name in row.label.fields}
    groups = [ReportRows()]
    known: set[str] = set()
    for place, row in enumerate(rows):
        if _begins_report(rows, place, known, leading):
            groups.append(ReportRows(own=_since_break(groups[-1].own, row)))
            known = groups[-1].names()
        groups[-1].own.append(row)
        known.update(row.label.fields)
    return groups


def _begins_report(rows: Sequence[Row], place: int, known: set[str], leading: set[str]) -> bool:
    """Whether the row at ``place`` is the first of another report than the one that has the ``known`` fields.

    ``leading``: fields that this sender writes above the client's name.
    """
    row = rows[place]
    fields = set(row.label.fields)
    if not (fields & known or (fields & HEADER and known - HEADER)):
        return False
    if "client_name" in fields & known or (fields & known and row.break_before is Break.RULE):
        return True
    repeated: set[str] = set()
    for ahead in rows[place : place + _AHEAD]:
        names = set(ahead.label.fields)
        if not names & (known | HEADER):
            break
        repeated |= names & known
        if "client_name" in repeated:
            # A second telephone above the next client is still this client's, a second village is the next one's.
            return bool(fields & leading or fields & known & HEADER)
    return len(repeated) >= _ENOUGH_REPEATED


def _since_break(own: list[Row], row: Row) -> list[Row]:
    """Take from ``own`` the rows behind its last break, when the new report begins there and not at ``row``."""
    if row.break_before is not Break.NONE:
        return []
    for place in range(len(own) - 1, _ENOUGH_OWN - 1, -1):
        if own[place].break_before is Break.NONE:
            continue
        names = {name for moved in own[place:] for name in moved.label.fields}
        opens = names <= _OPENING if own[place].break_before is Break.BLANK else not names & set(row.label.fields)
        if not opens:
            return []
        moved = own[place:]
        del own[place:]
        return moved
    return []


def _is_report(group: ReportRows, *, among: int) -> bool:
    names = group.names()
    enough = len(names - HEADER) >= _ENOUGH_OWN and len(names) >= (_ENOUGH_OWN if among > 1 else _ENOUGH_FIELDS)
    return enough and bool(names & _SUBSTANCE)


def _share_headers(reports: list[ReportRows]) -> None:
    """Give every report without a facilitator the header rows of the one before it, as far as it has no own ones."""
    header: list[Row] = []
    for report in reports:
        names = report.names()
        if "facilitator" not in names:
            report.inherited = [row for row in header if not _is_overruled(row, names)]
        # A header stands above the first row about the client; further down, a place is the client's.
        above = []
        for row in report.own:
            if row.name not in HEADER:
                break
            above.append(row)
        header = above + report.inherited
    signed = [row for report in reports for row in report.of("facilitator")]
    if len(signed) == 1 and signed[0] in reports[-1].own:  # signed once, below the last
        below = reports[-1].own[reports[-1].own.index(signed[0]) :]
        for report in reports[:-1]:
            names = report.names()
            report.inherited += [
                row for row in below if row is signed[0] or (row.name in HEADER and not _is_overruled(row, names))
            ]


def _is_overruled(row: Row, names: set[str]) -> bool:
    """Whether a header row says nothing for a report with fields ``names``: it has its own, or a place above it."""
    above = {"village": {"district", "regency", "place"}, "district": {"regency", "place"}, "regency": {"place"}}
    return bool(names & ({row.name} | above.get(row.name, set())))
