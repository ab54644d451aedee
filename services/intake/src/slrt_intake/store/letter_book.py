"""The letters that the policy in force has in a region."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from slrt_intake.domain.letter_problems import UnknownLetterTypeError
from slrt_intake.domain.letter_template import USUAL_LENGTH, FactSpec, LetterTemplate
from slrt_kit.policy.book import PolicyBook
from slrt_kit.policy.entries import Entry, RegionPolicy
from slrt_kit.problems import Text

_MOST_KEPT: Final = 2000
"""Policies whose letters are kept read, one for each set of layers."""


class LetterBook:
    """The letters of all regions. `at` raises PolicyUnknownError: nothing has been read yet."""

    def __init__(self, book: PolicyBook) -> None:
        self._book = book
        self._made: dict[str, Mapping[str, LetterTemplate]] = {}

    def at(self, region: str, at: datetime) -> Mapping[str, LetterTemplate]:
        """Those in force in a region (``00`` or a dotted code) at a moment (aware), by their codes. No I/O."""
        policy = self._book.at(region, at)
        made = self._made.get(policy.version)
        if made is None:
            if len(self._made) >= _MOST_KEPT:
                self._made.clear()
            made = self._made[policy.version] = {
                entry.key: template_of(entry, policy) for entry in policy.entries("letters").values()
            }
        return made

    def find(self, code: str, region: str, at: datetime) -> LetterTemplate:
        """One of them. Raises UnknownLetterTypeError: the region has none of that code."""
        known = self.at(region, at)
        if code not in known:
            raise UnknownLetterTypeError(possible=sorted(known))
        return known[code]


def template_of(entry: Entry, policy: RegionPolicy) -> LetterTemplate:
    """A letter of a policy that was checked."""
    said = entry.fields
    head = policy.entries("letterheads")[said["issued_by"]].fields
    role = policy.entries("roles").get(said["signer"])
    needs = said.get("needs")
    return LetterTemplate(
        code=entry.key,
        label=Text(said["label"]["id"], said["label"]["en"]),
        issued_by=said["issued_by"],
        subject=said["subject"],
        needs=None if needs is None else frozenset(needs),
        title=said["title"],
        opening=tuple(said.get("opening", ())),
        shows=tuple(said.get("shows", ())),
        facts={name: _fact(name, each) for name, each in said.get("facts", {}).items()},
        body=tuple(said["body"]),
        closing=tuple(said.get("closing", ())),
        number=said["number"],
        digits=said.get("digits", 1),
        series=said["series"],
        drafted_by=tuple(said["drafted_by"]),
        initials=tuple(said.get("initials", ())),
        signer=said["signer"],
        signer_label=said["signer"] if role is None else role.fields["label"]["id"],
        valid_days=said.get("valid_days"),
        valid_months=said.get("valid_months"),
        documents=tuple(said.get("documents", ())),
        head=tuple(head["lines"]),
        contact=head.get("contact"),
        office_mark=head["office_mark"],
        signed_in=head["signed_in"],
        policy_version=policy.version,
    )


def _fact(name: str, said: Mapping[str, Any]) -> FactSpec:
    return FactSpec(
        name=name,
        label=Text(said["label"]["id"], said["label"]["en"]),
        kind=said["type"],
        optional=said.get("optional", False),
        sourced=said.get("sourced", False),
        least=said.get("min", 0),
        most=said.get("max", 10**9),
        longest=said.get("max_length", USUAL_LENGTH),
        options=tuple(said.get("options", ())),
    )
