"""If-Match and ETag."""

from datetime import UTC, datetime
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slrt_kit.access import Principal, Scope
from slrt_kit.http.commands import Command, check_version, etag
from slrt_kit.problems import PreconditionRequiredError, StaleError


def command(if_match: str | None) -> Command:
    return Command(
        principal=Principal("someone", frozenset(), None, None, datetime(2030, 1, 1, tzinfo=UTC)),
        scope=Scope(everywhere=True, region=None, office=None),
        database=cast(Any, None),
        key="k",
        fingerprint=b"",
        if_match=if_match,
    )


@pytest.mark.parametrize(
    "if_match",
    [
        "",
        "*",
        "3",
        "'3'",
        '"3',
        '3"',
        '"-3"',
        '"3.0"',
        '"0x3"',
        '"three"',
        '""',
        '"3", "4"',
        'w/"3"',
        f'"{10**18}"',
        '"³"',
    ],
)
def test_an_etag_that_is_not_ours_matches_nothing(if_match: str) -> None:
    with pytest.raises(StaleError):
        assert command(if_match).expected_version


def test_no_if_match_is_told_apart_from_a_wrong_one() -> None:
    with pytest.raises(PreconditionRequiredError):
        assert command(None).expected_version


@given(st.integers(0, 10**18 - 1))
def test_every_version_comes_back_from_its_etag(version: int) -> None:
    assert command(etag(version)).expected_version == version
    # A gateway that compresses weakens our ETags.
    assert command(f" W/{etag(version)} ").expected_version == version


def test_another_version_is_stale() -> None:
    check_version(3, 3)
    for found in (2, 4):
        with pytest.raises(StaleError):
            check_version(3, found)
