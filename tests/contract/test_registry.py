"""The registry and the models agree, and the registry's reader refuses what is wrong with it, in words."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest
from contracts.codegen.layout import Layout
from contracts.codegen.registry import RegistryError, check_topics, read_topics

from slrt_contracts.events import EVENT_TYPES, AuditDaySealed, Event, LooksRecorded, PolicyActivated
from slrt_contracts.topics import TOPICS, dead_letter_topic

SERVICES = {"intake", "referral", "registry", "notification"}


def test_every_event_is_on_exactly_one_topic_and_no_topic_names_an_event_that_is_gone() -> None:
    told = Counter(each for topic in TOPICS.values() if topic.twin_of is None for each in topic.types)
    assert told == Counter(EVENT_TYPES.keys())


def test_every_committed_schema_is_the_schema_of_one_event(root: Path) -> None:
    assert {path.stem for path in Layout(root).schemas.iterdir()} == set(EVENT_TYPES)


def test_every_event_says_the_topic_and_the_key_that_the_registry_says() -> None:
    for event_type, event in EVENT_TYPES.items():
        topic = TOPICS[event.TOPIC]
        assert event_type in topic.types
        assert topic.key == event.KEY
        assert event.KEY in event.model_fields


def test_a_twin_is_internal_and_tells_the_same_to_the_same_services() -> None:
    twins = [topic for topic in TOPICS.values() if topic.twin_of is not None]
    assert {event.RESTRICTED_TOPIC for event in EVENT_TYPES.values()} - {None} == {twin.name for twin in twins}
    for twin in twins:
        first = TOPICS[twin.twin_of or ""]
        assert twin.audience == "internal"
        for shared in ("key", "types", "producers", "consumers", "partitions", "retention_ms"):
            assert getattr(twin, shared) == getattr(first, shared), shared
        assert not any(user.startswith("partner-") for user in twin.acl.read)


def test_every_event_type_names_its_service_and_the_fact_of_its_class() -> None:
    for event_type, event in EVENT_TYPES.items():
        fact = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", event.__name__).lower()
        owner = TOPICS[event.TOPIC].owner
        # What every service tells of itself is named once; its classes need the service's name to differ.
        if issubclass(event, (AuditDaySealed, LooksRecorded, PolicyActivated)):
            fact = fact.removeprefix(f"{owner}-")
        assert event_type == f"id.slrt.{owner}.{fact}.v1"


def test_every_declared_consumer_hears_events_that_exist_on_its_topic() -> None:
    for topic in TOPICS.values():
        for consumer in topic.consumers:
            assert consumer.types, f"{consumer.name} hears nothing on {topic.name}"
            assert set(consumer.types) <= set(topic.types)
            assert consumer.service in SERVICES
            assert len(consumer.purpose.split()) > 3


def test_every_consuming_service_has_a_dead_letter_topic_of_its_own() -> None:
    for service in {consumer.service for topic in TOPICS.values() for consumer in topic.consumers}:
        topic = TOPICS[dead_letter_topic(service)]
        assert topic.dead_letters
        assert topic.acl.write == topic.acl.read == (f"slrt-{service}",)


def test_only_the_owner_may_write_and_every_consumer_may_read() -> None:
    for topic in TOPICS.values():
        assert topic.acl.write == (f"slrt-{topic.owner}",)
        assert {f"slrt-{consumer.service}" for consumer in topic.consumers} <= set(topic.acl.read)


def test_partners_can_be_given_referrals_and_everybody_signed_roots_and_policy_versions_alone() -> None:
    open_to = {name: str(topic.audience) for name, topic in TOPICS.items() if topic.audience != "internal"}
    roots = {f"slrt.{service}.audit.v1": "public" for service in SERVICES}
    policies = {f"slrt.{service}.policy.v1": "public" for service in ("intake", "referral", "notification")}
    partners = {"slrt.referral.referral.v1": "partner", "slrt.intake.tombstone.v1": "partner"}
    assert open_to == partners | roots | policies


def test_a_compacted_topic_keeps_keys_for_ever_and_any_other_says_for_how_long() -> None:
    assert TOPICS["slrt.registry.person.v1"].kafka_config() == {"cleanup.policy": "compact"}
    case = TOPICS["slrt.intake.case.v1"].kafka_config()
    assert case == {"cleanup.policy": "delete", "retention.ms": str(30 * 24 * 3600 * 1000)}
    assert all((topic.retention_ms is None) == topic.compacted for topic in TOPICS.values())


def test_the_registry_of_the_package_names_the_story_of_a_case() -> None:
    groups = {consumer.group for topic in TOPICS.values() for consumer in topic.consumers}
    assert groups >= {
        "slrt.registry.cases",
        "slrt.registry.outcomes",
        "slrt.referral.cases",
        "slrt.referral.connector.{office}",
        "slrt.intake.timeline",
        "slrt.notification.cases",
        "slrt.notification.referrals",
        "slrt.notification.connector.email",
        "slrt.notification.connector.whatsapp",
    }


# -- bad sources ---------------------------------------------------------------------------------------------
def _problems(folder: Path, events: dict[str, type[Event]] | None = None) -> str:
    try:
        return "\n".join(check_topics(read_topics(folder), events or dict(EVENT_TYPES)))
    except RegistryError as error:
        return str(error)


CASE_FILE = "slrt.intake.case.v1.yaml"
BAD_EDITS = {
    "misspelt key": ("audience:", "audiance:", "audiance: Extra inputs are not permitted"),
    "unknown audience": ("audience: internal", "audience: friends", "audience: Input should be"),
    "unknown service": ("name: registry.cases", "name: regsitry.cases", "service 'regsitry' is not a service"),
    "unknown event": (
        "  - id.slrt.intake.case-unsealed.v1\nproducers",
        "  - id.slrt.intake.case-vanished.v1\nproducers",
        "type id.slrt.intake.case-vanished.v1 has no event model",
    ),
    "event of another topic": (
        "  - id.slrt.intake.case-unsealed.v1\nproducers",
        "  - id.slrt.intake.case-unsealed.v1\n  - id.slrt.referral.referral-sent.v1\nproducers",
        "ReferralSent says its topic is slrt.referral.referral.v1",
    ),
    "consumer of an event that is not told here": (
        "types:\n      - id.slrt.intake.case-registered.v1\n",
        "types:\n      - id.slrt.referral.referral-sent.v1\n",
        "consumer registry.cases hears id.slrt.referral.referral-sent.v1, which is not on this topic",
    ),
    "another key": ("key: case_id", "key: need_id", "key is need_id, CaseRegistered says case_id"),
    "owner who is not a producer": (
        "producers: [intake]",
        "producers: [referral]",
        "the owner intake is not among the producers",
    ),
    "owner who is not in the name": ("owner: intake", "owner: referral", "the name does not carry the owner referral"),
    "compacted with a retention": (
        "cleanup: delete",
        "cleanup: compact",
        "retention goes with cleanup: delete and with nothing else",
    ),
    "retention without a unit": ("retention: 30d", "retention: 30", "retention: Input should be a valid string"),
    "consumer without a purpose": (
        "purpose: Tell the resident the ticket number and the stages of the case; "
        "show the messages to those who may see the case.",
        "purpose: tell",
        "consumers.2.purpose: String should have at least 10 characters",
    ),
    "group under another name": (
        "name: registry.cases\n",
        "name: registry.cases\n    group: slrt.something\n",
        "group slrt.something must be slrt.registry.cases",
    ),
    "partner on an internal topic": (
        "producers: [intake]",
        "producers: [intake]\nacl: {read: [partner-baznas]}",
        "partner-baznas may not read an internal topic",
    ),
    "reader who is no user of ours": (
        "producers: [intake]",
        "producers: [intake]\nacl: {read: [admin]}",
        "acl.read.0: String should match pattern",
    ),
    "consumer twice": ("name: referral.cases", "name: registry.cases", "consumer registry.cases is listed twice"),
    "not YAML": ("types:\n", "types: [\n", "not YAML"),
}


@pytest.mark.parametrize(("old", "new", "message"), BAD_EDITS.values(), ids=BAD_EDITS.keys())
def test_a_wrong_topic_file_is_refused_with_its_name_and_the_reason(
    copy: Path, old: str, new: str, message: str
) -> None:
    path = copy / "contracts/topics" / CASE_FILE
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    found = _problems(copy / "contracts/topics")
    assert message in found
    assert CASE_FILE in found


def test_a_topic_file_that_is_missing_leaves_its_events_without_a_topic(copy: Path) -> None:
    (copy / "contracts/topics" / CASE_FILE).unlink()
    assert "CaseClosed (id.slrt.intake.case-closed.v1) is on no topic" in _problems(copy / "contracts/topics")


TWIN_FILE = "slrt.referral.restricted.v1.yaml"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("twin_of: slrt.referral.referral.v1", "twin_of: slrt.referral.nothing.v1", "there is no such topic"),
        ("audience: internal", "audience: partner", "audience: Input should be 'internal'"),
        ("audience: internal", "audience: internal\nkey: case_id", "key: Extra inputs are not permitted"),
        ("owner: referral", "owner: intake", "the name does not carry the owner intake"),
    ],
)
def test_a_wrong_twin_is_refused(copy: Path, old: str, new: str, message: str) -> None:
    path = copy / "contracts/topics" / TWIN_FILE
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    assert message in _problems(copy / "contracts/topics")


def test_events_whose_twin_is_missing_are_refused(copy: Path) -> None:
    (copy / "contracts/topics" / TWIN_FILE).unlink()
    assert "ReferralSent says its restricted topic is slrt.referral.restricted.v1" in _problems(
        copy / "contracts/topics"
    )


def test_a_consuming_service_without_dead_letters_is_refused(copy: Path) -> None:
    (copy / "contracts/topics/slrt.registry.dlq.v1.yaml").unlink()
    assert "slrt.registry.dlq.v1.yaml is missing" in _problems(copy / "contracts/topics")


def test_an_event_listed_twice_is_refused(copy: Path) -> None:
    path = copy / "contracts/topics" / CASE_FILE
    line = "  - id.slrt.intake.case-unsealed.v1\nproducers"
    path.write_text(path.read_text().replace(line, f"  - id.slrt.intake.case-unsealed.v1\n{line}"))
    assert "id.slrt.intake.case-unsealed.v1 is listed 2 times" in _problems(copy / "contracts/topics")


def test_a_file_under_another_name_is_refused(copy: Path) -> None:
    folder = copy / "contracts/topics"
    (folder / CASE_FILE).rename(folder / "cases.yaml")
    assert "name the file slrt.intake.case.v1.yaml" in _problems(folder)


def test_one_consumer_has_one_group_on_all_topics(copy: Path) -> None:
    path = copy / "contracts/topics/slrt.registry.family.v1.yaml"
    path.write_text(
        path.read_text().replace(
            "name: intake.timeline\n", "name: intake.timeline\n    group: slrt.intake.timeline.{x}\n"
        )
    )
    assert "consumer intake.timeline has the group" in _problems(copy / "contracts/topics")


def test_a_new_model_without_a_topic_is_refused(root: Path) -> None:
    class CaseForgotten(Event):
        """A fact that nobody put on a topic."""

        TYPE = "id.slrt.intake.case-forgotten.v1"
        TOPIC = "slrt.intake.case.v1"
        KEY = "case_id"

    found = _problems(Layout(root).topics, dict(EVENT_TYPES) | {CaseForgotten.TYPE: CaseForgotten})
    assert found == (
        "CaseForgotten (id.slrt.intake.case-forgotten.v1) is on no topic: add it to topics/slrt.intake.case.v1.yaml"
    )


def test_the_registry_in_the_package_needs_no_yaml(root: Path) -> None:
    document = json.loads(Layout(root).registry.read_text())
    assert [entry["name"] for entry in document["topics"]] == list(TOPICS)
