"""A duty of the roster: one officer, one role, one place, from day to day."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Self

from slrt_contracts.codes import DutyRole
from slrt_contracts.events.duty import DutyAssigned, DutyEnded
from slrt_contracts.types import DutyArea, DutyId, OfficeCode
from slrt_intake.domain.problems import DutyEndedError, DutyTermsError
from slrt_kit.aggregate import Aggregate
from slrt_kit.duty.model import AT_AN_OFFICE, officer_id_of

_FINEST_TOLD = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class DutyTerms:
    """What a duty says. ``officer`` is the subject of the officer's tokens; both days count."""

    officer: str
    role: DutyRole
    area_code: str
    office_code: str | None
    first_day: date
    last_day: date | None

    @classmethod
    def at(
        cls,
        *,
        officer: str,
        role: DutyRole,
        area_code: str | None,
        office_code: str | None,
        first_day: date,
        last_day: date | None,
    ) -> Self:
        """At an office, whose code says the area, or in an area.

        Raises:
            DutyTermsError: neither or both are named, the role is not had there, or the last day is before the first.
        """
        if (area_code is None) == (office_code is None):
            raise DutyTermsError(reason="area_or_office")
        if office_code is not None and role not in AT_AN_OFFICE:
            raise DutyTermsError(reason="not_at_an_office")
        if office_code is None and role is DutyRole.OPD_OFFICER:
            raise DutyTermsError(reason="only_at_an_office")
        if last_day is not None and last_day < first_day:
            raise DutyTermsError(reason="days")
        area = area_code if office_code is None else office_code.rpartition(".")[0]
        return cls(
            officer=officer,
            role=role,
            area_code=area or "",
            office_code=office_code,
            first_day=first_day,
            last_day=last_day,
        )


@dataclass(kw_only=True)
class RosterDuty(Aggregate):
    """The aggregate. What is changed is told anew; what has ended stays as it was."""

    duty_id: DutyId
    terms: DutyTerms
    made_by: str
    made_at: datetime
    ended_at: datetime | None = None

    @classmethod
    def assign(cls, duty_id: DutyId, terms: DutyTerms, *, by: str, at: datetime) -> Self:
        """A new duty."""
        duty = cls(duty_id=duty_id, terms=terms, made_by=by, made_at=at)
        duty._tell(at=at)
        return duty

    def change(self, terms: DutyTerms, *, at: datetime) -> None:
        """It says something else from now on.

        Raises:
            DutyEndedError: it has ended.
        """
        self._check_lasts()
        if terms != self.terms:
            self.terms = terms
            self._tell(at=at)

    def end(self, *, at: datetime) -> None:
        """It ends now, whatever its last day is.

        Raises:
            DutyEndedError: it has ended.
        """
        self._check_lasts()
        self.ended_at = at
        self._raise_event(DutyEnded(duty_id=self.duty_id), at=at)

    def _check_lasts(self) -> None:
        if self.ended_at is not None:
            raise DutyEndedError

    def _tell(self, *, at: datetime) -> None:
        terms = self.terms
        self._raise_event(
            DutyAssigned(
                duty_id=self.duty_id,
                officer_id=officer_id_of(terms.officer),
                role_code=terms.role,
                # A village is told as its district, as everywhere.
                area_code=DutyArea(terms.area_code[:_FINEST_TOLD]),
                office_code=None if terms.office_code is None else OfficeCode(terms.office_code),
                first_day=terms.first_day,
                last_day=terms.last_day,
            ),
            at=at,
        )
