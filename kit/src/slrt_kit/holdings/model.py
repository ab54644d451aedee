"""Say what a holding is: who held something, from when to when. Pure, and without the rules of any service."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Self

from slrt_kit.clock import WIB

MONTH_PATTERN = r"^20[0-9]{2}-(0[1-9]|1[0-2])$"


class HolderKind(StrEnum):
    """Whose turn it is. Words of the manual for front and back office (Kemensos FO-BO, 2017)."""

    RESIDENT = "resident"
    FACILITATOR = "facilitator"
    FRONT_OFFICE = "front_office"
    BACK_OFFICE = "back_office"
    COORDINATOR = "coordinator"
    MANAGER = "manager"
    OFFICE = "office"
    PAUSED = "paused"
    """Nobody's: something outside is awaited, for a reason that is stated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who holds it: ``office_code`` for an office, ``reason`` for a pause; ``district_code`` is where (kecamatan)."""

    kind: HolderKind
    district_code: str
    office_code: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """One row of a ledger: ``holder`` had it from ``since`` up to, and not at, ``until`` (UTC; None while it lasts).

    ``happened_at`` is there when what began it was told late, and happened before ``since``: the ledger never goes
    back, so the time between stays with whom it was given to. ``reconstructed``: written afterwards, from what else is
    on record.
    """

    sequence: int
    holder: Holder
    since: datetime
    until: datetime | None
    happened_at: datetime | None = None
    reconstructed: bool = False

    def lasted(self, now: datetime) -> timedelta:
        """How long it was held, up to ``now`` while it lasts; never less than nothing."""
        return max((self.until or now) - self.since, timedelta())


@dataclass(frozen=True, slots=True)
class Month:
    """A month of the figures, ``start`` to ``end`` (excluded), in UTC.

    It is one of Western Indonesian Time for every region, as the periods of retention are: the figures of regencies
    add up to those of their province, and those to the nation's.
    """

    start: datetime
    end: datetime

    @classmethod
    def parse(cls, text: str) -> Self:
        """``2026-11``.

        Raises:
            ValueError: it is no month from 2000 to 2099.
        """
        if not re.match(MONTH_PATTERN, text):
            raise ValueError("a month is written as year and month: 2026-11")
        year, month = int(text[:4]), int(text[5:7])
        start = datetime(year, month, 1, tzinfo=WIB)
        following = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=WIB)
        return cls(start.astimezone(UTC), following.astimezone(UTC))
