"""Read a report that is told as a story, without labels, by the words that open its values."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Final

from slrt_intake.reports.labels import Label
from slrt_intake.reports.rows import Break, Row
from slrt_intake.reports.split import ReportRows
from slrt_intake.reports.text import CleanText, Span
from slrt_intake.reports.vocabulary import read_yaml

TOLD: Final = 0.5
"""Confidence of a field that a story tells."""
_SHORTEST, _LONGEST = 60, 4_000  # characters of a story
_FEWEST: Final = 5  # different fields that make a story a report
_OPEN_ENDED: Final = frozenset({"complaint", "service"})
_WITH_WORD: Final = frozenset({"house_status", "lighting", "sanitation", "welfare_status"})
_ABOUT: Final = frozenset({"client_name", "nik"})
_WORD = re.compile(r"\S+")
_CLAUSE = re.compile(r"[;,](?![0-9])")
_IS = r"(?:\s(?:adalah|yaitu|ialah|berupa|yakni))?"
_NAME = r"((?:[A-Z][\w'’.]*|[a-z]\.)(?:[ ](?:[A-Z][\w'’.]*|bin|binti|br\.?)){0,3})"
_JOINING: Final = frozenset({"dengan", "dan", "serta", "yang", "di", "ke", "dari", "untuk", "adalah"})
_NIK = re.compile(r"\b(?:nik|ktp)\b\D{0,20}([0-9](?:[ .\-]?[0-9O]){11,17})", re.IGNORECASE)
_KK = re.compile(r"\bk{2}\b\D{0,12}([0-9](?:[ .\-]?[0-9]){11,17})", re.IGNORECASE)
_PHONE = re.compile(r"(?<![0-9])(?:\+?62|0)[ .\-]?8(?:[ .\-]?[0-9]){8,11}(?![0-9])")
_DATE = re.compile(
    r"(?<![0-9])[0-9]{1,2}(?:\s?[/.\-]\s?[0-9]{1,2}\s?[/.\-]\s?|\s{1,2}[A-Za-z]{3,10}\.?\s{1,2})(?:20)?[0-9]{2}(?![0-9])"
)


@dataclass(frozen=True, slots=True)
class _Found:
    field: str
    span: Span


@dataclass(frozen=True, slots=True)
class _Opening:
    opens: int
    field: str
    start: int
    """Where the value begins: at the opening words themselves where they are a part of it ("rumah sewa")."""
    end: int


class StoryReader:
    """Finds the values of a story; holds the words, keeps nothing between messages."""

    def __init__(self) -> None:
        data = read_yaml("prose.yaml")
        self._opens = {
            name: re.compile(rf"\b(?:{_either(words)})\b{_IS}[\s:=-]{{0,3}}", re.IGNORECASE)
            for name, words in data["opens"].items()
        }
        # A full stop ends a sentence before a capital letter, except behind what is shortened: "Kec. Datuk Bandar".
        shortened = "".join(rf"(?<!\b(?i:{re.escape(word)})\.)" for word in data["shortened"])
        self._sentence = re.compile(rf"[.!?](?<!\b[A-Za-z]\.){shortened}(?=\s+[A-Z\"(]|\s*\Z)|\n")
        clients, senders, behind = (_either(data[words]) for words in ("clients", "senders", "sender_behind"))
        self._client = re.compile(rf"\b(?i:{clients})\b[. :]{{1,3}}{_NAME}")
        self._sender = re.compile(rf"\b(?i:{senders})\b[ :,]{{1,3}}{_NAME}")
        self._sender_behind = re.compile(rf"{_NAME},?[ ](?:selaku[ ]|sebagai[ ])?(?i:{behind})\b")
        self._no_names, self._titles = frozenset(data["no_names"]), frozenset(data["titles"])

    def read(self, clean: CleanText) -> tuple[ReportRows, list[Span]] | None:
        """The rows of the one report that the text tells, and its clauses, which name places; None: it tells none."""
        text = clean.text
        if not _SHORTEST <= len(text) <= _LONGEST:
            return None
        found = list(self._find(text))
        fields = {each.field for each in found}
        if len(fields) < _FEWEST or not fields & _ABOUT or not fields & _OPEN_ENDED:
            return None
        if "facilitator" not in fields and ("nik" not in fields or "?" in text):  # news, a question after somebody
            return None
        rows = [
            Row(Label((each.field,), TOLD, "", strong=False), Break.NONE, [_without_joining_words(clean, each.span)])
            for each in found
        ]
        clauses = [
            clause
            for sentence in _pieces(self._sentence, text, Span(0, len(text)))
            for clause in _pieces(_CLAUSE, text, sentence)
        ]
        return ReportRows(own=rows), clauses

    def _find(self, text: str) -> Iterator[_Found]:
        sender = self._name(self._sender, text) or self._name(self._sender_behind, text)
        if sender is not None:
            yield _Found("facilitator", sender)
        told = text[sender.start : sender.end] if sender else ""
        client = self._name(self._client, text, but=told)
        if client is not None:
            yield _Found("client_name", client)
        for name, pattern in (("nik", _NIK), ("kk_number", _KK)):
            if number := pattern.search(text):
                yield _Found(name, Span(*number.span(1)))
        if phone := _PHONE.search(text):
            yield _Found("phone", Span(*phone.span()))
        if day := _DATE.search(text):
            yield _Found("visit_date", Span(*day.span()))
        taken: set[str] = set()
        for sentence in _pieces(self._sentence, text, Span(0, len(text))):
            for clause in _pieces(_CLAUSE, text, sentence):
                opened = [each for each in self._opened(text, clause) if each.field not in taken & _OPEN_ENDED]
                for each, following in zip_longest(opened, opened[1:]):
                    taken.add(each.field)
                    if each.field in _OPEN_ENDED:
                        yield _Found(each.field, Span(each.start, sentence.end))
                        break
                    yield _Found(each.field, Span(each.start, following.opens if following else clause.end))
                if taken & _OPEN_ENDED and opened and opened[-1].field in _OPEN_ENDED:
                    break

    def _opened(self, text: str, clause: Span) -> list["_Opening"]:
        """Where values begin in a clause, in order; of words inside each other the longest counts."""
        hits = sorted(
            (
                _Opening(match.start(), name, match.start() if name in _WITH_WORD else match.end(), match.end())
                for name, pattern in self._opens.items()
                for match in pattern.finditer(text, clause.start, clause.end)
            ),
            key=lambda hit: (hit.opens, -hit.end),
        )
        found: list[_Opening] = []
        for hit in hits:
            if not found or hit.opens >= found[-1].end:
                # What stands before the first of them may deny it: "belum ada listrik".
                found.append(hit if found or hit.field not in _WITH_WORD else replace(hit, start=clause.start))
        return found

    def _name(self, pattern: re.Pattern[str], text: str, *, but: str = "") -> Span | None:
        for match in pattern.finditer(text):
            words = match[1].split()
            start = match.start(1)
            while words and words[0].strip(".,").lower() in self._titles:
                start = match.start(1) + match[1].index(words[1], len(words[0])) if len(words) > 1 else start
                del words[0]
            while words and words[-1].strip(".,").lower() in self._no_names:
                words.pop()
            if not words or words[0].strip(".,").lower() in self._no_names or " ".join(words) == but:
                continue
            return Span(start, start + len(" ".join(words).rstrip(".")))
        return None


def _without_joining_words(clean: CleanText, span: Span) -> Span:
    end = span.end
    for word in reversed(list(_WORD.finditer(clean.text, span.start, span.end))):
        if word.group().strip(",").lower() not in _JOINING:
            break
        end = word.start()
    return clean.trimmed(span.start, end)


def _pieces(divider: re.Pattern[str], text: str, whole: Span) -> Iterator[Span]:
    start = whole.start
    for mark in divider.finditer(text, whole.start, whole.end):
        yield Span(start, mark.start())
        start = mark.end()
    yield Span(start, whole.end)


def _either(words: list[str]) -> str:
    return "|".join(re.escape(word).replace(r"\ ", r"[.\s]\s?") for word in sorted(words, key=len, reverse=True))
