"""Say what a stall is: something open that lacks what it needs to go on. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Self
from uuid import UUID, uuid5

from slrt_contracts.codes import StallKind
from slrt_kit.clocks.clock import ClockState, Owner, OwnerKind

_REGIONS: Final = UUID("0c6f6c55-6d3a-5d0e-8f0b-2a4f6f1f9c11")
"""The name space in which ids are made of the codes of regions."""
_REGENCY: Final = 5

FOR_WANT_OF_PEOPLE: Final = frozenset(
    {StallKind.NO_OWNER, StallKind.NO_NEXT_ACTION, StallKind.ENDLESS_PAUSE, StallKind.NO_ESCALATION}
)
"""The kinds that a roster may mend: where a regency has none at all, it is told once of the regency instead."""


class Held(StrEnum):
    """What is held up. A region is, as a whole, where nobody is on duty."""

    CASE = "case"
    NEED = "need"
    REFERRAL = "referral"
    REGION = "region"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenClock:
    """The running or paused clock of what is open. ``failing``: its effect fails again and again."""

    step: str
    state: ClockState
    owner: Owner
    sla_class: str
    policy_version: str
    next_step: int
    pause_reason: str | None
    failing: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenGroup:
    """Open things that are judged alike, and how many: ``key`` is what the database knows them by.

    ``district`` is the kecamatan; ``office`` the code of the office that a referral is for; ``on_its_way`` is False for
    what waits for something that will not come.
    """

    key: str
    held: Held
    step: str
    urgent: bool
    policy_version: str | None
    district: str
    office: str | None
    on_its_way: bool
    clock: OpenClock | None
    count: int

    @property
    def regency(self) -> str:
        """The regency or city that it is in."""
        return self.district[:_REGENCY]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the things of a group lack: each kind with the roles, offices or reasons that are missing.

    ``people`` are the kinds that would be none if more people were on duty.
    """

    owner: Owner | None = None
    kinds: Mapping[StallKind, Sequence[str]] = field(default_factory=lambda: MappingProxyType({}))
    people: frozenset[StallKind] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stall:
    """One time that something is or was held up. Times in UTC; ``ended_at`` is None while it lasts."""

    stall_id: UUID
    held: Held
    subject_id: UUID
    case_id: UUID | None
    kind: StallKind
    region: str
    step: str | None
    owner: Owner | None
    lacks: Sequence[str]
    found_at: datetime
    ended_at: datetime | None = None

    @property
    def told_by(self) -> UUID | None:
        """The case or the referral on whose key it is told; None of a region, which has no row to hold meanwhile."""
        return self.subject_id if self.held is Held.REFERRAL else self.case_id

    @classmethod
    def of_row(cls, row: object) -> Self:
        """The stall of a row of the table `stalls`."""
        fields = row._asdict()  # type: ignore[attr-defined]
        kind, code = fields.pop("owner_kind"), fields.pop("owner")
        return cls(
            held=Held(fields.pop("subject_kind")),
            kind=StallKind(fields.pop("kind")),
            owner=None if kind is None else Owner(OwnerKind(kind), code),
            lacks=tuple(fields.pop("lacks")),
            **fields,
        )


def region_id(code: str) -> UUID:
    """The id that stands for a region where ids of cases and referrals stand."""
    return uuid5(_REGIONS, code)
