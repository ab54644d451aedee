"""Cut a message into rows: a label, the lines of its value, and what stood between the rows."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from slrt_intake.reports.labels import IGNORED, Label, LabelTable
from slrt_intake.reports.style import LABEL_REACH, LEAD, SEPARATOR, Style, rows_in_one_line, rows_of_heading, style_of
from slrt_intake.reports.text import CROSS, EMPTY_BOX, TICK, CleanText, Span

PROSE: Final = frozenset({"complaint", "service"})
LISTS: Final = frozenset({"documents", "programmes"})
_BOXED: Final = LISTS | {"welfare_status", "house_status", "lighting", "sanitation"}
"""Rows whose boxes are answers and no bullets."""
_LONG: Final = PROSE | LISTS | {"address"}
_NUMBERS: Final = frozenset({"nik", "kk_number", "phone"})
_PLACES: Final = frozenset({"village", "district", "regency"})
_DATED: Final = frozenset({"visit_date", "birth", "birth_date", "monthly_income"})
_NAMES: Final = frozenset({"facilitator", "client_name", "proxy"})
PLAIN_NAME: Final = frozenset({"nama", "nm"})
"""Labels of a name that do not say whose."""
# Labels that are also things on a list of documents: only a number behind them makes them a row.
_ALSO_DOCUMENTS: Final = frozenset({"kk", "ktp", "kartukeluarga"})
GUESSED: Final = 0.5
"""Confidence of a label that was told by its value alone."""
_FEWEST_DIGITS: Final = 6
_SOME_DIGITS: Final = 4
_MANY_DIGITS: Final = 12
_PHONE_DIGITS: Final = 9
_MOST_NAME_WORDS: Final = 7
_SEPARATORS_TRIED: Final = 4
_INLINE_WORDS: Final = 4
_FEWEST_ROWS: Final = 4
_UNKNOWN_LABEL: Final = 24
_FORM_ROWS: Final = 18
_ENOUGH_NUMBERED: Final = 10

_BULLET = re.compile(r"[\s>|•\-#☑☐✗+]{0,20}")
_BULLET_AND_NO_BOX = re.compile(r"[\s>|•\-#+]{0,20}")
_BOX = re.compile(rf"\s{{0,9}}(?:[{TICK}{CROSS}{EMPTY_BOX}]|\[[ xXvV]?\]|\([ xXvV]\))")
_NUMBERED = re.compile(r"[\s>]{0,10}\(?([0-9]{1,2})\s?[.)\]]\s{0,5}")
_BEFORE_VALUE = re.compile(r"[\s:=>]{0,20}")
_WORD = re.compile(r"\S+")
# "[14.22, 9/7/2026] Bu Endang: " and "9/7/26 14.22 - Bu Endang: ", as WhatsApp writes when messages are copied.
_SENDER = re.compile(
    r"""\s{0,9}
        (?: \[ [0-9./:,\ \u202fAPMapm]{8,30} \]
          | [0-9]{1,2}[/.][0-9]{1,2}[/.][0-9]{2,4},?\s[0-9]{1,2}[.:][0-9]{2}[^\n:]{0,6}\s-\s
        )
        [^:\n]{1,40}:\s?""",
    re.VERBOSE,
)


# "1) Mawar Karangan / 1274…": who is next on a list, without a label.
_NAME_AND_NIK = re.compile(
    r"[A-Za-z][A-Za-z.,'’ ]{2,50}?\s{0,3}[-/,(:|]?\s{0,3}(?:(?i:nik)[ .:]{0,3})?"
    r"[0-9](?:[ .]?[0-9]){14,16}\s{0,3}\)?\s{0,3}"
)
_SURELY_SEPARATED = re.compile("[^0-9:=]*[:=]")
_PHONE_ALONE = re.compile(r"\s{0,3}(?:\+?62|0)[ .\-]?8(?:[ .\-]?[0-9]){8,11}\s{0,3}")
_IDENTITY_ALONE = re.compile(r"\s{0,3}[0-9](?:[ .]?[0-9]){15}\s{0,3}")


class Break(IntEnum):
    """What stood before a row."""

    NONE = 0
    BLANK = 1
    RULE = 2
    """A line of dashes, a heading, another sender."""


@dataclass(slots=True)
class Row:
    """A label and the stretches of text behind it."""

    label: Label
    break_before: Break
    spans: list[Span] = field(default_factory=list)
    loose: list[Span] = field(default_factory=list)
    """Lines behind an empty one; the value's only when the report goes on after them."""

    @property
    def name(self) -> str:
        """The field that the row is for; the first of two."""
        return self.label.fields[0]

    def whole(self) -> Span:
        """From the start of the value to its end."""
        return Span(self.spans[0].start, self.spans[-1].end) if self.spans else Span(0, 0)


@dataclass(slots=True)
class Scan:
    """A message cut up: its rows in order, and lines that belong to none (a title, a greeting)."""

    rows: list[Row] = field(default_factory=list)
    free: list[Span] = field(default_factory=list)


class RowScanner:
    """Reads one message line by line. Make one per message."""

    def __init__(self, clean: CleanText, labels: LabelTable) -> None:
        self._clean = clean
        self._labels = labels
        self._scan = Scan()
        self._open: Row | None = None
        self._break = Break.NONE
        self._seen: set[str] = set()
        self._here: set[str] = set()  # fields seen since the last client's name
        self._about_sender = False
        self._style = Style(next_line=False, separators=frozenset(), bare=False, labelled=False)

    def scan(self, lines: list[Span] | None = None) -> Scan:
        """Cut the message, or some lines of it, into rows."""
        lines = self._clean.lines() if lines is None else lines
        texts = [self._clean.text[line.start : line.end] for line in lines]
        self._style = style_of(texts, self._labels)
        for line, text in zip(lines, texts, strict=True):
            sender = _SENDER.match(text)
            if sender:
                self._close()
                self._break = Break.RULE
                line = Span(line.start + sender.end(), line.end)  # noqa: PLW2901 — the line without its sender
            self._line(line)
        if self._open is not None:
            self._open.loose.clear()
        if sum(1 for row in self._scan.rows if row.name != IGNORED) < _FEWEST_ROWS:
            self._by_numbers(lines)
        return self._scan

    def _line(self, line: Span) -> None:
        text = self._clean.text[line.start : line.end]
        if not any(map(str.isalnum, text)):
            self._without_words(line, text)
            return
        found = None if self._labels.is_section(text) else self._label(text) or _next_client(text)
        if cut := rows_in_one_line(text, self._labels):
            for label, start, end in cut:
                self._begin(label, Span(line.start + start, line.start + end))
        elif parts := rows_of_heading(text, self._labels):
            for heading, start, end in parts:
                part = Span(line.start + start, line.start + end)
                if heading is None:
                    self._scan.free.append(part)
                else:
                    self._begin(heading, part)
            self._close()
        elif found is not None:
            label, start = found
            self._begin(label, Span(line.start + start, line.end))
        elif self._labels.is_heading(text):
            self._about_sender = self._labels.is_about_sender(text)
            self._close()
            self._break = Break.RULE
            self._scan.free.append(line)
        elif self._labels.is_closing(text) and not (self._open and not self._open.spans):
            self._close()
            self._scan.free.append(line)
        else:
            self._continue(line)

    def _without_words(self, line: Span, text: str) -> None:
        """An empty line, a line of dashes, or a dash that is the value of the row above."""
        stripped = text.strip()
        if stripped and self._open is not None and not self._open.spans and len(stripped) <= 3:  # noqa: PLR2004
            self._open.spans.append(line)
        else:
            self._break = max(self._break, Break.RULE if len(stripped) > 2 else Break.BLANK)  # noqa: PLR2004
            if self._break is Break.RULE and self._open is not None and self._open.spans:
                self._close()

    # -- labels -----------------------------------------------------------------------------------------------
    def _label(self, text: str) -> tuple[Label, int] | None:
        """The label of a line and where its value begins; None when the line is (part of) a value."""
        lead = LEAD.match(text)
        start = lead.end() if lead else 0
        body = text[start:]
        prose = self._open is not None and self._open.name in PROSE
        awaiting = self._open is not None and not self._open.spans
        for separator in list(SEPARATOR.finditer(body, 0, LABEL_REACH))[:_SEPARATORS_TRIED]:
            sure = self._style.is_sure(separator.group())
            free = prose or awaiting or not sure
            label = self._labels.before_separator(body[: separator.start()], in_free_text=free)
            if label is None and prose and not awaiting and sure and self._style.labelled:
                label = self._new_in_prose(body[: separator.start()])
            if label is not None:
                gap = _BEFORE_VALUE.match(body, separator.end())
                value = gap.end() if gap else separator.end()
                return (label, start + value) if self._is_row(label, body[value:], sure=sure) else None
            if (
                sure
                and not prose
                and not awaiting
                and (guess := _by_value(body[: separator.start()], body[separator.end() :]))
            ):
                return guess, start + separator.end()
        if self._labels.is_numbered_heading(body):  # "Klien 2"
            return None
        alone = self._labels.alone(body.rstrip(" ?"), exact=awaiting)
        if alone is None and self._style.next_line and not awaiting and not (self._open and self._open.name in LISTS):
            alone = self._labels.weak_alone(body)
        if alone is not None:
            return alone, len(text)
        bare = self._labels.bare_prefix(body)
        if bare is not None and self._is_bare_row(bare[0], body[bare[1] :].strip(), prose=prose, awaiting=awaiting):
            return bare[0], start + bare[1]
        return None

    def _new_in_prose(self, text: str) -> Label | None:
        """The field that words before a separator are about, when this report has had no row for it."""
        label = self._labels.before_separator(text, in_free_text=False)
        return label if label is not None and not self._here.intersection(label.fields) else None

    def _is_row(self, label: Label, value: str, *, sure: bool) -> bool:
        """Whether what looks like `label: value` is a row here and not an item of a list or a part of a sentence."""
        digits = sum(map(str.isdigit, value))
        if label.key in _ALSO_DOCUMENTS and digits < _SOME_DIGITS:
            in_list = self._open is not None and self._open.name in LISTS
            return not in_list and not any(map(str.isalpha, value))
        return sure or label.strong or not (self._open and self._open.name in _LONG)

    def _is_bare_row(self, label: Label, value: str, *, prose: bool, awaiting: bool) -> bool:
        """Whether a line that begins with a label's words, without a separator, is that row."""
        name, words = label.fields[0], value.split()
        digits = sum(map(str.isdigit, value))
        if not label.strong and not self._is_senders_way(name, awaiting=awaiting):
            # Ordinary words, but then a number: "Nama Paini, NIK 6201…", "HP 0812…"
            return not _SURELY_SEPARATED.match(value) and digits >= {
                "client_name": _MANY_DIGITS,
                "phone": _PHONE_DIGITS,
            }.get(name, 99)
        if name in _NUMBERS:
            return digits >= _FEWEST_DIGITS
        if name in _DATED:
            return digits >= 2 and len(words) <= _MOST_NAME_WORDS  # noqa: PLR2004 — a day, a month, or an amount
        if awaiting or (name in self._seen and name in _PLACES):
            return False
        if prose and not self._is_senders_way(name, awaiting=awaiting):
            # In the middle of a complaint only "Kel Karya, Kec Tanjung Balai Selatan" is surely a row.
            return name in _PLACES and bool(
                re.search(r"\b(?:kec|kecamatan|distrik|kapanewon|kab|kabupaten)\b", value.lower())
            )
        return name != IGNORED and len(words) <= (_MOST_NAME_WORDS if name in _NAMES | _PLACES else 40)

    def _is_senders_way(self, name: str, *, awaiting: bool) -> bool:
        """Whether this sender writes labels with a space behind them, and this one has not come yet."""
        return self._style.bare and not awaiting and name not in self._seen

    # -- values -----------------------------------------------------------------------------------------------
    def _begin(self, label: Label, value: Span) -> None:
        """Open a row; a value may hold further rows (`Kel: Perwira | Kec: Tanjungbalai Selatan`)."""
        if self._open is not None and self._break is not Break.RULE:
            self._open.spans.extend(self._open.loose)
        for part_label, part in self._inline(label, value):
            if self._about_sender and part_label.key in PLAIN_NAME and "facilitator" not in self._seen:
                part_label = Label(("facilitator",), 0.9, part_label.key, strong=False)  # noqa: PLW2901 — whose it is
            row = Row(part_label, self._break)
            if any(not letter.isspace() for letter in self._clean.text[part.start : part.end]):
                row.spans.append(self._clean.trimmed(part.start, part.end))
            self._scan.rows.append(row)
            self._seen.update(part_label.fields)
            if "client_name" in part_label.fields:
                self._here.clear()
            self._here.update(part_label.fields)
            self._open, self._break = row, Break.NONE

    def _inline(self, label: Label, value: Span) -> Iterator[tuple[Label, Span]]:
        start = value.start
        text = self._clean.text
        for mark in re.finditer("[:=]", text[value.start : value.end]):
            place = value.start + mark.start()
            found = self._label_ending_at(place, start, prose=label.fields[0] in PROSE)
            if found is None:
                continue
            inner, begins = found
            if inner.key in _ALSO_DOCUMENTS and sum(map(str.isdigit, text[place : place + 24])) < _SOME_DIGITS:
                continue
            yield label, Span(start, begins)
            label, start = inner, place + 1
        yield label, Span(start, value.end)

    def _label_ending_at(self, place: int, earliest: int, *, prose: bool) -> tuple[Label, int] | None:
        """The longest label, spelt right, of the words that end at ``place``, and where it begins."""
        reach = max(earliest, place - LABEL_REACH)
        words = list(_WORD.finditer(self._clean.text, reach, place))[-_INLINE_WORDS:]
        for first in range(len(words)):
            begins = words[first].start()
            while begins < place and self._clean.text[begins] in ",;|/(":
                begins += 1
            label = self._labels.exact(self._clean.text[begins:place])
            if label is None:
                continue
            before = self._clean.text[earliest:begins].rstrip(" ")
            divided = not before or before[-1] in ",;|/\t" or begins - earliest - len(before) > 1
            divided = divided or (before[-1] == "." and label.strong)
            if divided or (not prose and label.strong):
                return label, begins
        return None

    def _continue(self, line: Span) -> None:
        """A line without a label: more of the open row's value, or nobody's."""
        row = self._open
        if row is None:
            self._scan.free.append(line)
            return
        is_boxed = row.name in _BOXED and _BOX.match(self._clean.text, line.start, line.end)
        bullet = (_BULLET_AND_NO_BOX if is_boxed else _BULLET).match(self._clean.text, line.start, line.end)
        span = self._clean.trimmed(bullet.end() if bullet else line.start, line.end)
        if not row.spans or is_boxed:
            row.spans.append(span)
        elif row.name not in _LONG or row.name == IGNORED:
            self._scan.free.append(line)
        elif self._break is Break.NONE and not row.loose:
            row.spans.append(span)
        else:
            row.loose.append(span)
            self._break = Break.NONE

    def _close(self) -> None:
        if self._open is not None:
            self._open.loose.clear()
        self._open = None

    def _by_numbers(self, lines: list[Span]) -> None:
        """Rows of a message that has the form's numbers and no labels: `1. Lestari`, `2. Perwira`, …"""
        rows: list[Row] = []
        for line in lines:
            numbered = _NUMBERED.match(self._clean.text, line.start, line.end)
            if numbered and 1 <= int(numbered[1]) <= _FORM_ROWS:
                name = self._labels.form_order[int(numbered[1]) - 1]
                span = self._clean.trimmed(numbered.end(), line.end)
                rows.append(
                    Row(Label((name,), 0.6, name, strong=True), Break.NONE, [span] if span.end > span.start else [])
                )
        if len({row.name for row in rows}) >= _ENOUGH_NUMBERED:
            self._scan.rows = rows


def _next_client(text: str) -> tuple[Label, int] | None:
    """A numbered line with a name and a NIK, and where the name begins."""
    lead = LEAD.match(text)
    if lead is None or not any(map(str.isdigit, lead.group())) or not _NAME_AND_NIK.fullmatch(text, lead.end()):
        return None
    return Label(("client_name",), 0.7, "", strong=True), lead.end()


def _by_value(label: str, value: str) -> Label | None:
    """What a row under an unknown label is, when only one kind of value looks like that: a number."""
    if len(label) > _UNKNOWN_LABEL:
        return None
    if _PHONE_ALONE.fullmatch(value):
        return Label(("phone",), GUESSED, "", strong=False)
    if _IDENTITY_ALONE.fullmatch(value):
        return Label(("kk_number" if label.rstrip(" .").lower().endswith("kk") else "nik",), GUESSED, "", strong=False)
    return None
