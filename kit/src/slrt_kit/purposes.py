"""Say what personal data may be asked for: the purposes of purposes.yaml, their lawful basis and what each shows."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache
from importlib import resources
from types import MappingProxyType
from typing import Any

import yaml

from slrt_kit.access import Principal, permission_table
from slrt_kit.problems import Text

CODE = r"^[a-z][a-z0-9]*(-[a-z0-9]+){0,4}$"
_DPV = "https://w3id.org/dpv#"
_MOST_DAYS = 3650


class Basis(StrEnum):
    """A lawful basis, UU 27/2022 (PDP) article 20 (2)."""

    CONSENT = "consent"
    CONTRACT = "contract"
    LEGAL_OBLIGATION = "legal-obligation"
    VITAL_INTEREST = "vital-interest"
    PUBLIC_TASK = "public-task"
    LEGITIMATE_INTEREST = "legitimate-interest"

    @property
    def letter(self) -> str:
        """Its letter in the article."""
        return "abcdef"[list(Basis).index(self)]

    @property
    def dpv(self) -> str:
        """Its IRI in W3C's Data Privacy Vocabulary."""
        return _DPV + _DPV_BASES[self]


_DPV_BASES = {
    Basis.CONSENT: "Consent",
    Basis.CONTRACT: "Contract",
    Basis.LEGAL_OBLIGATION: "LegalObligation",
    Basis.VITAL_INTEREST: "VitalInterestOfDataSubject",
    Basis.PUBLIC_TASK: "OfficialAuthorityOfController",
    Basis.LEGITIMATE_INTEREST: "LegitimateInterestOfController",
}


class Recipient(StrEnum):
    """To whom a purpose gives data, and so how much of a case: see the head of purposes.yaml."""

    SERVICE = "service"
    DESK = "desk"
    OFFICE = "office"


RESOURCES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "case-parties": frozenset(
            {"name", "nik", "kk_number", "birth_date", "sex", "address", "phone", "reporter", "proxy", "words"}
        ),
        "case-contact": frozenset({"phone", "email"}),
        # What the registry's own views show of people, masked, they show for every purpose that names them.
        "person": frozenset({"nik", "kk_number", "birth_date"}),
        "family": frozenset(),
        "attachment": frozenset(),
        # What is needed to make a visit, and what was observed at one.
        "visit": frozenset(),
        "case-looks": frozenset(),
        "resident-code": frozenset({"code"}),
        # Of many cases at once: of each the client, and how they are reached. Columns about nobody are for any purpose.
        "export": frozenset({"name", "nik", "kk_number", "birth_date", "sex", "phone", "email", "address"}),
    }
)
"""What may be shown, and the fields of each that a purpose decides about."""
MASKABLE = frozenset({"nik", "kk_number", "phone", "birth_date"})
"""What may be shown in part; in an export names may too."""


@dataclass(frozen=True, slots=True)
class Shown:
    """The fields that a purpose shows of one resource."""

    clear: frozenset[str]
    masked: frozenset[str]

    @property
    def fields(self) -> frozenset[str]:
        """All of them."""
        return self.clear | self.masked

    def numbers_masked(self) -> "Shown":
        """The same for whoever may see no number and no birth date in full."""
        return Shown(self.clear - MASKABLE, self.masked | (self.clear & MASKABLE))


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """What data may be asked for. ``keep_days`` is how long the receiving office may keep it."""

    code: str
    label: Text
    basis: Basis
    dpv: str
    law: str
    recipient: Recipient
    clients: frozenset[str]
    roles: frozenset[str]
    keep_days: int | None
    shows: Mapping[str, Shown]

    @property
    def needs_consent(self) -> bool:
        """Whether it rests on a consent, which must be on record, and ends when that is withdrawn (article 9)."""
        return self.basis is Basis.CONSENT


@dataclass(frozen=True, slots=True)
class PurposeTable:
    """purposes.yaml: the purposes by code."""

    version: int
    purposes: Mapping[str, Purpose]


class PurposesError(ValueError):
    """The document is not one of purposes; the message names each purpose and what is wrong with it."""


def parse_purposes(text: str) -> PurposeTable:
    """The table of a document such as purposes.yaml.

    Raises:
        PurposesError: naming everything that is wrong.
    """
    data = yaml.safe_load(text)
    if not isinstance(data, dict) or set(data) != {"version", "purposes"} or not isinstance(data["purposes"], dict):
        raise PurposesError("purposes.yaml has version and purposes, and nothing else")
    problems = [
        f"{code}: {problem}" for code, entry in data["purposes"].items() for problem in _wrong(str(code), entry)
    ]
    if problems:
        raise PurposesError("\n".join(problems))
    purposes = {code: _purpose(code, entry) for code, entry in data["purposes"].items()}
    return PurposeTable(int(data["version"]), MappingProxyType(purposes))


@cache
def purpose_table() -> PurposeTable:
    """The table in force, read once."""
    return parse_purposes(resources.files("slrt_kit").joinpath("purposes.yaml").read_text(encoding="utf-8"))


def possible_purposes(principal: Principal, resource: str) -> tuple[str, ...]:
    """The codes that the caller may state to see the resource, in the order of the table."""
    client = principal.token.client if principal.token else None
    return _possible(principal.roles, client, resource)


@lru_cache(maxsize=4096)
def _possible(roles: frozenset[str], client: str | None, resource: str) -> tuple[str, ...]:
    return tuple(
        code
        for code, purpose in purpose_table().purposes.items()
        if resource in purpose.shows and (purpose.roles & roles or ("service" in roles and client in purpose.clients))
    )


_KEYS = frozenset({"label", "basis", "dpv", "law", "recipient", "shows"})
_OPTIONAL = frozenset({"clients", "roles", "keep_days"})


def _wrong(code: str, entry: Any) -> list[str]:
    """What is wrong with one entry."""
    if re.fullmatch(CODE, code) is None:
        return ["is no code"]
    if not isinstance(entry, dict) or not _KEYS <= entry.keys() <= _KEYS | _OPTIONAL:
        return [f"has {', '.join(sorted(_KEYS))}, perhaps clients, roles and keep_days, and nothing else"]
    wrong = []
    if not isinstance(entry["label"], dict) or set(entry["label"]) != {"id", "en"} or not all(entry["label"].values()):
        wrong.append("label is in id and en")
    if entry["basis"] not in list(Basis):
        wrong.append(f"basis {entry['basis']} is none of article 20 (2)")
    if not str(entry["dpv"]).startswith(_DPV):
        wrong.append(f"dpv does not begin with {_DPV}")
    if not entry["law"]:
        wrong.append("law says nothing")
    wrong += _wrong_recipient(entry)
    for resource, shown in (entry["shows"] or {}).items():
        wrong += _wrong_fields(resource, shown or {})
    return wrong if entry["shows"] else [*wrong, "shows nothing"]


def _wrong_recipient(entry: Mapping[str, Any]) -> list[str]:
    recipient, wrong = entry["recipient"], []
    if recipient not in list(Recipient):
        return [f"recipient {recipient} is none"]
    stated_by, never = ("clients", "roles") if recipient == Recipient.SERVICE else ("roles", "clients")
    if not entry.get(stated_by) or never in entry:
        wrong.append(f"a {recipient} states it by {stated_by}, and by nothing else")
    known = {role for grants in permission_table().values() for role in grants}
    if unknown := set(entry.get("roles", ())) - known:
        wrong.append(f"roles {sorted(unknown)} are not in access.yaml")
    days = entry.get("keep_days")
    if (days is not None) != (recipient == Recipient.OFFICE) or (days is not None and not _is_period(days)):
        wrong.append(f"keep_days, 1 to {_MOST_DAYS}, is for offices, and each needs it")
    if entry["basis"] == Basis.CONSENT and recipient != Recipient.OFFICE:
        wrong.append("only what goes to an office rests on consent")
    return wrong


def _is_period(days: object) -> bool:
    return isinstance(days, int) and not isinstance(days, bool) and 0 < days <= _MOST_DAYS


def _wrong_fields(resource: str, shown: Mapping[str, Any]) -> list[str]:
    if resource not in RESOURCES:
        return [f"shows {resource}, which is none of {', '.join(RESOURCES)}"]
    if shown.keys() - {"clear", "masked"}:
        return [f"{resource} has clear and masked, and nothing else"]
    clear, masked = set(shown.get("clear", ())), set(shown.get("masked", ()))
    wrong = []
    if unknown := (clear | masked) - RESOURCES[resource]:
        wrong.append(f"{resource} has no {', '.join(sorted(unknown))}")
    if twice := clear & masked:
        wrong.append(f"{resource}: {', '.join(sorted(twice))} both clear and masked")
    if unmaskable := masked - MASKABLE - ({"name"} if resource == "export" else set()):
        wrong.append(f"{resource}: {', '.join(sorted(unmaskable))} cannot be masked")
    if "nik" in masked and "birth_date" in clear:
        wrong.append(f"{resource}: with a clear birth date a masked nik could be filled in again")
    return wrong


def _purpose(code: str, entry: Mapping[str, Any]) -> Purpose:
    return Purpose(
        code=code,
        label=Text(entry["label"]["id"], entry["label"]["en"]),
        basis=Basis(entry["basis"]),
        dpv=entry["dpv"],
        law=entry["law"],
        recipient=Recipient(entry["recipient"]),
        clients=frozenset(entry.get("clients", ())),
        roles=frozenset(entry.get("roles", ())),
        keep_days=entry.get("keep_days"),
        shows=MappingProxyType(
            {
                resource: Shown(frozenset((shown or {}).get("clear", ())), frozenset((shown or {}).get("masked", ())))
                for resource, shown in entry["shows"].items()
            }
        ),
    )
