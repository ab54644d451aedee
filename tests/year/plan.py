"""Plan the year of Tanjungbalai: who works there, who brings what trouble when, and how each desk behaves. Pure.

50 facilitators, 3 supervisors, 1 manager (the staff that the state pays in each regency: domain S1), 6 offices, the
village coordinators, front and back office; a flood week in November. All people are invented.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Final

from tests.year.draw import Draw

from slrt_contracts.codes import AttributeName, AttributeValue, Channel, DeclineReason, NeedCode, OutcomeCode

REGENCY: Final = "12.74"
YEAR: Final = 2026
WIB: Final = timezone(timedelta(hours=7), "WIB")
DAYS: Final = 365

FACILITATORS: Final = tuple(f"fasilitator-{n:02}" for n in range(1, 51))
SUPERVISORS: Final = ("supervisor-1", "supervisor-2", "supervisor-3")
FRONT_OFFICE: Final = ("fo-1", "fo-2")
BACK_OFFICE: Final = ("bo-1", "bo-2", "bo-3")
MANAGER: Final = "manajer-1"
HEAD_OF_OFFICE: Final = "kadis-1"
OFFICES: Final = ("12.74.DUKCAPIL", "12.74.SOSIAL", "12.74.KESEHATAN", "12.74.DIKBUD", "12.74.PUPR", "12.74.BPBD")
QUEUE: Final = "12.74.SLRT"

FLOOD: Final = (date(YEAR, 11, 16), date(YEAR, 11, 22))
"""First and last day of the flood week."""
FASTING: Final = (date(YEAR, 2, 18), date(YEAR, 3, 19))
"""Ramadan of 2026: desks work more slowly, fewer people come."""

_A_DAY: Final = 2.5
"""Reports on a usual working day, of all facilitators and the desks together."""
_A_FLOOD_DAY: Final = 26.0

# Shares of the sample of complaints by subject (domain 10.2: health and documents lead everywhere).
_NEEDS: Final = {
    NeedCode.PBI_JK: 24.0,
    NeedCode.ADMINDUK: 22.0,
    NeedCode.PKH: 10.0,
    NeedCode.SEMBAKO: 12.0,
    NeedCode.PIP: 12.0,
    NeedCode.JKN_APBD: 7.0,
    NeedCode.JALAN: 6.0,
    NeedCode.YATIM: 3.0,
    NeedCode.TELANTAR: 2.0,
    NeedCode.LAINNYA: 2.0,
}
_FLOOD_NEEDS: Final = {NeedCode.BENCANA: 70.0, NeedCode.ADMINDUK: 20.0, NeedCode.JALAN: 10.0}
_URGENT: Final = {NeedCode.PBI_JK: 0.15, NeedCode.TELANTAR: 0.5, NeedCode.BENCANA: 0.8}
_OUTCOMES: Final = {
    OutcomeCode.FULFILLED: 60.0,
    OutcomeCode.PARTLY: 10.0,
    OutcomeCode.EXPLAINED_ONLY: 10.0,
    OutcomeCode.NOT_ELIGIBLE: 10.0,
    OutcomeCode.PROPOSED_WAITING_QUOTA: 10.0,
}


@dataclass(frozen=True, slots=True)
class Desk:
    """How a desk behaves: how many office hours until it acts, on average, and how often it forgets altogether.

    What was forgotten is done some hours after somebody is told that it is late.
    """

    hours: float
    forgets: float


DESKS: Final = {
    "screen": Desk(4.0, 0.02),
    "recommend": Desk(12.0, 0.04),
    "decide": Desk(10.0, 0.03),
    "12.74.DUKCAPIL": Desk(10.0, 0.03),
    "12.74.SOSIAL": Desk(20.0, 0.06),
    "12.74.KESEHATAN": Desk(12.0, 0.04),
    "12.74.DIKBUD": Desk(18.0, 0.08),
    "12.74.PUPR": Desk(40.0, 0.20),
    "12.74.BPBD": Desk(6.0, 0.02),
    QUEUE: Desk(8.0, 0.0),
}


@dataclass(frozen=True, slots=True)
class PlannedNeed:
    """One trouble, as it is told at the door."""

    code: NeedCode
    urgent: bool
    attributes: tuple[tuple[AttributeName, AttributeValue], ...] = ()


@dataclass(frozen=True, slots=True)
class Arrival:
    """Somebody comes with something. ``number`` counts from 1 and names the story; ``at`` is in UTC."""

    number: int
    at: datetime
    by: str
    channel: Channel
    village: int
    needs: tuple[PlannedNeed, ...]


def arrivals(seed: int, *, villages: int, is_working: Callable[[date], bool], days: int = DAYS) -> Iterator[Arrival]:
    """Everybody who comes in the first ``days`` of the year, in order of time.

    ``villages`` is how many the regency has; ``is_working`` says whether its offices work on a day.
    """
    number = 0
    for n in range(days):
        day = date(YEAR, 1, 1) + timedelta(days=n)
        draw = Draw(seed, "day", day)
        flood = FLOOD[0] <= day <= FLOOD[1]
        mean = _A_FLOOD_DAY if flood else _A_DAY if is_working(day) else _A_DAY / 10
        mean *= 0.7 if FASTING[0] <= day <= FASTING[1] else 1.0
        minutes = sorted(draw.between(7 * 60, 20 * 60) for _ in range(draw.count(mean)))
        for minute in minutes:
            number += 1
            own = Draw(seed, "case", number)
            yield Arrival(
                number,
                _instant(day, minute),
                own.one_of(FACILITATORS),
                own.weighted({Channel.FACILITATOR: 7.0, Channel.PUSKESOS: 3.0}),
                own.whole(0, villages - 1),
                tuple(_needs(own, flood=flood)),
            )


def _needs(draw: Draw, *, flood: bool) -> Iterator[PlannedNeed]:
    codes: list[NeedCode] = []
    for _ in range(draw.weighted({1: 70.0, 2: 24.0, 3: 6.0})):
        code = draw.weighted(_FLOOD_NEEDS if flood else _NEEDS)
        if code not in codes:
            codes.append(code)
    for code in codes:
        attributes: tuple[tuple[AttributeName, AttributeValue], ...] = ()
        if code is NeedCode.JALAN:
            road = draw.weighted({AttributeValue.REGENCY_ROAD: 5.0, AttributeValue.UNKNOWN: 5.0})
            attributes = ((AttributeName.ASSET_CLASS, road),)
        yield PlannedNeed(code, draw.chance(_URGENT.get(code, 0.02)), attributes)


def _instant(day: date, minute: float) -> datetime:
    midnight = datetime.combine(day, time(), tzinfo=WIB)
    return (midnight + timedelta(seconds=round(minute * 60))).astimezone(UTC)


def outcome(draw: Draw) -> OutcomeCode:
    """How an office's work ends."""
    return draw.weighted(_OUTCOMES)


def declines(draw: Draw) -> DeclineReason | None:
    """Why an office does not take it, once in a while."""
    return DeclineReason.OTHER_OWNER if draw.chance(0.05) else None
