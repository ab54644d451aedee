"""Recognise the label of a row: which field of the form it means, misspelt or not."""

from dataclasses import dataclass
from typing import Final

from rapidfuzz import process
from rapidfuzz.distance import OSA

from slrt_intake.reports.phrases import words_of
from slrt_intake.reports.vocabulary import read_yaml

IGNORED: Final = "ignored"
_LONGEST: Final = 60  # characters of a label
_MOST_WORDS: Final = 9
_MOST_BARE_WORDS: Final = 5
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
        self._aliases: dict[str, Label] = {}
        for name, groups in data["fields"].items():
            for strong in (True, False):
                for alias in groups["strong" if strong else "weak"]:
                    self._aliases.setdefault(_key(alias), Label((name,), 1.0, _key(alias), strong))
        self._keys = [key for key in self._aliases if len(key) > _FEWEST_LETTERS]
        self._short = {
            "".join(sorted(key)): label for key, label in self._aliases.items() if len(key) == _FEWEST_LETTERS
        }
        self._keywords: list[tuple[str, str]] = [(word, name) for word, name in data["keywords"]]
        self.form_order: list[str] = data["form_order"]
        self._closings = sorted({words_of(text) for text in data["closings"]}, key=len, reverse=True)
        self._headings = frozenset(_key(text) for text in data["headings"])
        self._found: dict[tuple[str, bool], Label | None] = {}

    def before_separator(self, text: str, *, in_free_text: bool) -> Label | None:
        """The label that the text before a separator is; None when it is none.

        ``in_free_text``: the row before is prose, so only a close likeness counts.
        """
        known = (text, in_free_text)
        if known not in self._found:
            if len(self._found) > _KEPT:
                self._found.clear()
            self._found[known] = self._before_separator(text, in_free_text=in_free_text)
        return self._found[known]

    def alone(self, text: str) -> Label | None:
        """The label that a whole line is, without a separator: a strong one, spelt right if short (Desi is no desa)."""
        if len(text) > _LONGEST or _digits(text) > _MOST_LABEL_DIGITS:
            return None
        key = _key(text)
        label = self._alike(key) if len(key) >= _LONG_ENOUGH else self._aliases.get(key)
        return label if label is not None and (label.strong or label.fields == (IGNORED,)) else None

    def weak_alone(self, text: str) -> Label | None:
        """The label that a whole line is, ordinary words too: for messages that put every value on the next line."""
        short = len(text) <= _LONGEST and _digits(text) <= _MOST_LABEL_DIGITS
        return self._aliases.get(_key(text)) if short else None

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
            label = self._aliases.get(_key(text[:position]))
            if label is not None:
                found = (label, position)
        return found

    def exact(self, text: str) -> Label | None:
        """The label that is spelt exactly so, in one piece."""
        return None if any(letter in "0123456789,;|" for letter in text) else self._aliases.get(_key(text))

    def is_closing(self, text: str) -> bool:
        """Whether a line takes leave of the reader."""
        words = words_of(text[:_LONGEST])
        return any(words[: len(closing)] == closing for closing in self._closings)

    def is_heading(self, text: str) -> bool:
        """Whether a line is a heading such as "Laporan 2" or "B. KONDISI RUMAH"."""
        if len(text) > _LONGEST:
            return False
        words = [word for word in words_of(text) if not word[0].isdigit()]
        if words and len(words[0]) == 1:
            words = words[1:]
        return "".join(words) in self._headings

    def _before_separator(self, text: str, *, in_free_text: bool) -> Label | None:
        text = text.strip()
        if not text or len(text) > _LONGEST or _digits(text) > _MOST_LABEL_DIGITS or len(words_of(text)) > _MOST_WORDS:
            return None
        whole = _key(text)
        outside = _without_brackets(text)
        for key in dict.fromkeys((whole, _key(outside))):
            if key in self._aliases:
                return self._aliases[key]
        return (
            self._parts(outside)
            or self._alike(whole)
            or self._alike(_key(outside))
            or (None if in_free_text else self._by_keyword(outside))
        )

    def _parts(self, text: str) -> Label | None:
        """Labels joined by a slash or a comma: alternatives of one field, or two fields whose values are joined too."""
        parts = [part for part in text.replace("&", "/").replace(",", "/").replace("+", "/").split("/") if _key(part)]
        if not 1 < len(parts) <= 3:  # noqa: PLR2004
            return None
        labels = [self._aliases.get(_key(part)) for part in parts]
        known = [label for label in labels if label is not None]
        if len(known) < len(parts):
            return None
        fields = tuple(dict.fromkeys(name for label in known for name in label.fields if name != IGNORED))
        return Label(fields or (IGNORED,), 0.9, known[0].key, all(label.strong for label in known))

    def _alike(self, key: str) -> Label | None:
        """The alias that the key is a misspelling of."""
        if key in self._aliases:
            return self._aliases[key]
        if len(key) == _FEWEST_LETTERS:
            return self._short.get("".join(sorted(key)))
        if len(key) < _FEWEST_LETTERS:
            return None
        best = process.extract(key, self._keys, scorer=OSA.distance, score_cutoff=_errors(key), limit=4)
        # "kelurhan" is one letter from "kelurahan" and from "keluhan": the longer word has less wrong with it.
        near = [
            (OSA.normalized_distance(key, name), name)
            for name, wrong, _ in best
            if wrong <= _errors(min(key, name, key=len))
        ]
        if not near:
            return None
        distance, name = min(near)
        label = self._aliases[name]
        return Label(label.fields, 0.95 - distance, label.key, label.strong)

    def _by_keyword(self, text: str) -> Label | None:
        words = words_of(text)
        if len(words) > 6:  # noqa: PLR2004 — a sentence, not a label
            return None
        for word, name in self._keywords:
            if any(_is_word(written, word) for written in words):
                return Label((name,), 0.6, word, strong=False)
        return None


def _key(text: str) -> str:
    """Letters of the text, lower case; digits number a label ("Klien 2") and do not tell it."""
    return "".join(letter for letter in text.lower() if "a" <= letter <= "z")


def _is_word(written: str, word: str) -> bool:
    """Whether a word of a label is the keyword, one letter wrong in a long one."""
    return written == word or (len(word) > _LONG_ENOUGH - 2 and OSA.distance(written, word, score_cutoff=1) <= 1)


def _digits(text: str) -> int:
    return sum(map(str.isdigit, text))


def _without_brackets(text: str) -> str:
    head, _, tail = text.partition("(")
    return f"{head} {tail.partition(')')[2]}"


def _errors(key: str) -> int:
    """Letters that may be wrong in a label of that length."""
    return 1 if len(key) < 8 else 2 if len(key) < 12 else 3  # noqa: PLR2004
