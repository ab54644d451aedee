"""What a letter is made of by the policy of its region: words, facts that are asked for, its number, who takes part."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from slrt_intake.domain.letter_problems import LetterFactsError
from slrt_kit.policy.letters.wording import fields_of
from slrt_kit.problems import Text

USUAL_LENGTH: Final = 300
"""Of a fact that is text, where the policy says nothing."""
NOTHING: Final = "-"
"""Printed where nothing is known."""
_MONTHS: Final = (
    *("Januari", "Februari", "Maret", "April", "Mei", "Juni"),
    *("Juli", "Agustus", "September", "Oktober", "November", "Desember"),
)


def long_date(day: date) -> str:
    """A date as letters have it: ``23 November 2026``."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedFact:
    """A fact as somebody typed it in. ``source`` and ``as_of`` say who said so and on which day."""

    value: str | int
    source: str | None = None
    as_of: date | None = None

    def as_json(self) -> dict[str, Any]:
        """To be sealed."""
        return {
            "value": self.value,
            "source": self.source,
            "as_of": None if self.as_of is None else self.as_of.isoformat(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class FactSpec:
    """A fact that a letter asks for. ``kind``: text, number, date or choice."""

    name: str
    label: Text
    kind: str
    optional: bool = False
    sourced: bool = False
    least: int = 0
    most: int = 10**9
    longest: int = USUAL_LENGTH
    options: Sequence[str] = ()

    def printed(self, fact: StatedFact | None, *, today: date) -> str:
        """What is printed in a sentence. ``today`` is the day in the region: no source is of tomorrow.

        Raises:
            ValueError: in words for the caller; the value is not in them.
        """
        if fact is None:
            if not self.optional:
                raise ValueError("wajib diisi / must be filled in")
            return NOTHING
        if self.sourced and (fact.source is None or fact.as_of is None):
            raise ValueError("sebut sumber dan tanggalnya / state its source and the day")
        if fact.as_of is not None and fact.as_of > today:
            raise ValueError("tanggal sumber belum tiba / the day of its source is yet to come")
        return self._checked(fact.value)

    def _checked(self, value: str | int) -> str:
        if self.kind == "number":
            if not isinstance(value, int) or not self.least <= value <= self.most:
                raise ValueError(
                    f"bilangan {self.least} sampai {self.most} / a number from {self.least} to {self.most}"
                )
            return str(value)
        if not isinstance(value, str):
            raise ValueError("tulis sebagai teks / write it as text")  # noqa: TRY004 — the caller's mistake
        if self.kind == "date":
            try:
                return long_date(date.fromisoformat(value))
            except ValueError:
                raise ValueError("tulis sebagai TTTT-BB-HH / write it as YYYY-MM-DD") from None
        if self.kind == "choice":
            if value not in self.options:
                raise ValueError(f"salah satu dari / one of: {', '.join(self.options)}")
            return value
        if len(value) > self.longest:
            raise ValueError(f"paling banyak {self.longest} karakter / at most {self.longest} characters")
        return value

    def row(self, fact: StatedFact | None, printed: str) -> str:
        """What is printed in the table: with whom it comes from."""
        if fact is None or fact.source is None:
            return printed
        day = "" if fact.as_of is None else f", {long_date(fact.as_of)}"
        return f"{printed} (sumber: {fact.source}{day})"


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterTemplate:
    """A kind of letter as it is in one region. ``issued_by``: village or regency; ``subject``: person or case."""

    code: str
    label: Text
    issued_by: str
    subject: str
    needs: frozenset[str] | None
    title: str
    opening: Sequence[str]
    shows: Sequence[str]
    facts: Mapping[str, FactSpec]
    body: Sequence[str]
    closing: Sequence[str]
    number: str
    digits: int
    series: str
    drafted_by: Sequence[str]
    initials: Sequence[str]
    signer: str
    signer_label: str
    valid_days: int | None
    valid_months: int | None
    documents: Sequence[str]
    head: Sequence[str]
    contact: str | None
    office_mark: str
    signed_in: str
    policy_version: str

    def printed_facts(self, stated: Mapping[str, StatedFact], *, today: date) -> dict[str, str]:
        """What is printed for each fact in a sentence.

        Raises:
            LetterFactsError: one is missing, unknown, or not what it must be; it names all of them.
        """
        unknown = stated.keys() - self.facts.keys()
        wrong = dict.fromkeys(unknown, "tidak dikenal di surat ini / not known in this letter")
        printed: dict[str, str] = {}
        for name, spec in self.facts.items():
            try:
                printed[name] = spec.printed(stated.get(name), today=today)
            except ValueError as error:
                wrong[name] = str(error)
        if wrong:
            raise LetterFactsError(facts=dict(sorted(wrong.items())))
        return printed

    @property
    def asks(self) -> frozenset[str]:
        """Every field that stands in its words."""
        texts = (self.title, *self.opening, *self.body, *self.closing, *self.head, self.signed_in)
        return frozenset().union(*map(fields_of, texts))
