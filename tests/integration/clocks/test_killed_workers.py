"""A short `make clocks`: real processes, killed with -9 behind their effects and at random."""

from tests.clocks.run import measure


def test_no_effect_is_doubled_or_missed_when_workers_are_killed(clocks_url: str) -> None:
    found, line = measure(clocks_url, clocks=300, seconds=15, seed_number=7)
    assert (found.doubled, found.missed, found.early, found.wrong) == (0, 0, 0, []), line
    assert found.fired > 300, line
