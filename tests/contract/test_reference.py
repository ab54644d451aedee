"""The page "who hears what" tells every topic, event and integration, and to whom it goes."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from contracts.codegen.layout import Layout
from contracts.codegen.reference import CLASSES_IN_WORDS, events_page
from contracts.codegen.registry import TopicSource, group_of, read_topics

from slrt_contracts.events import EVENT_TYPES, CaseScreened, ClaimWithdrawn, ReferralConfirmed
from slrt_contracts.types import DataClass

REFERRALS = "slrt.referral.referral.v1"


@pytest.fixture(scope="session")
def topics(root: Path) -> Sequence[TopicSource]:
    return read_topics(Layout(root).topics)


@pytest.fixture(scope="session")
def page(topics: Sequence[TopicSource]) -> str:
    return events_page(topics)


def _section(page: str, heading: str) -> str:
    return page.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def test_every_event_topic_and_integration_has_its_row(page: str, topics: Sequence[TopicSource]) -> None:
    heard, done, seen = (
        _section(page, f"Who {title}") for title in ("hears what", "does what with it", "may see what")
    )
    for event in EVENT_TYPES.values():
        assert f"| [{event.__name__}](#{event.__name__.lower()}) | `{event.TOPIC}` |" in heard
    for topic in topics:
        assert f"| `{topic.name}` | {topic.audience} |" in seen
        for consumer in topic.consumers:
            assert f"| `{group_of(consumer)}` | `{topic.name}` |" in done
            assert consumer.purpose in done


def test_a_fact_that_nobody_acts_on_is_told_so_and_partners_are_named_where_they_may_hear(page: str) -> None:
    rows = _section(page, "Who hears what").splitlines()
    (screened,) = [row for row in rows if f"[{CaseScreened.__name__}]" in row]
    assert screened.endswith("| intake | – |")
    (confirmed,) = [row for row in rows if f"[{ReferralConfirmed.__name__}]" in row]
    assert confirmed.endswith("| referral | `intake.timeline`, partners |")
    public = (".audit.v1", ".policy.v1")
    elsewhere = [row for row in rows if "partners" in row and not any(each in row for each in (REFERRALS, *public))]
    assert [row.split("]")[0] for row in elsewhere] == [f"| [{ClaimWithdrawn.__name__}"]


def test_each_topic_says_its_owner_its_readers_its_partners_and_what_is_to_be_seen(
    page: str, topics: Sequence[TopicSource]
) -> None:
    for topic in topics:
        if topic.types:
            section = _section(page, topic.name)
            for line in (
                f"| Owner | {topic.owner} |",
                f"per `{topic.key}`",
                "| Partners | ",
                "| What is to be seen | ",
            ):
                assert line in section
            assert [consumer for consumer in topic.consumers if f"`{group_of(consumer)}` (" not in section] == []
    assert "each under a user of its own" in _section(page, REFERRALS)
    assert "the district, offices, yes or no, small numbers" in _section(page, REFERRALS)


def test_every_class_of_data_has_words() -> None:
    assert set(CLASSES_IN_WORDS) == set(DataClass)
