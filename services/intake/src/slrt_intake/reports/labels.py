"""Recognise the label of a row: which field of the form it means, misspelt or not."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from rapidfuzz import process
from rapidfuzz.distance import OSA

from slrt_intake.reports.phrases import words_of
from slrt_intake.reports.vocabulary import read_yaml

IGNORED: Final = "ignored"
_LETTERS = re.compile("[a-z]+")
# "Klien 2" is a label with a number; "RT 3 RW 2" is a value.
_NUMBERED_AT_MOST = re.compile(r"[^0-9]*[0-9]{0,2}\s*")
_ROMAN: Final = frozenset({"i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x"})
_LONGEST: Final = 60  # characters of a label
_MOST_WORDS: Final = 9
_MOST_BARE_WORDS: Final = 5
_MOST_CLOSING_WORDS: Final = 12
_MOST_TITLE_WORDS: Final = 3
_KEPT: Final = 20_000
_FEWEST_LETTERS: Final = 3
_LONG_ENOUGH: Final = 8
_MOST_LABEL_DIGITS: Final = 2


@dataclass(frozen=True, slots=True)
class Label:
    """A label that was recognised: the fields it announces (two for "Desa/Kec"), how surely, and as which words."""

    fields: tuple[str, ...]
    confidence: float
    key: str
    """Letters of the alias that matched."""
    strong: bool


class LabelTable:
    """All labels that are known, from `data/labels.yaml`."""

    def __init__(self) -> None:
        data = read_yaml("labels.yaml")
        self._short_words: dict[str, str] = data["short_words"]
        self._aliases: dict[str, Label] = {}
        self._ordinals = frozenset(data["ordinals"])
        for name, groups in data["fields"].items():
            for strong in (True, False):
                for alias in groups["strong" if strong else "weak"]:
                    for key in self._keys(alias):
                        self._aliases.setdefault(key, Label((name,), 1.0, _joined(alias), strong))
        self._long_keys = [key for key in self._aliases if len(key) > _FEWEST_LETTERS]
        self._short = {"".join(sorted(key)): key for key in self._aliases if len(key) == _FEWEST_LETTERS}
        self._keywords: list[tuple[str, str]] = [(word, name) for word, name in data["keywords"]]
        self.form_order: list[str] = data["form_order"]
        self._closings = [words_of(text) for text in data["closings"]]
        self._openings = [words_of(text) for text in data["openings"]]
        self._titles = frozenset(data["titles"])
        self._senders = frozenset(data["senders"])
        self._headings = frozenset(_joined(text) for text in data["headings"])
        self._found: dict[tuple[str, bool], Label | None] = {}

    def before_separator(self, text: str, *, in_free_text: bool) -> Label | None:
        """The label that the text before a separator is; None when it is none.

        ``in_free_text``: the row before is prose, so only a close likeness counts.
        """
        known = (text, in_free_text)
        try:  # not asked first whether it is there: another thread may empty the table in between
            return self._found[known]
        except KeyError:
            if len(self._found) > _KEPT:
                self._found.clear()
            found = self._found[known] = self._before_separator(text, in_free_text=in_free_text)
            return found

    def alone(self, text: str, *, exact: bool) -> Label | None:
        """The label that a whole line is, without a separator: a strong one.

        ``exact``: no misspellings, because the line may as well be the value of the label above ("Akta kelahiran" is
        near "Kota kelahiran"). Short labels are never forgiven one (Desi is no desa).
        """
        if len(text) > _LONGEST or not _NUMBERED_AT_MOST.fullmatch(text):
            return None
        label = self._exact(text) if exact or len(_joined(text)) < _LONG_ENOUGH else self._alike(text)
        return label if label is not None and (label.strong or label.fields == (IGNORED,)) else None

    def weak_alone(self, text: str) -> Label | None:
        """The label that a whole line is, ordinary words too: for messages that put every value on the next line."""
        short = len(text) <= _LONGEST and _NUMBERED_AT_MOST.fullmatch(text)
        return self._exact(text) if short else None

    def bare_prefix(self, text: str) -> tuple[Label, int] | None:
        """The longest label at the start of a line with only a space behind it, and where its value begins."""
        found: tuple[Label, int] | None = None
        position = 0
        for _ in range(_MOST_BARE_WORDS):
            while position < len(text) and text[position] in " \t":
                position += 1
            while position < len(text) and text[position] not in " \t":
                position += 1
            if position > _LONGEST or position == len(text) or _digits(text[:position]):
                break
            label = self._exact(text[:position])
            if label is not None:
                found = (label, position)
        return found

    def exact(self, text: str) -> Label | None:
        """The label that is spelt exactly so, in one piece."""
        return None if any(letter in "0123456789,;|" for letter in text) else self._exact(text)

    def is_closing(self, text: str) -> bool:
        """Whether a line takes leave of the reader."""
        words = words_of(text)
        return len(words) <= _MOST_CLOSING_WORDS and _begins(words, self._closings)

    def is_heading(self, text: str) -> bool:
        """Whether a line is a heading ("Laporan 2", "B. KONDISI RUMAH", "FORM PENGADUAN SLRT") or opens a message."""
        if len(text) > _LONGEST:
            return False
        words = [word for word in words_of(text) if not word[0].isdigit() and word not in self._ordinals]
        if words and len(words[0]) == 1:
            words = words[1:]
        is_title = bool(words) and words[0] in self._titles and (len(words) <= _MOST_TITLE_WORDS or text.isupper())
        return is_title or "".join(words) in self._headings or _begins(tuple(words), self._openings)

    def is_section(self, text: str) -> bool:
        """Whether a line is exactly one of the known headings ("A. DATA FASILITATOR"), also when it is near a label."""
        if len(text) > _LONGEST or ":" in text:
            return False
        words = words_of(text)
        return len(words) > 1 and "".join(words[len(words[0]) == 1 :]) in self._headings

    def is_about_sender(self, text: str) -> bool:
        """Whether a heading is that of the sender's own rows: "A. DATA FASILITATOR"."""
        return not self._senders.isdisjoint(words_of(text))

    def is_numbered_heading(self, text: str) -> bool:
        """Whether a line is a heading with a number in it: "Klien 2", "KLIEN KEDUA"."""
        numbered = any(map(str.isdigit, text)) or bool(self._ordinals.intersection(words_of(text[:_LONGEST])))
        return numbered and self.is_heading(text)

    def _keys(self, text: str) -> tuple[str, ...]:
        """Letters of the text, lower case, with shortened words spelt out and as they are.

        Digits number a label ("Klien 2") and do not tell it.
        """
        words = _LETTERS.findall(text.lower())
        spelt, written = "".join(self._short_words.get(word, word) for word in words), "".join(words)
        return (spelt,) if spelt == written else (spelt, written)

    def _exact(self, text: str) -> Label | None:
        return next((self._aliases[key] for key in self._keys(text) if key in self._aliases), None)

    def _before_separator(self, text: str, *, in_free_text: bool) -> Label | None:
        text = text.strip()
        if not text or len(text) > _LONGEST or _digits(text) > _MOST_LABEL_DIGITS or len(words_of(text)) > _MOST_WORDS:
            return None
        outside = _without_brackets(text)
        head, _, last = text.rpartition(" ")
        if last.lower() in _ROMAN or last.lower() in self._ordinals:  # "Klien II", "Klien kedua"
            outside = head
        return (
            self._exact(text)
            or self._exact(outside)
            or self._parts(outside, self._exact)
            or self._alike(text)
            or self._alike(outside)
            or self._parts(outside, self._alike)
            or (None if in_free_text else self._by_keyword(outside) or self._alike(outside, more=1))
        )

    def _parts(self, text: str, find: Callable[[str], Label | None]) -> Label | None:
        """Labels joined by a slash or a comma: alternatives of one field, or two fields whose values are joined too."""
        parts = [
            part for part in text.replace("&", "/").replace(",", "/").replace("+", "/").split("/") if _joined(part)
        ]
        if not 1 < len(parts) <= 3:  # noqa: PLR2004
            return None
        labels = [find(part) for part in parts]
        known = [label for label in labels if label is not None]
        if len(known) < len(parts):
            return None
        fields = tuple(dict.fromkeys(name for label in known for name in label.fields if name != IGNORED))
        return Label(fields or (IGNORED,), 0.9, known[0].key, all(label.strong for label in known))

    def _alike(self, text: str, *, more: int = 0) -> Label | None:
        """The label that the text is a misspelling of; ``more``: letters forgiven beyond the usual, in long ones."""
        near = [
            found for key in self._keys(text) for found in self._near(key, more if len(key) >= _LONG_ENOUGH - 2 else 0)
        ]
        if not near:
            return self._exact(text)
        distance, _, name = min(near)
        label = self._aliases[name]
        return Label(label.fields, 0.95 - distance if distance else 1.0, label.key, label.strong)

    def _near(self, key: str, more: int) -> Iterator[tuple[float, bool, str]]:
        """Aliases near a key as (distance, is an ignored one, alias); the smallest is meant.

        "kelurhan" is one letter from "kelurahan" and from "keluhan": the longer word has less wrong with it.
        """
        if len(key) == _FEWEST_LETTERS and (alias := self._short.get("".join(sorted(key)))):
            yield 0.3, False, alias
        if len(key) <= _FEWEST_LETTERS:
            return
        for name, wrong, _ in process.extract(
            key, self._long_keys, scorer=OSA.distance, score_cutoff=_errors(key) + more, limit=4
        ):
            if wrong <= _errors(min(key, name, key=len)) + more:
                yield OSA.normalized_distance(key, name), self._aliases[name].fields == (IGNORED,), name

    def _by_keyword(self, text: str) -> Label | None:
        words = words_of(text)
        if len(words) > 6:  # noqa: PLR2004 — a sentence, not a label
            return None
        for word, name in self._keywords:
            if any(_is_word(written, word) for written in words):
                return Label((name,), 0.6, word, strong=False)
        return None


def _begins(words: tuple[str, ...], phrases: list[tuple[str, ...]]) -> bool:
    return any(words[: len(phrase)] == phrase for phrase in phrases)


def _joined(text: str) -> str:
    return "".join(_LETTERS.findall(text.lower()))


def _is_word(written: str, word: str) -> bool:
    """Whether a word of a label is the keyword, one letter wrong in a long one."""
    return written == word or (len(word) >= _LONG_ENOUGH - 2 and OSA.distance(written, word, score_cutoff=1) <= 1)


def _digits(text: str) -> int:
    return sum(map(str.isdigit, text))


def _without_brackets(text: str) -> str:
    head, _, tail = text.partition("(")
    return f"{head} {tail.partition(')')[2]}"


def _errors(key: str) -> int:
    """Letters that may be wrong in a label of that length."""
    return 1 if len(key) < 8 else 2 if len(key) < 12 else 3  # noqa: PLR2004
