"""Working days and working hours: by the day, over holidays and year ends, and against a model that walks."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.clocks.policies import national_policy

from slrt_kit.clock import WIB
from slrt_kit.clocks.calendar import CalendarSpec, UnknownYearError, WorkCalendar, hours_of, minutes
from slrt_kit.clocks.lengths import Length, Unit
from slrt_kit.clocks.national import decreed_years, known_years, national_days_off
from slrt_kit.clocks.zones import WIT, WITA, UnknownProvinceError, zone_name
from slrt_kit.regions import Regions

CALENDAR = national_policy().calendar()
OTHERS = (
    CALENDAR,
    national_policy("51.71").calendar(),
    WorkCalendar.of(
        CalendarSpec(
            "Asia/Jayapura",
            (((0, 1440),), ((60, 61),), (), ((600, 720), (780, 1000)), (), ((0, 30), (1410, 1440)), ()),
            days_off=frozenset({date(2027, 1, 4), date(2028, 2, 29)}),
            days_on=((date(2027, 1, 3), ((480, 960),)),),
        )
    ),
)
INSTANTS = st.datetimes(datetime(2024, 2, 25), datetime(2029, 3, 5), timezones=st.just(UTC))  # noqa: DTZ001 — bounds


def wib(text: str) -> datetime:
    """A local time in Western Indonesia, such as ``2026-07-06 10:00``."""
    return datetime.fromisoformat(text).replace(tzinfo=WIB)


def days(count: int) -> Length:
    return Length(Unit.WORKING_DAYS, count)


# -- bad input ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["7:30", "07:60", "25:00", "0730", "", "07.30"])
def test_what_is_no_time_of_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="time of day"):
        minutes(text)


@pytest.mark.parametrize(
    "stretches",
    [
        [{"from": "12:00", "to": "07:30"}],
        [{"from": "07:30", "to": "07:30"}],
        [{"from": "07:30", "to": "12:00"}, {"from": "11:00", "to": "16:00"}],
        [{"from": "13:00", "to": "16:00"}, {"from": "07:30", "to": "12:00"}],
    ],
)
def test_hours_that_overlap_or_run_backwards_are_refused(stretches: list[dict[str, str]]) -> None:
    with pytest.raises(ValueError, match="one after the other"):
        hours_of(stretches)


@pytest.mark.parametrize("at", ["2022-12-31 23:59", "2036-01-01 00:00"])
def test_an_instant_outside_the_known_years_is_an_error_that_names_the_year(at: str) -> None:
    with pytest.raises(UnknownYearError, match=at[:4]):
        CALENDAR.add(wib(at), days(1))


def test_a_length_that_leaves_the_known_years_is_an_error_and_no_wrong_date() -> None:
    last = wib(f"{known_years()[-1]}-12-20 10:00")
    for length in (days(60), Length(Unit.WORKING_HOURS, 400), Length(Unit.HOURS, 24 * 60)):
        with pytest.raises(UnknownYearError):
            CALENDAR.add(last, length)


@pytest.mark.parametrize(
    "field",
    [
        {},
        {"working_days": 0},
        {"working_days": -3},
        {"working_days": 2.5},
        {"working_days": True},
        {"hours": "3"},
        {"hours": None},
        {"hours": 10**9},
        {"days": 3},
        {"hours": 1, "working_days": 1},
    ],
)
def test_what_is_no_length_is_refused(field: dict[str, Any]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 — of the enumeration, or ours
        Length.of(field)


def test_a_province_without_a_zone_is_an_error() -> None:
    with pytest.raises(UnknownProvinceError):
        zone_name("99.01")


FAR = st.one_of(
    st.datetimes(timezones=st.sampled_from([UTC, WIB, WITA, WIT])),
    st.sampled_from([datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)]),
)


@given(FAR, FAR, st.sampled_from(Unit), st.integers(1, 100_000), st.timedeltas())
def test_whatever_is_asked_there_is_an_answer_in_the_known_years_or_the_error_that_says_so(
    at: datetime, other: datetime, unit: Unit, count: int, by: timedelta
) -> None:
    length = Length(unit, count)
    for ask in (
        lambda: CALENDAR.add(at, length),
        lambda: CALENDAR.add_worked(at, by),
        lambda: CALENDAR.shift(at, by, length),
        lambda: CALENDAR.between(at, other),
        lambda: CALENDAR.days_between(at, other),
    ):
        try:
            found = ask()
        except UnknownYearError as error:
            named = error.year
        else:
            assert not isinstance(found, datetime) or found.astimezone(WIB).year in CALENDAR.years
            continue
        assert named not in CALENDAR.years


# -- the rule ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "count", "end"),
    [
        ("2026-07-06 10:00", 3, "2026-07-09 16:00"),  # Monday to Thursday
        ("2026-07-06 00:00", 3, "2026-07-09 16:00"),
        ("2026-07-06 23:59", 3, "2026-07-09 16:00"),
        ("2026-07-10 10:00", 1, "2026-07-13 16:00"),  # over a weekend
        ("2026-07-11 10:00", 1, "2026-07-13 16:00"),  # from a Saturday
        ("2026-07-09 10:00", 1, "2026-07-10 16:30"),  # Fridays end later
        ("2026-03-17 10:00", 1, "2026-03-25 16:00"),  # Nyepi and Lebaran: 18 to 24 March
        ("2026-12-23 10:00", 1, "2026-12-28 16:00"),  # joint leave and Christmas
        ("2026-12-31 10:00", 1, "2027-01-04 16:00"),  # over the year's end
        ("2028-02-28 10:00", 1, "2028-02-29 16:00"),  # a leap day
        ("2028-02-29 10:00", 1, "2028-03-01 16:00"),
        ("2027-02-26 10:00", 1, "2027-03-01 16:00"),  # and none
        ("2026-07-06 10:00", 60, "2026-09-30 16:00"),
        ("2027-12-31 10:00", 1, "2028-01-03 16:00"),  # into a year that no decree is known of
        ("2027-12-30 23:59", 1, "2027-12-31 16:30"),
        ("2024-04-05 10:00", 1, "2024-04-16 16:00"),  # a whole week and more of Lebaran and joint leave
    ],
)
def test_a_working_day_is_a_day_and_ends_with_its_office_hours(start: str, count: int, end: str) -> None:
    assert CALENDAR.add(wib(start), days(count)) == wib(end)


def test_working_hours_leave_out_nights_breaks_and_holidays() -> None:
    friday = wib("2026-07-10 11:00")
    assert CALENDAR.add(friday, Length(Unit.WORKING_HOURS, 1)) == wib("2026-07-10 13:30")
    assert CALENDAR.add(friday, Length(Unit.WORKING_HOURS, 5)) == wib("2026-07-13 08:30")
    assert CALENDAR.between(wib("2026-03-17 16:00"), wib("2026-03-25 07:30")) == timedelta()


def test_plain_hours_run_day_and_night() -> None:
    assert CALENDAR.add(wib("2026-03-20 23:00"), Length(Unit.HOURS, 3)) == wib("2026-03-21 02:00")
    assert CALENDAR.add(wib("2028-02-28 23:00"), Length(Unit.HOURS, 26)) == wib("2028-03-01 01:00")


def test_the_week_has_the_hours_of_the_regulation() -> None:
    week = CALENDAR.between(wib("2026-07-06 00:00"), wib("2026-07-13 00:00"))
    assert week == timedelta(hours=37, minutes=30)


def test_the_same_instant_is_another_day_in_another_zone() -> None:
    late = wib("2026-07-06 23:30")  # Tuesday 00.30 in Bali
    assert CALENDAR.add(late, days(1)) == datetime(2026, 7, 7, 16, tzinfo=WIB)
    assert OTHERS[1].add(late, days(1)) == datetime(2026, 7, 8, 16, tzinfo=WITA)


def test_every_province_has_its_zone() -> None:
    regions = Regions.load()
    zones = {code: zone_name(code) for code in (f"{number:02}" for number in range(11, 97)) if regions.get(code)}
    assert len(zones) == 38
    assert (zones["12"], zones["51"], zones["94"]) == ("Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura")
    assert WIT.utcoffset(None) == timedelta(hours=9)


# -- national days -----------------------------------------------------------------------------------------------


def test_the_days_of_2026_are_those_of_the_joint_decree() -> None:
    # SKB 2026: 17 public holidays and 8 days of joint leave.
    found = " ".join(f"{day:%m-%d}" for day in national_days_off(2026))
    assert found == (
        "01-01 01-16 02-16 02-17 03-18 03-19 03-20 03-21 03-22 03-23 03-24 04-03 04-05 05-01 05-14 05-15 05-27 "
        "05-28 05-31 06-01 06-16 08-17 08-25 12-24 12-25"
    )


def test_each_decreed_year_has_joint_leave_and_no_estimate() -> None:
    for year in decreed_years():
        names = national_days_off(year).values()
        assert any(name.startswith("Cuti Bersama") for name in names), year
        assert year == max(decreed_years()) or not [name for name in names if "perkiraan" in name], year


def test_a_year_without_a_decree_is_provisional() -> None:
    assert not any(name.startswith("Cuti Bersama") for name in national_days_off(2028).values())
    assert CALENDAR.is_provisional(wib("2028-01-03 08:00"))
    assert not CALENDAR.is_provisional(wib("2027-12-31 23:00"))
    assert (
        2028
        not in WorkCalendar(
            CalendarSpec("Asia/Jakarta", CALENDAR.spec.week, listed_years=frozenset({2028}))
        ).provisional_years
    )


def test_a_decree_of_the_policy_stands_for_the_library_of_that_year() -> None:
    listed = CalendarSpec(
        "Asia/Jakarta",
        CALENDAR.spec.week,
        days_off=frozenset({date(2028, 1, 4)}),
        listed_years=frozenset({2028}),
    )
    calendar = WorkCalendar.of(listed)
    assert not calendar.is_working_day(date(2028, 1, 4))
    assert calendar.is_working_day(date(2028, 8, 17)), "the library's days of that year do not count"


# -- against a model ---------------------------------------------------------------------------------------------


def walk(calendar: WorkCalendar, start: datetime, end: datetime) -> timedelta:
    """What is worked between two instants, day by day."""
    worked, day = timedelta(), start.astimezone(calendar.zone).date()
    while day <= end.astimezone(calendar.zone).date():
        midnight = datetime.combine(day, time(), calendar.zone)
        for begins, ends in calendar.spec.hours_of(day):
            first = max(start, midnight + timedelta(minutes=begins))
            last = min(end, midnight + timedelta(minutes=ends))
            worked += max(last - first, timedelta())
        day += timedelta(days=1)
    return worked


def walk_days(calendar: WorkCalendar, start: datetime, count: int) -> datetime:
    """The end of the count-th working day after the day of ``start``."""
    day = start.astimezone(calendar.zone).date()
    while count:
        day += timedelta(days=1)
        count -= bool(calendar.spec.hours_of(day))
    ends = calendar.spec.hours_of(day)[-1][1]
    return datetime.combine(day, time(), calendar.zone) + timedelta(minutes=ends)


@given(st.sampled_from(OTHERS), INSTANTS, st.timedeltas(timedelta(), timedelta(days=80)))
def test_worked_time_is_that_of_a_walk_through_the_days(
    calendar: WorkCalendar, start: datetime, far: timedelta
) -> None:
    assert calendar.between(start, start + far) == walk(calendar, start, start + far)


@given(st.sampled_from(OTHERS), INSTANTS, st.integers(1, 70))
def test_working_days_are_those_of_a_walk(calendar: WorkCalendar, start: datetime, count: int) -> None:
    end = calendar.add(start, days(count))
    assert end == walk_days(calendar, start, count)
    ends_at_midnight = end.astimezone(calendar.zone).time() == time()
    assert calendar.days_between(start, end) == count + (
        ends_at_midnight and calendar.is_working_day(end.astimezone(calendar.zone).date())
    )


@given(st.sampled_from(OTHERS), INSTANTS, st.timedeltas(timedelta(), timedelta(days=40)))
def test_what_was_added_is_between(calendar: WorkCalendar, start: datetime, worked: timedelta) -> None:
    end = calendar.add_worked(start, worked)
    assert end >= start
    assert calendar.between(start, end) == worked
    assert not worked or calendar.between(start, end - timedelta(microseconds=1)) < worked, "the first such instant"


@given(st.sampled_from(OTHERS), INSTANTS, st.timedeltas(timedelta(), timedelta(days=90)))
def test_adding_what_is_between_gives_no_later_instant(calendar: WorkCalendar, start: datetime, far: timedelta) -> None:
    end = start + far
    again = calendar.add_worked(start, calendar.between(start, end))
    assert again <= end
    assert calendar.between(again, end) == timedelta()


@given(
    st.sampled_from(OTHERS),
    INSTANTS,
    st.timedeltas(timedelta(), timedelta(days=30)),
    st.sampled_from(Unit),
    st.integers(1, 40),
)
def test_whoever_begins_later_ends_no_earlier(
    calendar: WorkCalendar, start: datetime, later: timedelta, unit: Unit, count: int
) -> None:
    length = Length(unit, count)
    assert calendar.add(start, length) <= calendar.add(start + later, length)
    assert calendar.add(start, length) < calendar.add(start, Length(unit, count + 1))


@given(st.sampled_from(OTHERS), INSTANTS, *[st.timedeltas(timedelta(), timedelta(days=9))] * 2)
def test_two_moves_are_as_far_as_one_of_both(
    calendar: WorkCalendar, start: datetime, one: timedelta, other: timedelta
) -> None:
    begun = calendar.add_worked(start, timedelta(microseconds=1))
    assert calendar.add_worked(calendar.add_worked(begun, one), other) == calendar.add_worked(begun, one + other)


@settings(max_examples=30)
@given(INSTANTS, st.integers(1, 20))
def test_back_and_forth_is_where_it_was(start: datetime, hours: int) -> None:
    there = CALENDAR.add_worked(start, timedelta(hours=hours))
    assert CALENDAR.add_worked(there, -timedelta(hours=hours)) <= start
    assert CALENDAR.between(CALENDAR.add_worked(there, -timedelta(hours=hours)), start) == timedelta()
