"""Load the senders' vocabulary (`data/vocabulary.yaml`, `data/programmes.yaml`) into typed tables."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import resources
from typing import Any

import yaml

from slrt_intake.reports.phrases import PhraseTable, words_of

ABSENT, ENDED, PRESENT, OTHER = "-", "--", "+", ""
"""Codes of the phrases, in a list of things, that say "not there", "no longer", "there", and "something else"."""

CHOICES = ("welfare_status", "house_status", "lighting", "sanitation", "sex")


@dataclass(frozen=True, slots=True)
class Programmes:
    """What the words of a report mean in programmes."""

    held: PhraseTable
    """What a family has: names and the marks of absence and presence."""
    asked: PhraseTable
    """What the line of the service asks for."""
    troubles: PhraseTable
    """What a complaint asks for."""
    local: PhraseTable
    """Services of the village that belong to no programme."""
    sectors: Mapping[str, str]
    """Sector of each programme code."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One row that knows only a few answers."""

    phrases: PhraseTable
    rank: Mapping[str, int]
    """Order of the codes; the first wins a tie."""
    short: Mapping[str, str]
    """Initials that count as the whole value."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Everything that is known about senders' words, from the data files."""

    blanks: frozenset[tuple[str, ...]]
    withheld: frozenset[tuple[str, ...]]
    oneself: frozenset[tuple[str, ...]]
    documents: PhraseTable
    document_codes: frozenset[str]
    programmes: Programmes
    choices: Mapping[str, Choice]
    relations: PhraseTable
    relation_or_name: frozenset[str]
    relation_tail: frozenset[str]
    relation_alone: Mapping[tuple[str, ...], str]
    months: Mapping[str, int]
    roman: Mapping[str, int]
    numbers: Mapping[str, int]
    magnitudes: Mapping[str, int]
    not_monthly: frozenset[str]
    urgent: PhraseTable
    around_date: frozenset[str]

    @classmethod
    def load(cls) -> "Vocabulary":
        """Read the packaged files; about 100 ms, so once, where the service is composed."""
        words = read_yaml("vocabulary.yaml")
        table = partial(PhraseTable, short=words["short_words"], sound=_common_words())
        marks = {ABSENT: words["absent"], PRESENT: words["present"], ENDED: words["ended"]}
        return cls(
            blanks=_word_lists(words["blanks"]),
            withheld=_word_lists(words["withheld"]),
            oneself=_word_lists(words["self"]),
            documents=table({**words["documents"], OTHER: words["documents_other"], **marks}),
            document_codes=frozenset(words["documents"]),
            programmes=_programmes(read_yaml("programmes.yaml"), marks, table),
            choices={
                name: Choice(
                    table(words[name]),
                    {code: rank for rank, code in enumerate(words[name])},
                    words.get(f"{name}_short", {}),
                )
                for name in CHOICES
            },
            relations=table(words["relations"]),
            relation_or_name=frozenset(words["relation_or_name"]),
            relation_tail=frozenset(words["relation_tail"]),
            relation_alone={words_of(word): code for word, code in words["relation_alone"].items()},
            months={word: int(month) for month, names in words["months"].items() for word in names},
            roman={numeral: number for number, numeral in enumerate(words["roman_months"], start=1)},
            numbers={word: int(number) for word, number in words["numbers"].items()},
            magnitudes={word: int(number) for word, number in words["magnitudes"].items()},
            not_monthly=frozenset(word for phrase in words["not_monthly"] for word in phrase.split() if word != "per"),
            urgent=table({"urgent": words["urgent"], ABSENT: words["urgent_not"]}),
            around_date=frozenset(words["around_date"]),
        )

    def is_blank(self, text: str) -> bool:
        """Whether the value only says "none": a dash, nothing, or words for it."""
        words = words_of(text)
        return not words or words in self.blanks


def read_yaml(name: str) -> dict[str, Any]:
    """One of the packaged data files; every scalar stays a string (`no` is a word here, not False)."""
    text = _read(name)
    # BaseLoader builds nothing but strings, lists and dictionaries.
    data: dict[str, Any] = yaml.load(text, Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader))  # noqa: S506
    return data


def _read(name: str) -> str:
    return resources.files("slrt_intake.reports").joinpath("data", name).read_text(encoding="utf-8")


def _common_words() -> frozenset[str]:
    _, _, words = _read("common_words.txt").partition("\n")
    return frozenset(words.split())


def _word_lists(phrases: list[str]) -> frozenset[tuple[str, ...]]:
    return frozenset(words_of(phrase) for phrase in phrases)


def _programmes(data: dict[str, Any], marks: dict[str, list[str]], table: Callable[..., PhraseTable]) -> Programmes:
    local = data.pop("local")
    other = data.pop("other")["not"]
    other += [phrase for entry in data.values() for phrase in entry.get("not", ())]

    def phrases(*parts: str) -> dict[str, list[str]]:
        found = {code: [phrase for part in parts for phrase in entry.get(part, ())] for code, entry in data.items()}
        return {**{code: texts for code, texts in found.items() if texts}, OTHER: other}

    return Programmes(
        held=table({**phrases("names"), **marks}),
        asked=table(phrases("names", "asks")),
        troubles=table(phrases("names", "asks", "troubles")),
        local=table(local),
        sectors={code: entry["sector"] for code, entry in data.items()},
    )
