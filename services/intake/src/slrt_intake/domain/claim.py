"""Say what a claim check shows: all of a case's people to its region's desk, to an office those it was sent."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from slrt_contracts.types import CaseId, NeedId
from slrt_intake.domain.party import Person
from slrt_kit.regions import RegionCode

_FIELDS_OF_THE_PLACE = ("address", "phone")
_FIELDS_OF_THE_CONTACT = ("kk_number", *_FIELDS_OF_THE_PLACE)
_FIELDS = ("name", "nik", "kk_number", "birth_date", "sex", *_FIELDS_OF_THE_PLACE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parties:
    """Who a case is about and where they live; number, address and phone may have been ``erased``.

    ``need_persons`` has None for a need of the place (a road).
    """

    case_id: CaseId
    village_code: RegionCode
    reporter_secret: bool
    kk_number: str | None
    address: str | None
    phone: str | None
    erased: bool
    persons: Sequence[Person]
    need_persons: Mapping[NeedId, UUID | None]
    names_people: bool = True

    @property
    def fields(self) -> Sequence[str]:
        """What is seen of it, for the access log."""
        fields = _FIELDS if self.names_people else _FIELDS_OF_THE_PLACE
        return [field for field in fields if field not in _FIELDS_OF_THE_CONTACT or getattr(self, field) is not None]


def shown(parties: Parties, *, within: bool, referred: Collection[NeedId], is_machine: bool) -> Parties | None:
    """What somebody may see of it; None when that is nothing.

    ``within`` says that the case is one of the asker's area, ``referred`` are the needs that the asker's office was
    sent. An office with a need of the place learns where it is and whom to call, and not which family asked. How a
    reporter is reached who asked for secrecy, nobody learns but the services, which write to them (``is_machine``).
    """
    if parties.reporter_secret and not is_machine:
        parties = replace(parties, kk_number=None, address=None, phone=None)
    if within:
        return parties
    needs = {need_id: person_id for need_id, person_id in parties.need_persons.items() if need_id in referred}
    if not needs:
        return None
    persons = [person for person in parties.persons if person.person_id in needs.values()]
    return replace(
        parties,
        persons=persons,
        need_persons=needs,
        kk_number=parties.kk_number if persons else None,
        names_people=bool(persons),
    )
