"""The table of offices as the policy in force has it: what a region's layers say, at the moment of asking."""

from collections.abc import Iterator
from datetime import date

from slrt_contracts.codes import FunctionCode
from slrt_contracts.types import OfficeCode
from slrt_kit.clock import Clock
from slrt_kit.policy.book import PolicyBook
from slrt_kit.policy.entries import Entry
from slrt_referral.domain.offices import Office, OfficeLevel, Offices

KIND = "offices"


class BookOffices:
    """The offices of the policy in force now. Each method raises PolicyUnknownError: nothing has been read yet."""

    def __init__(self, book: PolicyBook, clock: Clock) -> None:
        self._book = book
        self._clock = clock
        self._made: dict[str, Offices] = {}

    def __iter__(self) -> Iterator[Office]:
        """All offices of all regions, each as its own region has it."""
        now = self._clock.now()
        found: dict[OfficeCode, Office] = {}
        for layer in self._book.layers(now):
            found = {office.code: office for office in self._of(layer)} | found
        return iter(found.values())

    def get(self, code: str, *, on: date) -> Office | None:
        """The office of that code, if its own region knows it and it exists on that day."""
        region = code.rpartition(".")[0]
        return self._of(region).get(code, on=on) if region else None

    def find(self, function: FunctionCode, level: OfficeLevel, *, district_code: str, on: date) -> Office | None:
        """The office that does the function for that district on that day; None when nobody is known to."""
        return self._of(district_code).find(function, level, district_code=district_code, on=on)

    def _of(self, region: str) -> Offices:
        policy = self._book.at(region, self._clock.now())
        made = self._made.get(policy.version)
        if made is None:
            if len(self._made) >= _MOST_KEPT:
                self._made.clear()
            made = self._made[policy.version] = Offices(map(office_of, policy.entries(KIND).values()))
        return made


_MOST_KEPT = 2000
"""Tables that are kept made, one for each set of layers: every regency has one, and an older one for a while."""


def office_of(entry: Entry) -> Office:
    """The office of an entry in which nothing was found."""
    fields = entry.fields
    return Office(
        code=OfficeCode(entry.key),
        functions=tuple(FunctionCode(each) for each in fields["functions"]),
        name=fields["name"],
        aliases=tuple(fields.get("aliases", ())),
        valid_from=date.fromisoformat(fields["valid_from"]),
        valid_to=date.fromisoformat(fields["valid_to"]) if "valid_to" in fields else None,
    )
