"""Say who is on duty for something, and the line by which it goes up. Pure; ADR 0040."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID, uuid5

from slrt_contracts.codes import DutyRole
from slrt_contracts.types import DutyId, OfficerId
from slrt_kit.regions import NATION, ancestors, region_code

_LOGINS = UUID("6f0f1f0e-5f3a-5c1e-9d43-7a1d3b1c2a40")
"""The name space in which ids are made from logins that are no ids themselves."""

AT_AN_OFFICE = frozenset({DutyRole.OPD_OFFICER, DutyRole.HEAD_OF_OFFICE})
"""Roles that may be had at an office; an officer of one always is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """One officer has one role in an area (dotted code, ``00`` the nation), or at an office, from day to day.

    Both days count, in Western Indonesian Time; no last day: until it is ended.
    """

    duty_id: DutyId
    officer_id: OfficerId
    role: DutyRole
    area_code: str
    office_code: str | None
    first_day: date
    last_day: date | None

    def holds(self, on: date) -> bool:
        """Whether the day is one of it."""
        return self.first_day <= on and (self.last_day is None or on <= self.last_day)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a reporting line: the role that is asked, and who has it. Nobody: the next step is asked."""

    role: DutyRole
    duties: Sequence[Duty]

    @property
    def is_missing(self) -> bool:
        """Nobody is on duty."""
        return not self.duties


def officer_id_of(login: str) -> OfficerId:
    """The id that stands for a login (the ``sub`` of its tokens): itself, where it is a UUID."""
    try:
        return OfficerId(UUID(login))
    except ValueError:
        return OfficerId(uuid5(_LOGINS, login))


def levels_of(area: str) -> tuple[str, ...]:
    """The area and all above it, the nearest first, the nation last.

    Raises:
        InvalidRegionCodeError: it is no dotted code.
    """
    return (NATION,) if area == NATION else (*ancestors(region_code(area)), NATION)


def holders(
    duties: Iterable[Duty], role: DutyRole, area: str, *, on: date, office: str | None = None
) -> tuple[Duty, ...]:
    """Who has the role for the area: those of the nearest level that has one; at the office, where one is named."""
    held = [duty for duty in duties if duty.role is role and duty.office_code == office and duty.holds(on)]
    for level in levels_of(area):
        here = tuple(duty for duty in held if duty.area_code == level)
        if here:
            return here
    return ()


def chain(
    duties: Iterable[Duty], line: Iterable[str], area: str, *, on: date, office: str | None = None
) -> tuple[Step, ...]:
    """Who stands at each role of a line (`slrt_kit.clocks.reporting.RegionRoles.line`), from the owner on.

    A step that nobody has stands there as missing, and the next follows. ``office`` is that of an owner at one: then
    the head of that office stands for the heads, and where it has none the head of the area's own does.

    Raises:
        ValueError: the line has a role that nobody can be on duty in.
    """
    known = tuple(duties)
    steps: list[Step] = []
    for role in map(DutyRole, line):
        there = office if role in AT_AN_OFFICE else None
        found = holders(known, role, area, on=on, office=there)
        if not found and there is not None and role is DutyRole.HEAD_OF_OFFICE:
            found = holders(known, role, area, on=on)
        steps.append(Step(role, found))
    return tuple(steps)
