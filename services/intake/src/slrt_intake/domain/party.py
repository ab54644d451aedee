"""The people of a case: identities, kept apart from the case, because only a claim check may read them."""

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
class Contact:
    """How the resident is reached and where the family lives. Phones in E.164; ``language`` is ``id`` or ``en``."""

    phone: str | None
    email: str | None
    language: str
    kk_number: str | None
    address: str | None
    proxy_name: str | None

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
