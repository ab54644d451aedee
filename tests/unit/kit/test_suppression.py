"""Small numbers are left out, and nothing that is shown lets them be worked out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slrt_kit.suppression import SMALLEST_SHOWN, suppressed

counts = st.dictionaries(st.text("abcdefgh", min_size=1, max_size=3), st.integers(0, 30), max_size=12)


@pytest.mark.parametrize(
    ("given_counts", "shown"),
    [
        ({}, {}),
        ({"a": 4}, {"a": None}),
        ({"a": 5}, {"a": 5}),
        ({"a": 1, "b": 9, "c": 20}, {"a": None, "b": None, "c": 20}),
        ({"a": 1, "b": 1, "c": 9, "d": 20}, {"a": None, "b": None, "c": None, "d": 20}),
        ({"a": 3, "b": 4, "c": 9}, {"a": None, "b": None, "c": 9}),
    ],
)
def test_examples(given_counts: dict[str, int], shown: dict[str, int | None]) -> None:
    assert suppressed(given_counts) == shown


@given(counts)
def test_no_small_number_is_shown_and_none_that_is_shown_is_changed(cells: dict[str, int]) -> None:
    shown = suppressed(cells)
    assert shown.keys() == cells.keys()
    for cell, count in shown.items():
        assert count is None or count == cells[cell] >= SMALLEST_SHOWN


@given(counts)
def test_whoever_knows_the_total_learns_of_no_small_number(cells: dict[str, int]) -> None:
    shown = suppressed(cells)
    hidden = [cell for cell, count in shown.items() if count is None]
    if hidden and len(hidden) < len(cells):
        assert len(hidden) > 1
        assert sum(cells[cell] for cell in hidden) >= SMALLEST_SHOWN
