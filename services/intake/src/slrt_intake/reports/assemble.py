"""Read the rows of one report into its fields, each with its evidence."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import Any, Final, TypeVar

from slrt_intake.reports.address import one_number, rt_rw_in_address, rt_rw_on_own_line
from slrt_intake.reports.answers import read_choice, read_set
from slrt_intake.reports.dates import DateReader
from slrt_intake.reports.identity import read_number
from slrt_intake.reports.labels import IGNORED, Label
from slrt_intake.reports.location import LocationReader, PlaceNames
from slrt_intake.reports.model import Evidence, ParsedReport, Reading
from slrt_intake.reports.money import read_income
from slrt_intake.reports.needs import is_urgent, sectors_of, service_codes
from slrt_intake.reports.nik import kk_warnings, nik_facts, nik_warnings
from slrt_intake.reports.people import number_behind_name, read_name, read_proxy, read_relation
from slrt_intake.reports.phones import read_phone
from slrt_intake.reports.phrases import words_of
from slrt_intake.reports.rows import GUESSED, Break, Row
from slrt_intake.reports.split import ReportRows
from slrt_intake.reports.text import CROSS, EMPTY_BOX, TICK, CleanText, Span
from slrt_intake.reports.vocabulary import CHOICES, Vocabulary
from slrt_kit.regions import Regions, regency_of

T = TypeVar("T")

_UNLABELLED: Final = 0.7  # confidence of what stood on a line of its own, without a label
_TITLE: Final = 160  # characters of a line that may be a title
_SHORT: Final = 400  # characters of a row that is not prose; more is no name, number or date
_JOINED = re.compile(r"\s*[/|&]\s*|\s*,\s+|\s+-\s+")
_NUMBERS_JOINED = re.compile(r"\s{0,3}[/|&,]\s{0,3}|\s-\s|(?<=[0-9]{16})\s")
_BOXES = re.compile(rf"\s*[{TICK}{CROSS}{EMPTY_BOX}]\s*")
_EDGES = " \t,;|=>"


@dataclass(slots=True)
class _Value:
    """A row's value and where it stands."""

    row: Row
    text: str
    lines: str
    """The text with its line breaks."""
    span: Span


@dataclass(slots=True)
class _Draft:
    """The report so far."""

    clean: CleanText
    fields: dict[str, Any] = field(default_factory=dict)
    evidence: dict[str, Evidence] = field(default_factory=dict)

    def put(self, name: str, reading: Reading[T], value: _Value) -> T | None:
        """Store a field's value and evidence; the row was there, whatever it says."""
        start, end = self.clean.original(value.span)
        self.evidence[name] = Evidence(reading.confidence * value.row.label.confidence, start, end)
        if reading.value is not None:
            self.fields[name] = reading.value
        return reading.value


class Assembler:
    """Turns rows into reports; holds the tables, keeps nothing between reports."""

    def __init__(self, words: Vocabulary, location: LocationReader, regions: Regions) -> None:
        self._words = words
        self._location = location
        self._regions = regions
        self._dates = DateReader(words.months, words.roman)

    def assemble(self, rows: ReportRows, clean: CleanText, free: Sequence[Span]) -> ParsedReport:
        """The report that the rows hold. ``free``: lines of the message outside all rows, for names of places."""
        values = _values(rows, clean)
        draft = _Draft(clean)
        self._people(draft, values)
        self._numbers(draft, values)
        self._household(draft, values)
        self._prose(draft, values)
        if "visit_date" not in draft.evidence:
            self._date_on_free_line(draft, free)
        self._places(draft, values, [_on_free_line(line, clean) for line in free])
        draft.fields["warnings"] = self._warnings(draft)
        return ParsedReport(**draft.fields, evidence=draft.evidence)

    def _people(self, draft: _Draft, values: dict[str, list[_Value]]) -> None:
        words = self._words
        self._first(draft, values, "facilitator", lambda text: read_name(text, words))
        self._first(draft, values, "client_name", lambda text: read_name(text, words))
        visit = self._date(draft, values, "visit_date", None)
        self._date(draft, values, "birth_date", visit)
        self._first(draft, values, "birth_place", self._text)
        for value in values.get("birth", ()):
            born = self._dates.birth(value.text, visit=visit)
            if born is not None:
                draft.put("birth_date", Reading(born.value, born.confidence), value)
            place = value.text[: born.start] if born else re.split("[0-9]", value.text)[0]
            if place.strip(" ,./-:"):
                draft.put("birth_place", Reading(place.strip(" ,./-:"), 0.95), value)
        for value in values.get("proxy", ()):
            name, relation = read_proxy(value.text, words)
            draft.put("proxy_name", name, value)
            draft.put("proxy_relation", relation, value)
        self._first(draft, values, "proxy_relation", lambda text: read_relation(text, words))

    def _numbers(self, draft: _Draft, values: dict[str, list[_Value]]) -> None:
        self._first(draft, values, "nik", read_number)
        for value in values.get("client_name", ()):
            behind = number_behind_name(value.text)
            if behind.value is not None and "nik" not in draft.fields:
                draft.put("nik", behind, value)
        self._first(draft, values, "kk_number", read_number)
        self._first(draft, values, "phone", read_phone)

    def _household(self, draft: _Draft, values: dict[str, list[_Value]]) -> None:
        words = self._words
        for name in CHOICES:
            self._first(draft, values, name, partial(read_choice, choice=words.choices[name]))
        self._first(draft, values, "head_occupation", self._text)
        self._first(
            draft,
            values,
            "monthly_income",
            lambda text: read_income(
                text, numbers=words.numbers, magnitudes=words.magnitudes, not_monthly=words.not_monthly
            ),
        )
        for name, phrases, codes in (
            ("documents", words.documents, words.document_codes),
            ("programmes", words.programmes.held, words.programmes.sectors.keys()),
        ):
            for value in values.get(name, ())[:1]:
                found = read_set(value.lines, phrases)
                there = tuple(code for code in found.value or () if code in codes)
                draft.put(name, Reading(there, 1.0 if words.is_blank(value.text) else found.confidence), value)
        self._address(draft, values)

    def _address(self, draft: _Draft, values: dict[str, list[_Value]]) -> None:
        roman = self._words.roman
        self._first(draft, values, "address", self._unless_blank)
        for value in values.get("hamlet", ()):
            if "address" not in draft.fields and not self._words.is_blank(value.text):
                label = value.row.label.key.capitalize()
                draft.put("address", Reading(f"{label} {value.text}", 0.6), value)
        readers: tuple[tuple[str, Callable[[str], tuple[str | None, str | None]]], ...] = (
            ("rt_rw", lambda text: rt_rw_on_own_line(text, roman)),
            ("rt", lambda text: (one_number(text, roman), None)),
            ("rw", lambda text: (None, one_number(text, roman))),
            ("address", lambda text: rt_rw_in_address(text, roman)),
            ("hamlet", lambda text: rt_rw_in_address(text, roman)),
            ("village", lambda text: rt_rw_in_address(text, roman)),
        )
        for name, read in readers:
            for value in values.get(name, ()):
                for part, number in zip(("rt", "rw"), read(value.text), strict=True):
                    if number is not None and part not in draft.fields:
                        draft.put(part, Reading(number, 1.0), value)

    def _prose(self, draft: _Draft, values: dict[str, list[_Value]]) -> None:
        programmes = self._words.programmes
        complaint = self._joined(draft, values.get("complaint", []), "complaint")
        service = self._joined(draft, values.get("service", []), "service_requested")
        codes = service_codes(service, complaint, programmes)
        source = "service_requested" if service is not None else "complaint"
        if source in draft.evidence and codes.value:
            draft.fields["service_codes"] = codes.value
            draft.fields["need_sectors"] = sectors_of(codes.value, programmes)
            proof = draft.evidence[source]
            for name in ("service_codes", "need_sectors"):
                draft.evidence[name] = Evidence(proof.confidence * codes.confidence, proof.start, proof.end)
        if is_urgent(complaint, self._words.urgent):
            draft.fields["urgent"] = True
            draft.evidence["urgent"] = draft.evidence["complaint"]

    def _joined(self, draft: _Draft, values: list[_Value], name: str) -> str | None:
        texts = [text for value in values if (text := _BOXES.sub(" ", value.text).strip())]
        said = [text for text in texts if not self._words.is_blank(text)]
        if not values:
            return None
        whole = _Value(values[0].row, "", "", Span(values[0].span.start, values[-1].span.end))
        return draft.put(name, Reading(" ".join(said) or None, 1.0), whole)

    def _places(self, draft: _Draft, values: dict[str, list[_Value]], free: list[_Value]) -> None:
        places, sources = PlaceNames(), dict[str, _Value]()
        for level in ("village", "district", "regency"):
            for value in values.get(level, ())[:1]:
                kind = f"{value.row.label.key} " if value.row.label.key in {"kota", "kab", "kabupaten"} else ""
                self._take(places, sources, self._location.row(kind + value.text, level), value)
        for value in values.get("place", ()):
            self._take(places, sources, self._location.row(value.text, "village"), value)
        unlabelled = [*free, *values.get("address", ())]
        for value in unlabelled:
            self._take(places, sources, self._location.free(value.text), value)
        titled = [(code, value) for value in unlabelled if (code := self._location.regency_in(value.text))]
        places.titled = [code for code, _ in titled]
        facts = nik_facts(draft.fields.get("nik", ""))
        if facts is not None:
            places.registered.append(regency_of(facts.district_code))
        match = self._location.find(places)
        for level, code in (
            ("village", match.village_code),
            ("district", match.district_code),
            ("regency", match.regency_code),
        ):
            # A title is where the regency comes from when no name of a place was found.
            source = sources.get(level) or next(iter([*sources.values(), *(value for _, value in titled)]), None)
            if source is not None and (level in sources or code is not None):
                draft.put(f"{level}_code", Reading(code, match.score), source)

    @staticmethod
    def _take(places: PlaceNames, sources: dict[str, _Value], found: dict[str, str], value: _Value) -> None:
        for level in found:
            sources.setdefault(level, value)
        places.add(found)

    def _warnings(self, draft: _Draft) -> tuple[str, ...]:
        found: tuple[str, ...] = ()
        if nik := draft.fields.get("nik"):
            found += nik_warnings(
                nik,
                birth_date=draft.fields.get("birth_date"),
                sex=draft.fields.get("sex"),
                is_district=lambda code: self._regions.get(code) is not None,
            )
        if number := draft.fields.get("kk_number"):
            found += kk_warnings(number)
        return tuple(sorted(found))

    def _date(self, draft: _Draft, values: dict[str, list[_Value]], name: str, visit: date | None) -> date | None:
        for value in values.get(name, ()):
            found = (
                self._dates.visit(value.text) if name == "visit_date" else self._dates.birth(value.text, visit=visit)
            )
            blank = self._words.is_blank(value.text)
            reading = Reading(found.value, found.confidence) if found else Reading(None, 1.0 if blank else 0.2)
            if draft.put(name, reading, value) is not None:
                return reading.value
        return None

    def _date_on_free_line(self, draft: _Draft, free: Sequence[Span]) -> None:
        """A line that is nothing but a date ("Rabu, 8 Juli 2026") is the visit's; else that of a title with a place."""
        dated = []
        for line in free:
            text = draft.clean.span_text(line)[:_TITLE]
            found = self._dates.visit(text)
            if found is None:
                continue
            alone = set(words_of(text[: found.start] + " " + text[found.end :])) <= self._words.around_date
            if alone or self._location.free(text):
                dated.append((not alone, found.value, found.confidence, line))
        if dated:
            in_title, value, sure, line = min(dated, key=lambda each: each[0])
            draft.fields["visit_date"] = value
            draft.evidence["visit_date"] = Evidence(
                (0.5 if in_title else _UNLABELLED) * sure, *draft.clean.original(line)
            )

    def _first(
        self, draft: _Draft, values: dict[str, list[_Value]], name: str, read: Callable[[str], Reading[Any]]
    ) -> None:
        """The first row of a field that can be read."""
        for value in values.get(name, ()):
            if draft.put(name, read(value.text[:_SHORT]), value) is not None:
                return

    @staticmethod
    def _text(text: str) -> Reading[str]:
        """The text as it is; None when it holds no word ("-")."""
        text = _BOXES.sub(" ", text).strip()
        return Reading(text if any(map(str.isalnum, text)) else None, 1.0)

    def _unless_blank(self, text: str) -> Reading[str]:
        reading = self._text(text)
        return Reading(None, 1.0) if self._words.is_blank(text) else reading


def _values(rows: ReportRows, clean: CleanText) -> dict[str, list[_Value]]:
    """Values by field, own rows first; a row for two fields ("Desa/Kec") is divided between them."""
    values: dict[str, list[_Value]] = {}
    # A row whose label was guessed from its value stands behind the rows that were named.
    for row in sorted((*rows.own, *rows.inherited), key=lambda row: row.label.confidence <= GUESSED):
        parts = _divided(row, clean) if len(row.label.fields) > 1 else [row.spans]
        for name, spans in zip(row.label.fields, parts, strict=True):
            texts = [clean.span_text(span) for span in spans]
            span = Span(spans[0].start, spans[-1].end)
            text = " ".join(filter(None, texts)).strip(_EDGES)
            values.setdefault(name, []).append(_Value(row, text, "\n".join(texts), span))
    return values


def _on_free_line(line: Span, clean: CleanText) -> _Value:
    """A line without a label, as the value of a row that nobody named."""
    text = clean.span_text(line)
    return _Value(Row(Label((IGNORED,), _UNLABELLED, "", strong=False), Break.NONE, [line]), text, text, line)


def _divided(row: Row, clean: CleanText) -> list[list[Span]]:
    """The spans for each field of a row that announces several; all of it for each when it is not divided."""
    fields = row.label.fields
    whole = row.whole()
    text = clean.text[whole.start : whole.end]
    divider = _NUMBERS_JOINED if {"nik", "kk_number"} & set(fields) else _JOINED
    marks = list(divider.finditer(text))
    if len(marks) != len(fields) - 1:
        return [row.spans for _ in fields]
    edges = [0, *(place for mark in marks for place in (mark.start(), mark.end())), len(text)]
    return [
        [clean.trimmed(whole.start + start, whole.start + end)]
        for start, end in zip(edges[::2], edges[1::2], strict=True)
    ]
