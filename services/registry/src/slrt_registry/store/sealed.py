"""Seal what the registry keeps of people, and the indexes by which they are found without being read.

A person has a key, and so has a family. Of a number only its index can be compared; of a birth date its index; of a
name the words as they sound, each together with the birth date, so that no word has the same token twice.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Literal

from slrt_kit.privacy import ERASED, Erased, SealedRow, SubjectKey, Vault
from slrt_kit.privacy.sealing import Opened
from slrt_kit.privacy.vault import text_of
from slrt_registry.domain.family import Family
from slrt_registry.domain.names import name_key
from slrt_registry.domain.numbers import identifying_number
from slrt_registry.domain.person import Person

PERSONS, FAMILIES = "persons", "families"
_NO_PERSON: Mapping[str, object] = {"sealed": None, "nik_index": None, "birth_index": None, "name_tokens": []}
_NIK, _KK, _BIRTH, _NAME = "nik", "kk", "birth", "name"


def nik_index(vault: Vault, nik: str) -> bytes:
    """What a NIK is found by."""
    return vault.blind.of(_NIK, nik)


def kk_index(vault: Vault, kk_number: str) -> bytes:
    """What a KK number is found by."""
    return vault.blind.of(_KK, kk_number)


def birth_index(vault: Vault, birth_date: date) -> bytes:
    """What those born on a day are found by."""
    return vault.blind.of(_BIRTH, birth_date.isoformat())


def name_tokens(vault: Vault, name: str, birth_date: date) -> list[bytes]:
    """What, among those born on a day, the ones with a word of the name are found by."""
    return sorted({vault.blind.of(_NAME, birth_date.isoformat(), word) for word in name_key(name)})


def lock_keys(
    vault: Vault, *, niks: Sequence[str], kk_number: str | None, births: Sequence[date], village_code: str
) -> list[int]:
    """The advisory locks of numbers, and of birth dates in a village, in order."""
    keys = {vault.blind.lock(_NIK, nik) for nik in niks}
    keys |= {vault.blind.lock(_BIRTH, birth.isoformat(), village_code) for birth in births}
    if kk_number is not None:
        keys.add(vault.blind.lock(_KK, kk_number))
    return sorted(keys)


def seal_person(vault: Vault, key: SubjectKey | None, person: Person) -> dict[str, object]:
    """The columns of `PERSONS` that are sealed or made for finding; all empty without a key, of one who was erased.

    Raises:
        ValueError: the NIK is none; the database cannot see it any more.
    """
    if key is None:
        return {**_NO_PERSON, "key_id": person.key_id}
    _check(person.nik)
    fields = {"name": person.name, "nik": person.nik, "birth_date": person.birth_date, "sex": person.sex}
    tokens = [] if person.birth_date is None else name_tokens(vault, person.compared_name, person.birth_date)
    return {
        "key_id": key.key_id,
        "sealed": text_of(vault.seal(key, fields, table=PERSONS, row=person.person_id)),
        "nik_index": None if person.nik is None else text_of(nik_index(vault, person.nik)),
        "birth_index": None if person.birth_date is None else text_of(birth_index(vault, person.birth_date)),
        "name_tokens": [text_of(token) for token in tokens],
    }


def seal_family(vault: Vault, key: SubjectKey | None, family: Family) -> dict[str, object]:
    """The columns of `FAMILIES` that are sealed or made for finding; empty without a key.

    Raises:
        ValueError: the KK number is none.
    """
    if key is None:
        return {"key_id": family.key_id, "sealed": None, "kk_index": None}
    _check(family.kk_number)
    sealed = vault.seal(key, {"kk_number": family.kk_number}, table=FAMILIES, row=family.family_id)
    return {
        "key_id": key.key_id,
        "sealed": text_of(sealed),
        "kk_index": None if family.kk_number is None else text_of(kk_index(vault, family.kk_number)),
    }


def _check(number: str | None) -> None:
    if number is not None and identifying_number(number) != number:
        raise ValueError("a number is kept as 16 digits that can be one")


def person_fields(opened: Opened) -> Mapping[str, Any]:
    """What was sealed of a person, for `Person`; nothing but that they were erased."""
    if opened is ERASED:
        return {"name": None, "nik": None, "birth_date": None, "sex": None, "erased": True}
    born = opened["birth_date"]
    return opened | {"birth_date": None if born is None else date.fromisoformat(born)}


async def kk_numbers(vault: Vault, rows: Sequence[SealedRow]) -> list[str | Literal[Erased.ERASED] | None]:
    """The KK numbers of families; None for one without."""
    opened = await vault.unseal(rows, table=FAMILIES)
    return [fields if fields is ERASED else fields["kk_number"] for fields in opened]
