"""The report parser: the text of a message in, reports in the form's fields out. Pure; never raises on any text."""

from typing import Final

from slrt_intake.reports.assemble import Assembler
from slrt_intake.reports.labels import LabelTable
from slrt_intake.reports.location import LocationReader
from slrt_intake.reports.model import ParsedMessage, ParsedReport
from slrt_intake.reports.needs import local_need_codes
from slrt_intake.reports.places import PlaceFinder
from slrt_intake.reports.rows import RowScanner
from slrt_intake.reports.split import split_reports
from slrt_intake.reports.text import CleanText
from slrt_intake.reports.vocabulary import Vocabulary
from slrt_kit.regions import Regions

MAX_TEXT: Final = 20_000
"""Characters of a message that are read; WhatsApp itself sends at most 65,536."""


class ReportParser:
    """Reads facilitators' messages. Build one where the service is composed and share it: it keeps nothing."""

    def __init__(self, words: Vocabulary, labels: LabelTable, finder: PlaceFinder, regions: Regions) -> None:
        self._words = words
        self._labels = labels
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
        reports = tuple(self._assembler.assemble(rows, clean, scan.free) for rows in split_reports(scan.rows))
        return ParsedMessage("report" if reports else "other", reports, truncated=len(text) > MAX_TEXT)

    def local_needs(self, report: ParsedReport) -> tuple[str, ...]:
        """Needs that the service line asks for and no programme answers: `DOMISILI`, `SKTM`."""
        return local_need_codes(report.service_requested, self._words.programmes)
