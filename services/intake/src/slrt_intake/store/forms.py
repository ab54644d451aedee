"""The forms and documents of needs as the policy in force has them in a region."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from slrt_kit.policy.book import PolicyBook
from slrt_kit.policy.entries import Entry, RegionPolicy
from slrt_kit.policy.forms import Form, read_forms

_MOST_KEPT = 2000
"""Policies whose forms are kept read, one for each set of layers."""


@dataclass(frozen=True, slots=True)
class NeedForms:
    """What is asked about needs in a region. ``documents`` are entries by their code; ``forms`` by the need's code."""

    version: str
    forms: Mapping[str, Form]
    documents: Mapping[str, Entry]
    needs: Mapping[str, Entry]


class FormBook:
    """The forms of all regions. `at` raises PolicyUnknownError: nothing has been read yet."""

    def __init__(self, book: PolicyBook) -> None:
        self._book = book
        self._made: dict[str, NeedForms] = {}

    def at(self, region: str, at: datetime) -> NeedForms:
        """Those in force in a region (``00`` or a dotted code) at a moment (aware). No I/O."""
        policy = self._book.at(region, at)
        made = self._made.get(policy.version)
        if made is None:
            if len(self._made) >= _MOST_KEPT:
                self._made.clear()
            made = self._made[policy.version] = _need_forms(policy)
        return made


def _need_forms(policy: RegionPolicy) -> NeedForms:
    needs = {str(each.fields["need"]): each for each in policy.entries("taxonomy").values() if "need" in each.fields}
    return NeedForms(policy.version, read_forms(policy), policy.entries("documents"), needs)
