"""Region codes: shapes, levels, parents, subtrees."""

import pytest

from slrt_kit.regions import (
    InvalidRegionCodeError,
    Level,
    RegionCode,
    ancestors,
    covers,
    district_of,
    level_of,
    parent_of,
    regency_of,
    region_code,
)

VILLAGE = RegionCode("12.74.05.1010")


@pytest.mark.parametrize(
    "text",
    ["", "1", "127", "12.", "12.7", "12.74.5", "12.74.05.101", "12.74.05.10100", "1274", "12-74", " 12", "12\n", "१२"],
)
def test_what_is_no_dotted_code_is_refused(text: str) -> None:
    with pytest.raises(InvalidRegionCodeError):
        region_code(text)


@pytest.mark.parametrize("code", ["12", "12.74"])
def test_a_region_above_the_district_has_no_district(code: str) -> None:
    with pytest.raises(InvalidRegionCodeError):
        district_of(region_code(code))


def test_a_province_has_no_regency() -> None:
    with pytest.raises(InvalidRegionCodeError):
        regency_of(RegionCode("12"))


@pytest.mark.parametrize(
    ("code", "level"),
    [
        ("12", Level.PROVINCE),
        ("12.74", Level.REGENCY),
        ("12.74.05", Level.DISTRICT),
        ("12.74.05.1010", Level.VILLAGE),
        ("91.03.02.3007", Level.VILLAGE),
    ],
)
def test_the_length_tells_the_level(code: str, level: Level) -> None:
    assert level_of(region_code(code)) is level


def test_ancestors_go_from_the_village_up_to_the_province() -> None:
    assert ancestors(VILLAGE) == ("12.74.05.1010", "12.74.05", "12.74", "12")
    assert parent_of(VILLAGE) == district_of(VILLAGE) == "12.74.05"
    assert regency_of(VILLAGE) == "12.74"
    assert parent_of(RegionCode("12")) is None


@pytest.mark.parametrize(
    ("subtree", "code", "inside"),
    [
        ("12.74", "12.74", True),
        ("12.74", "12.74.05.1010", True),
        ("12", "12.74.05", True),
        ("12.74.05", "12.74", False),
        ("12.74", "12.75.01", False),
        ("12.7", "12.74", False),
        ("1", "12.74", False),
    ],
)
def test_a_subtree_covers_itself_and_what_lies_below_at_a_dot(subtree: str, code: str, inside: bool) -> None:
    assert covers(RegionCode(subtree), RegionCode(code)) is inside
