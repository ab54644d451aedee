"""See how the sender of one message sets labels apart from values, before any row is read."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from slrt_intake.reports.labels import IGNORED, Label, LabelTable

SURE_SEPARATORS: Final = frozenset(":=\t")
# Bullets, then numbers: "3.", "3)", "(3)", "3 Nama", also twice ("1)7)" are the two boxes of a keycap 17).
LEAD = re.compile(
    r"[\s>|•\-#☑☐✗+]{0,20}(?:\(?[0-9]{1,2}\s?[.):\]\-]{1,2}\s?|[0-9]{1,2}\s(?=[A-Za-z])|[A-Za-z][.)]\s){0,4}[\s•\-.]{0,5}"
)
SEPARATOR = re.compile(r"[:=;|\t]|\s-+\s|-\s|\s?>|\.{2,}|\s-(?=\S)")
LABEL_REACH: Final = 90
_WORD = re.compile(r"[^\s,;]+")
_NEXT_LINE: Final = 4
_SAME_SEPARATOR: Final = 3  # rows of different fields that make a doubtful separator a sure one
_BARE: Final = 5  # rows of different fields without a separator
_IN_ONE_LINE: Final = 7  # labels in one line, without a separator, that make it a report of one line
_ONE_LINE: Final = (90, 2_000)  # characters
_LABEL_WORDS: Final = 4
_HEADING: Final = 160
_HEADING_DIVIDER = re.compile(r"\s-\s|\s?[|•]\s?|[;,]\s")
_TITLE_WORDS = re.compile(r"\s{0,3}lap(?:oran)?\.?\s{1,3}(?:harian |kunjungan |pengaduan )?(?=fasil)", re.IGNORECASE)
_SENTENCE_END = re.compile(r"[a-z]{3}\.\s+[A-Z]")  # a story: read another way
_PARTS_OF_ADDRESS: Final = frozenset({"rt", "rw", "rt_rw", "hamlet"})
_NUMBER: Final = 6  # digits behind "kk" or "ktp" that make it a label and no document


@dataclass(frozen=True, slots=True)
class Style:
    """The habits of a sender that the rows of the whole message tell."""

    next_line: bool
    """Values stand on the line below their label."""
    separators: frozenset[str]
    """Marks that this sender puts behind labels, besides those that are always taken for it."""
    bare: bool
    """Only a space stands between label and value."""
    labelled: bool
    """Most rows have a label and a mark that is always taken for a separator; also a line in prose then has one."""

    def is_sure(self, separator: str) -> bool:
        """Whether what stands before the separator may be told by its likeness to a label."""
        return separator in SURE_SEPARATORS or mark_of(separator) in self.separators


def mark_of(separator: str) -> str:
    """What is left of a separator without its spaces, once."""
    return separator.strip()[:1] or separator


def style_of(texts: Sequence[str], labels: LabelTable) -> Style:
    """The style of a message with these lines."""
    alone = [label for text in texts if ":" not in text and (label := labels.weak_alone(text)) is not None]
    by_mark: dict[str, set[str]] = {}
    bare: set[str] = set()
    labelled: set[str] = set()
    written = 0
    for text in texts:
        lead = LEAD.match(text)
        body = text[lead.end() if lead else 0 :]
        written += bool(body.strip())
        separator = SEPARATOR.search(body, 0, LABEL_REACH)
        if separator is not None:
            label = labels.exact(body[: separator.start()])
            if label is not None and separator.group() in SURE_SEPARATORS:
                labelled.update(label.fields)
            elif label is not None:
                by_mark.setdefault(mark_of(separator.group()), set()).update(label.fields)
        if separator is None and (found := labels.bare_prefix(body)) and found[0].strong:
            bare.update(found[0].fields)
    return Style(
        next_line=sum(label.strong for label in alone) >= _NEXT_LINE,
        separators=frozenset(mark for mark, fields in by_mark.items() if len(fields) >= _SAME_SEPARATOR),
        bare=len(bare) >= max(_BARE, written / 2),
        labelled=len(labelled) >= _BARE,
    )


def rows_in_one_line(text: str, labels: LabelTable) -> list[tuple[Label, int, int]]:
    """(label, start, end) of the values of a line that is a whole report with no separator in it; else nothing.

    `fasil Sri kel Condongcatur kec Depok tgl 14/9/26 klien Tukinem nik 3404… keluhan kis mati layanan aktivasi kis`
    """
    shortest, longest = _ONE_LINE
    if (
        not shortest <= len(text) <= longest
        or any(mark in text for mark in SURE_SEPARATORS)
        or len(_SENTENCE_END.findall(text)) > 1
    ):
        return []
    found = list(_labels_in(text, labels))
    if len(found) < _IN_ONE_LINE or any(map(str.isalpha, text[: found[0][1]])):  # a story begins with other words
        return []
    ends = [start for _, start, _ in found[1:]] + [len(text)]
    return [(label, value, end) for (label, _, value), end in zip(found, ends, strict=True)]


def rows_of_heading(text: str, labels: LabelTable) -> list[tuple[Label | None, int, int]]:
    """(label, start, end) of the parts of a heading that says who reports from where; None for a part without a label.

    `Fasil Melati - Kel. Gading, Kec. Datuk Bandar - 21/7/2026`
    """
    if len(text) > _HEADING or any(mark in text for mark in SURE_SEPARATORS):
        return []
    dividers = list(_HEADING_DIVIDER.finditer(text))
    if not dividers:
        return []
    title = _TITLE_WORDS.match(text)
    starts = [title.end() if title else 0, *(mark.end() for mark in dividers)]
    ends = [*(mark.start() for mark in dividers), len(text)]
    parts: list[tuple[Label | None, int, int]] = []
    for start, end in zip(starts, ends, strict=True):
        found = labels.bare_prefix(text[start:end])
        parts.append((found[0], start + found[1], end) if found else (None, start, end))
    known = [label for label, _, _ in parts if label is not None]
    says_who = any("facilitator" in label.fields for label in known)
    return parts if says_who and len(known) > 1 else []


def _labels_in(text: str, labels: LabelTable) -> Iterator[tuple[Label, int, int]]:
    """(label, where it begins, where its value begins), each field once."""
    words = list(_WORD.finditer(text))
    seen: set[str] = set()
    place = 0
    while place < len(words):
        for length in range(min(_LABEL_WORDS, len(words) - place), 0, -1):
            start, end = words[place].start(), words[place + length - 1].end()
            label = labels.exact(text[start:end])
            if label is None or seen.intersection(label.fields) or label.fields == (IGNORED,):
                continue
            if _PARTS_OF_ADDRESS.issuperset(label.fields):
                continue
            if set(label.fields) & {"nik", "kk_number"} and sum(map(str.isdigit, text[end : end + 24])) < _NUMBER:
                continue
            seen.update(label.fields)
            yield label, start, end
            place += length - 1
            break
        place += 1
