"""Say what a claim check shows: to whom which people of a case, and of them the fields of the stated purpose."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from slrt_contracts.types import CaseId, NeedId
from slrt_intake.domain.party import Person, Proxy, Reporter
from slrt_kit.privacy.masking import mask_number
from slrt_kit.purposes import RESOURCES, Recipient, Shown
from slrt_kit.regions import RegionCode

_FIELDS_OF_THE_PLACE = ("address", "phone", "words")
_FIELDS_OF_THE_CASE = ("kk_number", *_FIELDS_OF_THE_PLACE, "reporter", "proxy")
_ALL = Shown(RESOURCES["case-parties"], frozenset())
_FIELDS = ("name", "nik", "kk_number", "birth_date", "sex", *_FIELDS_OF_THE_PLACE, "reporter", "proxy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parties:
    """Who a case is about, where they live, who brought it and acts for them; all of that may have been ``erased``.

    ``need_persons`` has None for a need of the place (a road). ``words`` are what was said of a need, where something
    was.
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
    reporter: Reporter | None = None
    proxy: Proxy | None = None
    words: Mapping[NeedId, str] = field(default_factory=dict)
    names_people: bool = True
    shows: Shown = _ALL

    @property
    def fields(self) -> Sequence[str]:
        """What is seen of it, for the access log; what is seen in part ends in ``-masked``."""
        fields = _FIELDS if self.names_people else _FIELDS_OF_THE_PLACE
        return [
            field if field in self.shows.clear else f"{field}-masked"
            for field in fields
            if field in self.shows.fields and (field not in _FIELDS_OF_THE_CASE or getattr(self, field))
        ]


def shown(
    parties: Parties,
    *,
    to: Recipient,
    within: bool,
    referred: Collection[NeedId],
    covered: Collection[UUID] | None = None,
) -> Parties | None:
    """Whom somebody may see of it; None when that is nobody.

    ``within`` says that the case is one of the asker's area, which counts for a desk and a machine; ``referred`` are
    the needs that the asker's office was sent, which count for an office. ``covered`` are the persons who have agreed,
    where the purpose rests on that. An office with a need of the place learns where it is and whom to call, and not
    which family asked; no office learns who brought the report. Who a reporter is who asked for secrecy, and how they
    are reached, nobody learns but the services, which write to them.
    """
    if parties.reporter_secret and to is not Recipient.SERVICE:
        parties = replace(parties, kk_number=None, address=None, phone=None, reporter=None, proxy=None)
    if to is not Recipient.OFFICE:
        return parties if within else None
    needs = {need_id: person_id for need_id, person_id in parties.need_persons.items() if need_id in referred}
    if covered is not None:
        needs = {need_id: person_id for need_id, person_id in needs.items() if person_id in covered}
    if not needs:
        return None
    persons = [person for person in parties.persons if person.person_id in needs.values()]
    return replace(
        parties,
        persons=persons,
        need_persons=needs,
        kk_number=parties.kk_number if persons else None,
        reporter=None,
        proxy=parties.proxy if persons else None,
        words={need_id: words for need_id, words in parties.words.items() if need_id in needs},
        names_people=bool(persons),
    )


def limited(parties: Parties, shows: Shown, *, unmask: bool) -> Parties:
    """Of the people only the fields of a purpose; without ``unmask`` no number and no birth date is clear."""
    if not unmask:
        shows = shows.numbers_masked()

    def number(field: str, value: str | None) -> str | None:
        if field in shows.clear:
            return value
        return mask_number(value) if field in shows.masked else None

    return replace(
        parties,
        shows=shows,
        kk_number=number("kk_number", parties.kk_number),
        phone=number("phone", parties.phone),
        address=parties.address if "address" in shows.clear else None,
        reporter=parties.reporter if "reporter" in shows.clear else None,
        proxy=replace(parties.proxy, phone=number("phone", parties.proxy.phone))
        if parties.proxy is not None and "proxy" in shows.clear
        else None,
        words=parties.words if "words" in shows.clear else {},
        persons=[
            replace(
                person,
                name=person.name if "name" in shows.clear else None,
                nik=number("nik", person.nik),
                birth_date=person.birth_date if "birth_date" in shows.clear else None,
                birth_year=None
                if person.birth_date is None or "birth_date" not in shows.fields
                else person.birth_date.year,
                sex=person.sex if "sex" in shows.clear else None,
            )
            for person in parties.persons
        ],
    )
