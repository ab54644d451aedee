"""The family: who belongs to it, which programmes it needs and which it takes part in."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Self

from slrt_contracts.catalogue import PROGRAMMES, ParticipationKind
from slrt_contracts.codes import OutcomeCode, ParticipationStatus, ProgrammeCode
from slrt_contracts.events.registry import (
    FamilyRecorded,
    FamilyTransferred,
    ParticipationRecorded,
    ProgrammeNeedMet,
    ProgrammeNeedRecorded,
)
from slrt_contracts.types import CaseId, DistrictCode, FamilyId, NeedId, ParticipationId, PersonId, ReferralId
from slrt_kit.aggregate import Aggregate
from slrt_kit.problems import ErasedError
from slrt_kit.regions import RegionCode, district_of
from slrt_registry.domain.problems import TransferRefusedError, TransitionRefusedError
from slrt_registry.domain.transitions import NEED_TRANSITIONS, OUTCOME_ACTIONS, NeedAction, NeedStatus

_MOST_TOLD = 99
"""The contract's bound of ``member_count``; a family beyond it is told as this many."""


@dataclass(kw_only=True)
class Member:
    """A person's time in the family. ``left_at`` is None while it lasts."""

    person_id: PersonId
    joined_at: datetime
    left_at: datetime | None = None


@dataclass(kw_only=True)
class ProgrammeNeed:
    """A need of a case that asks for a programme. ``person_id`` is None when it is the whole family's."""

    need_id: NeedId
    case_id: CaseId
    person_id: PersonId | None
    programme_code: ProgrammeCode
    recorded_at: datetime
    status: NeedStatus = NeedStatus.UNMET
    outcome_code: OutcomeCode | None = None
    referral_id: ReferralId | None = None
    settled_at: datetime | None = None

    def apply(self, action: NeedAction) -> None:
        """Move along the table.

        Raises:
            TransitionRefusedError: the table has no such step.
        """
        target = NEED_TRANSITIONS.get((self.status, action))
        if target is None:
            raise TransitionRefusedError(need_id=str(self.need_id), state=self.status, action=action)
        self.status = target


@dataclass(frozen=True, slots=True, kw_only=True)
class Participation:
    """A programme that a completed referral brought. ``starts_on`` is a local date."""

    participation_id: ParticipationId
    person_id: PersonId | None
    programme_code: ProgrammeCode
    status: ParticipationStatus
    starts_on: date
    case_id: CaseId
    referral_id: ReferralId


@dataclass(kw_only=True)
class Family(Aggregate):
    """The aggregate.

    ``regency_code`` is where the family was first recorded and never changes: its rows are kept there.
    ``kk_number`` holds 16 usable digits, or None for a family without a family card (yet). ``key_id`` names the key
    that it is sealed under, once it was saved. It is ``erased`` with the last of its people.
    """

    family_id: FamilyId
    regency_code: RegionCode
    village_code: RegionCode
    kk_number: str | None
    key_id: int | None = None
    erased: bool = False
    members: list[Member] = field(default_factory=list)
    needs: list[ProgrammeNeed] = field(default_factory=list)
    participations: list[Participation] = field(default_factory=list)

    @classmethod
    def new(
        cls, *, family_id: FamilyId, regency_code: RegionCode, village_code: RegionCode, kk_number: str | None
    ) -> Self:
        """A family that the registry did not know; `record` tells it."""
        return cls(family_id=family_id, regency_code=regency_code, village_code=village_code, kk_number=kk_number)

    @property
    def present(self) -> Sequence[PersonId]:
        """Who belongs to the family now."""
        return [member.person_id for member in self.members if member.left_at is None]

    def record(
        self,
        *,
        kk_number: str | None,
        village_code: RegionCode,
        members: Sequence[PersonId],
        case_id: CaseId,
        at: datetime,
    ) -> None:
        """Note that a case concerns the family, and who belongs to it by what the case says."""
        self.kk_number = self.kk_number or kk_number
        self.village_code = village_code
        for person_id in members:
            self._join(person_id, at=at)
        self._raise_event(
            FamilyRecorded(
                family_id=self.family_id,
                district_code=DistrictCode(district_of(village_code)),
                member_count=min(len(self.present), _MOST_TOLD),
                case_id=case_id,
            ),
            at=at,
        )

    def transfer(self, village_code: RegionCode, *, at: datetime) -> None:
        """Live in another village from now on; the members are transferred beside.

        Raises:
            TransferRefusedError: it is the village that is known. ErasedError: nobody is left of it.
        """
        if self.erased:
            raise ErasedError
        if village_code == self.village_code:
            raise TransferRefusedError
        self.village_code = village_code
        self._raise_event(
            FamilyTransferred(family_id=self.family_id, district_code=DistrictCode(district_of(village_code))), at=at
        )

    def leave(self, person_id: PersonId, *, at: datetime) -> None:
        """End a membership: the person is on another family's card now."""
        for member in self.members:
            if member.person_id == person_id and member.left_at is None:
                member.left_at = at

    def record_need(
        self,
        need_id: NeedId,
        *,
        programme_code: ProgrammeCode,
        person_id: PersonId | None,
        case_id: CaseId,
        at: datetime,
    ) -> None:
        """Note that the family, or one of its persons, needs a programme."""
        self.needs.append(
            ProgrammeNeed(
                need_id=need_id, case_id=case_id, person_id=person_id, programme_code=programme_code, recorded_at=at
            )
        )
        self._raise_event(
            ProgrammeNeedRecorded(
                family_id=self.family_id,
                person_id=person_id,
                case_id=case_id,
                need_id=need_id,
                programme_code=programme_code,
            ),
            at=at,
        )

    def settle_need(
        self,
        need_id: NeedId,
        outcome: OutcomeCode,
        *,
        programme_code: ProgrammeCode | None,
        referral_id: ReferralId,
        participation_id: ParticipationId,
        starts_on: date,
        at: datetime,
    ) -> None:
        """Take over what a completed referral came to.

        ``programme_code`` is what the office gave, when that is another programme than was asked for;
        ``participation_id`` names the participation that it may have brought, from ``starts_on`` (local date).

        Raises:
            TransitionRefusedError: the need is not this family's, or has been settled.
        """
        need = next((need for need in self.needs if need.need_id == need_id), None)
        action = OUTCOME_ACTIONS[outcome]
        if need is None:
            raise TransitionRefusedError(need_id=str(need_id), state="unknown", action=action)
        need.apply(action)
        need.outcome_code, need.referral_id, need.settled_at = outcome, referral_id, at
        if need.status is not NeedStatus.MET:
            return
        self._raise_event(
            ProgrammeNeedMet(
                family_id=self.family_id,
                case_id=need.case_id,
                need_id=need_id,
                programme_code=need.programme_code,
                referral_id=referral_id,
            ),
            at=at,
        )
        self._take_part(
            need,
            programme_code or need.programme_code,
            referral_id=referral_id,
            participation_id=participation_id,
            starts_on=starts_on,
            at=at,
        )

    def _take_part(
        self,
        need: ProgrammeNeed,
        programme_code: ProgrammeCode,
        *,
        referral_id: ReferralId,
        participation_id: ParticipationId,
        starts_on: date,
        at: datetime,
    ) -> None:
        kind = PROGRAMMES[programme_code].participation
        if kind is ParticipationKind.NONE:
            return
        participation = Participation(
            participation_id=participation_id,
            person_id=need.person_id if kind is ParticipationKind.PERSON else None,
            programme_code=programme_code,
            status=ParticipationStatus.ACTIVE,
            starts_on=starts_on,
            case_id=need.case_id,
            referral_id=referral_id,
        )
        self.participations.append(participation)
        self._raise_event(
            ParticipationRecorded(
                participation_id=participation_id,
                family_id=self.family_id,
                person_id=participation.person_id,
                programme_code=programme_code,
                status=participation.status,
                starts_on=starts_on,
                case_id=need.case_id,
                referral_id=referral_id,
            ),
            at=at,
        )

    def _join(self, person_id: PersonId, *, at: datetime) -> None:
        for member in self.members:
            if member.person_id == person_id:
                if member.left_at is not None:
                    member.joined_at, member.left_at = at, None
                return
        self.members.append(Member(person_id=person_id, joined_at=at))
