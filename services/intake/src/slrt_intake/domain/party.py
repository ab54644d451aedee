"""The people of a case: identities, kept apart from the case, because only a claim check may read them.

Three who may be three: whom it is about (`Person`), who brought it (`Reporter`), and who acts for them (`Proxy`, the
form's "nama kuasa"). A report may come without any of them: a road concerns a hamlet, and some do not give their name.
"""

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

from slrt_contracts.codes import NotificationChannel


class Relation(StrEnum):
    """How a person stands to the one the report is about."""

    CLIENT = "client"
    HEAD = "head"
    SPOUSE = "spouse"
    CHILD = "child"
    PARENT = "parent"
    OTHER = "other"


class ReporterRole(StrEnum):
    """As what somebody brought the report."""

    FAMILY = "family"
    NEIGHBOUR = "neighbour"
    OFFICIAL = "official"
    """Of the neighbourhood or the village: RT, RW, kepala lingkungan, kader."""
    INSTITUTION = "institution"
    """A school, a puskesmas, an orphanage."""
    OTHER = "other"


class ProxyRelation(StrEnum):
    """How a proxy stands to the person that they act for (report form, row 7)."""

    HUSBAND = "husband"
    WIFE = "wife"
    CHILD = "child"
    CHILD_IN_LAW = "child_in_law"
    GRANDCHILD = "grandchild"
    PARENT = "parent"
    SIBLING = "sibling"
    NEPHEW_OR_NIECE = "nephew_or_niece"
    NEIGHBOUR = "neighbour"
    OFFICIAL = "official"
    OTHER = "other"


class ContactOf(StrEnum):
    """Whose the phone and the e-mail of a case are: who is written to."""

    SUBJECT = "subject"
    PROXY = "proxy"
    REPORTER = "reporter"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One person as the door knows them. ``nik`` is None for somebody who has none (yet).

    Of somebody who was ``erased`` nothing is known, not even the name. ``birth_year`` is what a claim check shows of a
    birth date that it masks.
    """

    person_id: UUID
    relation: Relation
    name: str | None
    nik: str | None
    birth_date: date | None
    sex: str | None
    erased: bool = False
    birth_year: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reporter:
    """Who brought the report, where that is not whom it is about."""

    role: ReporterRole
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """Who acts for the person. ``phone`` in E.164."""

    name: str
    relation: ProxyRelation | None = None
    phone: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """How the resident is reached, where the family lives and who speaks for it. Phones in E.164; ``language`` is
    ``id`` or ``en``.
    """

    phone: str | None
    email: str | None
    language: str
    kk_number: str | None
    address: str | None
    belongs_to: ContactOf = ContactOf.SUBJECT
    reporter: Reporter | None = None
    proxy: Proxy | None = None

    @property
    def reachable_by(self) -> tuple[NotificationChannel, ...]:
        """The channels that an address was given for."""
        given = ((NotificationChannel.EMAIL, self.email), (NotificationChannel.WHATSAPP, self.phone))
        return tuple(channel for channel, address in given if address)


# [0-9] and not \d, which also takes the digits of other scripts.
_PHONE = re.compile(r"\+62[2-9][0-9]{7,11}")
# What people put between digits, and the invisible marks that a copied contact brings along. Nothing else may be
# dropped: without the letter O typed for a zero the rest would be a good number, and somebody else's.
_BETWEEN_DIGITS = re.compile(r"[\s.()\-\u2010-\u2015\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


def normalise_phone(written: str) -> str | None:
    """The number in E.164 (``+62812…``) from what people write; None when it is no Indonesian number (domain 13.8)."""
    digits = _BETWEEN_DIGITS.sub("", written)
    if digits.startswith("0"):
        digits = "+62" + digits[1:]
    elif digits.startswith("62"):
        digits = "+" + digits
    return digits if _PHONE.fullmatch(digits) else None
