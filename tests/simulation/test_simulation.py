"""Worlds in which everything fails that can; and whether they would show a rule that is missing."""

import itertools
from collections.abc import Iterator

import pytest
import structlog
from tests.simulation import storm
from tests.simulation.mutations import MUTATIONS
from tests.simulation.run import failing, quiet

WORLDS = 600
MOST_TRIES = 400


@pytest.fixture
def quiet_logs() -> Iterator[None]:
    before = structlog.get_config()
    quiet()
    yield
    structlog.configure(**before)


def test_nothing_is_lost_doubled_or_reordered_whatever_happens_when() -> None:
    assert list(failing(range(WORLDS))) == [], "replay one with: make simulate SEEDS=1 SEED=…"


@pytest.mark.parametrize("rule", MUTATIONS)
@pytest.mark.usefixtures("quiet_logs")
def test_a_rule_that_is_missing_shows(rule: str) -> None:
    mutation = MUTATIONS[rule]
    with mutation.taken_out():
        tried = (
            storm.simulate(seed, only=mutation.only, seconds=mutation.seconds)
            for seed in itertools.count(mutation.first)
        )
        assert any(itertools.islice(tried, MOST_TRIES))


@pytest.mark.usefixtures("quiet_logs")
@pytest.mark.parametrize("rule", [rule for rule, mutation in MUTATIONS.items() if mutation.only])
def test_the_same_faults_do_no_harm_while_the_rule_holds(rule: str) -> None:
    mutation = MUTATIONS[rule]
    for seed in range(10):
        assert storm.simulate(seed, only=mutation.only, seconds=mutation.seconds) == []


@pytest.mark.usefixtures("quiet_logs")
def test_the_same_seed_gives_the_same_world() -> None:
    with MUTATIONS["inbox insert"].taken_out():
        assert storm.simulate(3) == storm.simulate(3) != []
