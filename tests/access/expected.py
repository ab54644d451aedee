"""Who tries, on what, and what must come of it: worked out from access.yaml and written without the services' code."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources

import yaml

REGENCY, VILLAGE, SIBLING, ELSEWHERE = "12.74", "12.74.03.1002", "12.74.03.1001", "12.71"
DISTRICT = "12.74.03"
OFFICE, OTHER_OFFICE = "12.74.DUKCAPIL", "12.74.PUPR"

_TABLE = yaml.safe_load(resources.files("slrt_kit").joinpath("access.yaml").read_text(encoding="utf-8"))
PERMISSIONS: dict[str, dict[str, str]] = _TABLE["permissions"]
ROLES = sorted(
    {"resident", "surveyor", "province_desk", "centre_desk", "leadership", "partner"}
    | {role for grants in PERMISSIONS.values() for role in grants}
)


def purpose_of(role: str, looks_at: str) -> tuple[str | None, str]:
    """A purpose that somebody with the role may state to see that, and the machine that may, where it is one."""
    if role == "service":
        return _PURPOSES_OF_MACHINES.get(looks_at, (None, "case-handling"))
    if role in ("opd_officer", "partner"):
        return None, "referral-service" if role == "opd_officer" else "emergency-help"
    return None, _PURPOSES_OF_DESKS.get(looks_at, "case-handling")


_PURPOSES_OF_DESKS = {"numbers": "letter", "case-looks": "resident-request"}


_PURPOSES_OF_MACHINES: dict[str, tuple[str | None, str]] = {
    "parties": ("slrt-registry", "registry-record"),
    "contact": ("slrt-notification", "resident-message"),
    "resident-code": ("slrt-notification", "resident-code"),
}


class Kept(StrEnum):
    """What kind of case it is."""

    NORMAL = "normal"
    SENSITIVE = "sensitive"
    SECRET_REPORTER = "secret reporter"
    SEALED = "sealed"


class Verdict(StrEnum):
    """What comes of a try."""

    FORBIDDEN = "forbidden"
    HIDDEN = "hidden"
    ALLOWED = "allowed"


@dataclass(frozen=True)
class Caller:
    """Somebody with one role, at one place."""

    role: str
    place: str
    region: str | None = None
    office: str | None = None
    assigned: bool = False
    emergency: bool = False

    @property
    def subject(self) -> str:
        """Each caller is another person."""
        return f"{self.role}.{self.place.replace(' ', '-')}"


_PLACES = (
    ("own area", {"region": REGENCY}),
    ("own village", {"region": VILLAGE}),
    ("sibling village", {"region": SIBLING}),
    ("other regency", {"region": ELSEWHERE}),
    ("own office", {"office": OFFICE}),
    ("other office", {"office": OTHER_OFFICE}),
    ("nowhere", {}),
    ("in charge", {"region": REGENCY, "assigned": True}),
    ("emergency", {"region": REGENCY, "emergency": True}),
)


def callers() -> Iterator[Caller]:
    """Every role at every place; in an emergency those who may open one."""
    for role in ROLES:
        for place, claims in _PLACES:
            if place != "emergency" or role in PERMISSIONS["intake.emergency.open"]:
                yield Caller(role, place, **claims)  # type: ignore[arg-type]


_OF_REGION = ("region", "region_and_office")
_OF_OFFICE = ("office", "region_and_office")


def _covers(region: str | None, code: str) -> bool:
    return region is not None and (code + ".").startswith(region + ".")


def _kind(caller: Caller, permission: str) -> str | None:
    return PERMISSIONS[permission].get(caller.role)


def _reaches_case(caller: Caller, kind: str, kept: Kept, *, looking: bool) -> bool:
    """A case as a whole, by the rules at the head of access.yaml."""
    if kind == "any":
        return True
    in_scope = {"region": _covers(caller.region, VILLAGE), "assigned": caller.assigned}.get(kind, False)
    if kept in (Kept.NORMAL, Kept.SECRET_REPORTER):
        return in_scope
    let_in = looking and caller.emergency
    return in_scope and (let_in or (kept is Kept.SENSITIVE and caller.assigned))


def _reaches_area(caller: Caller, kind: str, code: str = VILLAGE) -> bool:
    return kind == "any" or (kind in _OF_REGION and _covers(caller.region, code))


def _reaches_office(caller: Caller, kind: str, kept: Kept) -> bool:
    return kind in _OF_OFFICE and caller.office == OFFICE and kept is not Kept.SEALED


def _is_open(kept: Kept) -> bool:
    return kept in (Kept.NORMAL, Kept.SECRET_REPORTER)


_REACH = {
    "case": lambda who, kind, kept: _reaches_case(who, kind, kept, looking=False),
    "case to look at": lambda who, kind, kept: _reaches_case(who, kind, kept, looking=True),
    "case to assign": lambda who, kind, _: _reaches_area(who, kind),
    "people of a case": lambda who, kind, kept: (
        _reaches_case(who, kind, kept, looking=True) or _reaches_office(who, kind, kept)
    ),
    "receipt": lambda who, kind, _: kind == "office" and who.office == OFFICE,
    "restricted": lambda who, kind, kept: kept is Kept.SENSITIVE and _reaches_area(who, kind),
    "referral": lambda who, kind, kept: (
        kind == "any" or (_is_open(kept) and _reaches_area(who, kind, DISTRICT)) or _reaches_office(who, kind, kept)
    ),
    "records": lambda who, kind, kept: kind == "any" or (_is_open(kept) and _reaches_area(who, kind)),
    "person": lambda who, kind, _: _reaches_area(who, kind),
    "message": lambda who, kind, kept: kind == "any" or (_is_open(kept) and _reaches_area(who, kind, DISTRICT)),
    "review": lambda who, kind, _: _reaches_area(who, kind),
    "own draft": lambda *_: False,
    "no case at all": lambda *_: False,
    "nothing": lambda *_: True,
    "place": lambda who, kind, _: _reaches_area(who, kind),
    "own draft at a place": lambda *_: False,
}
_SAYS_SO = ("place", "own draft at a place")
"""Whoever names a village outside the own area is told so: that there is such a village is no secret."""


def verdict(caller: Caller, permission: str, reach: str, kept: Kept) -> Verdict:
    """What must come of it when the caller tries a route that demands the permission and reaches so far."""
    kind = _kind(caller, permission)
    if kind is None:
        return Verdict.FORBIDDEN
    if reach in _SAYS_SO and not _reaches_area(caller, kind):
        return Verdict.FORBIDDEN
    return Verdict.ALLOWED if _REACH[reach](caller, kind, kept) else Verdict.HIDDEN
