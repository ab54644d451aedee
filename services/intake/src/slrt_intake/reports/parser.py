"""The report parser: the text of a message in, reports in the form's fields out. Pure; never raises on any text."""

from typing import Final

from slrt_intake.reports.assemble import Assembler
from slrt_intake.reports.labels import LabelTable
from slrt_intake.reports.location import LocationReader
from slrt_intake.reports.model import ParsedMessage, ParsedReport
from slrt_intake.reports.needs import local_need_codes
from slrt_intake.reports.places import PlaceFinder
from slrt_intake.reports.prose import StoryReader
from slrt_intake.reports.rows import RowScanner, Scan
from slrt_intake.reports.split import split_reports
from slrt_intake.reports.table import table_rows
from slrt_intake.reports.text import CleanText
from slrt_intake.reports.vocabulary import Vocabulary
from slrt_kit.regions import Regions

MAX_TEXT: Final = 65_536
"""Characters of a message that are read; WhatsApp itself sends no more."""


# A name, an address and a telephone are a visiting card; somebody who reports says at least one of these.
_SAYING: Final = (
    *("facilitator", "nik", "kk_number", "complaint", "service_requested", "programmes", "documents", "proxy_name"),
    *("welfare_status", "house_status", "lighting", "sanitation", "monthly_income", "head_occupation"),
)
_EMPTY_ROWS: Final = 3  # labels without a value are a form that nobody filled in, and no story


class ReportParser:
    """Reads facilitators' messages. Build one where the service is composed and share it: it keeps nothing."""

    def __init__(self, words: Vocabulary, labels: LabelTable, finder: PlaceFinder, regions: Regions) -> None:
        self._words = words
        self._labels = labels
        self._stories = StoryReader()
        self._assembler = Assembler(words, LocationReader(finder), regions)

    @classmethod
    def load(cls, regions: Regions) -> "ReportParser":
        """A parser with the packaged vocabulary, over ``regions``; takes about 0.3 s."""
        return cls(Vocabulary.load(), LabelTable(), PlaceFinder(regions), regions)

    def parse(self, text: str) -> ParsedMessage:
        """The reports that a message holds, in order; none when it is a greeting, a question, an empty form.

        No text is refused and no field makes a report fail: what cannot be read is None, with low confidence in
        its evidence. Only the first `MAX_TEXT` characters are read.
        """
        clean = CleanText(text[:MAX_TEXT])
        scan = RowScanner(clean, self._labels).scan()
        divided, free = split_reports(scan.rows), scan.free
        if (table := table_rows(clean, clean.lines(), self._labels)) is not None:
            above = RowScanner(clean, self._labels).scan(table[1])
            divided, free = split_reports([*above.rows, *table[0]]) or divided, above.free
        if not divided and not _is_empty_form(scan) and (told := self._stories.read(clean)) is not None:
            divided, free = [told[0]], told[1]
        found = (self._assembler.assemble(rows, clean, free) for rows in divided)
        reports = tuple(report for report in found if any(getattr(report, name) for name in _SAYING))
        return ParsedMessage("report" if reports else "other", reports, truncated=len(text) > MAX_TEXT)

    def local_needs(self, report: ParsedReport) -> tuple[str, ...]:
        """Needs that the service line asks for and no programme answers: `DOMISILI`, `SKTM`."""
        return local_need_codes(report.service_requested, self._words.programmes)


def _is_empty_form(scan: Scan) -> bool:
    return sum(not row.spans for row in scan.rows) >= _EMPTY_ROWS
