"""The plan by itself: whatever a broker has, it leads to the registry, takes nothing unasked, and repeats nothing."""

import asyncio
import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slrt_kit.testing import ModelBroker
from slrt_kit.topics.actions import AddPartitions, ChangeConfig
from slrt_kit.topics.apply import Outcome, bring, look
from slrt_kit.topics.desired import is_our_topic, is_our_user
from slrt_kit.topics.plan import Plan, make_plan
from slrt_kit.topics.state import BrokerState, Grant, Password, TopicState

OURS = ("slrt.intake.case.v1", "slrt.referral.referral.v1", "slrt.gone.thing.v1")
TOPIC_NAMES = (*OURS, "__consumer_offsets", "orders", "slrtish.thing.v1")
USERS = ("slrt-intake", "slrt-referral", "partner-baznas", "partner-gone", "admin", "alice", "slrtish")

settings_of_topics = st.fixed_dictionaries(
    {"cleanup.policy": st.sampled_from(["delete", "compact"]), "max.message.bytes": st.sampled_from(["1000", "2000"])},
    optional={
        "retention.ms": st.sampled_from(["-1", "1000", "2000", "3000"]),
        "min.insync.replicas": st.sampled_from(["1", "2"]),
        "segment.bytes": st.just("4096"),
    },
)
topic_states = st.builds(
    TopicState, partitions=st.integers(1, 4), replication=st.integers(1, 3), configs=settings_of_topics
)
grants = st.builds(
    Grant,
    user=st.sampled_from(USERS),
    operation=st.sampled_from(["Read", "Write", "Create"]),
    resource=st.sampled_from(["Topic", "Group"]),
    name=st.sampled_from([*TOPIC_NAMES, "slrt.intake.", "*"]),
    prefixed=st.booleans(),
    denies=st.booleans(),
)
passwords = st.dictionaries(st.sampled_from(USERS), st.sampled_from(["one", "two"]))
brokers = st.builds(
    ModelBroker,
    topics=st.dictionaries(st.sampled_from(TOPIC_NAMES), topic_states),
    passwords=passwords,
    rights=st.sets(grants, max_size=8),
)
registries = st.builds(
    BrokerState,
    topics=st.dictionaries(st.sampled_from(OURS), topic_states),
    users=st.frozensets(st.sampled_from([user for user in USERS if is_our_user(user)])),
    rights=st.frozensets(grants.filter(lambda grant: is_our_user(grant.user) and not grant.denies), max_size=8),
)


def run(broker: ModelBroker, desired: BrokerState, given: dict[str, str], *, allow_delete: bool) -> tuple[Plan, Plan]:
    """Plan and apply; the plan, and the one after it."""

    async def work() -> tuple[Plan, Outcome, Plan]:
        plan = await look(broker, desired, given, allow_delete=allow_delete)
        outcome = await bring(broker, plan, given, tell=lambda _: None)
        return plan, outcome, await look(broker, desired, given, allow_delete=allow_delete)

    plan, outcome, after = asyncio.run(work())
    assert outcome == Outcome(done=plan.actions), "what a plan says, a broker does"
    return plan, after


def foreign(broker: ModelBroker) -> tuple[Any, ...]:
    return (
        {name: topic for name, topic in broker.topics.items() if not is_our_topic(name)},
        {user: password for user, password in broker.passwords.items() if not is_our_user(user)},
        {grant for grant in broker.rights or () if not is_our_user(grant.user)},
    )


@given(brokers, registries, passwords, st.booleans())
def test_after_applying_a_plan_there_is_nothing_left_to_do(
    broker: ModelBroker, desired: BrokerState, given: dict[str, str], allow_delete: bool
) -> None:
    plan, after = run(broker, desired, given, allow_delete=allow_delete)
    assert after.is_empty
    assert after.withheld == plan.withheld
    assert after.refused == plan.refused
    if allow_delete:
        assert not after.withheld
        wanted_users = {user for user in desired.users if user in given or user in broker.passwords}
        assert {user for user in broker.passwords if is_our_user(user)} == wanted_users
        assert {grant for grant in broker.rights or () if is_our_user(grant.user)} == desired.rights
        assert {name for name in broker.topics if is_our_topic(name)} == set(desired.topics)


@given(brokers, registries, passwords)
def test_nothing_is_deleted_and_nothing_is_kept_less_without_leave(
    broker: ModelBroker, desired: BrokerState, given: dict[str, str]
) -> None:
    topics, users, rights = dict(broker.topics), set(broker.passwords), set(broker.rights or ())
    plan, _ = run(broker, desired, given, allow_delete=False)
    assert not [action for action in plan.actions if action.deletes]
    assert topics.keys() <= broker.topics.keys()
    assert users <= broker.passwords.keys()
    assert rights <= (broker.rights or set())
    for name, before in topics.items():
        now = broker.topics[name]
        assert now.partitions >= before.partitions
        assert before.configs.keys() <= now.configs.keys()
        assert now.configs["cleanup.policy"] == before.configs["cleanup.policy"]
        assert kept(now) >= kept(before) or "retention.ms" not in before.configs
        if "min.insync.replicas" in before.configs:
            assert int(now.configs["min.insync.replicas"]) >= int(before.configs["min.insync.replicas"])


def kept(topic: TopicState) -> float:
    value = int(topic.configs.get("retention.ms", 0))
    return float("inf") if value == -1 else value


@given(brokers, registries, passwords, st.booleans())
def test_what_is_not_ours_is_left_alone(
    broker: ModelBroker, desired: BrokerState, given: dict[str, str], allow_delete: bool
) -> None:
    before = foreign(broker)
    run(broker, desired, given, allow_delete=allow_delete)
    assert foreign(broker) == before


@given(brokers, registries, st.randoms(use_true_random=False))
def test_the_plan_does_not_depend_on_the_order_in_which_things_are_named(
    broker: ModelBroker, desired: BrokerState, chance: random.Random
) -> None:
    def shuffled(things: dict[str, Any]) -> dict[str, Any]:
        items = list(things.items())
        chance.shuffle(items)
        return dict(items)

    def settings_shuffled(topics: dict[str, TopicState]) -> dict[str, TopicState]:
        return {name: replace(topic, configs=shuffled(dict(topic.configs))) for name, topic in topics.items()}

    actual = BrokerState(topics=broker.topics, users=frozenset(broker.passwords), rights=frozenset(broker.rights or ()))
    plan = make_plan(desired, actual, passwords=dict.fromkeys(USERS, Password.DIFFERS))
    again = make_plan(
        replace(desired, topics=settings_shuffled(shuffled(dict(desired.topics)))),
        replace(actual, topics=settings_shuffled(shuffled(dict(actual.topics)))),
        passwords=shuffled(dict.fromkeys(USERS, Password.DIFFERS)),
    )
    assert again == plan


# -- the single rules --------------------------------------------------------------------------------------------

TOPIC = TopicState(partitions=3, replication=1, configs={"cleanup.policy": "delete", "retention.ms": "2000"})


def plan_of(wanted: TopicState, found: TopicState, *, allow_delete: bool = False) -> Plan:
    return make_plan(
        BrokerState(topics={OURS[0]: wanted}),
        BrokerState(topics={OURS[0]: found}),
        passwords={},
        allow_delete=allow_delete,
    )


@pytest.mark.parametrize("allow_delete", [False, True])
def test_fewer_partitions_are_refused_even_where_deleting_is_allowed(allow_delete: bool) -> None:
    plan = plan_of(TOPIC, replace(TOPIC, partitions=4), allow_delete=allow_delete)
    assert plan.refused == (f"topic {OURS[0]}: partitions 4 → 3: a topic never gets fewer",)
    assert plan.is_empty
    assert plan.differs


def test_more_partitions_are_made() -> None:
    assert plan_of(TOPIC, replace(TOPIC, partitions=1)).actions == (AddPartitions(topic=OURS[0], old=1, new=3),)


def test_too_few_copies_are_said_and_more_copies_than_asked_for_are_nobodys_loss() -> None:
    (refused,) = plan_of(replace(TOPIC, replication=3), TOPIC).refused
    assert "copies 1 → 3" in refused
    assert not plan_of(TOPIC, replace(TOPIC, replication=3)).differs


@pytest.mark.parametrize(
    ("name", "old", "new", "deletes"),
    [
        ("retention.ms", "2000", "1000", True),
        ("retention.ms", "-1", "1000", True),
        ("retention.ms", None, "1000", True),
        ("retention.ms", "1000", None, True),
        ("retention.ms", "1000", "2000", False),
        ("retention.ms", "1000", "-1", False),
        ("cleanup.policy", "delete", "compact", True),
        ("cleanup.policy", "compact", "delete", True),
        ("min.insync.replicas", "2", "1", True),
        ("min.insync.replicas", "1", "2", False),
        ("max.message.bytes", "2000", "1000", False),
        ("segment.bytes", "4096", None, True),
    ],
)
def test_a_setting_that_lets_events_go_needs_leave(name: str, old: str | None, new: str | None, deletes: bool) -> None:
    assert ChangeConfig(topic=OURS[0], name=name, old=old, new=new).deletes is deletes


def test_a_user_without_a_password_is_not_made_and_one_that_is_there_is_left_as_it_is() -> None:
    desired = BrokerState(topics={}, users=frozenset({"slrt-intake", "partner-baznas"}))
    actual = BrokerState(topics={}, users=frozenset({"slrt-intake"}))
    plan = make_plan(desired, actual, passwords={})
    assert plan.actions == ()
    assert plan.refused == ("user partner-baznas: no password was given for it",)


def test_a_right_of_a_strange_user_on_our_topic_is_shown_and_left() -> None:
    strange = Grant(user="alice", operation="Read", resource="Topic", name=OURS[0])
    elsewhere = Grant(user="alice", operation="Read", resource="Topic", name="orders")
    actual = BrokerState(topics={}, rights=frozenset({strange, elsewhere}))
    plan = make_plan(BrokerState(topics={}), actual, passwords={}, allow_delete=True)
    assert plan.notes == (f"left alone, not of the registry: alice may Read Topic {OURS[0]}",)
    assert not plan.differs


def test_a_broker_without_an_authorizer_gets_its_topics_and_nothing_else() -> None:
    desired = BrokerState(
        topics={OURS[0]: TOPIC},
        users=frozenset({"slrt-intake"}),
        rights=frozenset({Grant(user="slrt-intake", operation="Read", resource="Topic", name=OURS[0])}),
    )
    plan = make_plan(desired, BrokerState(topics={}, rights=None), passwords={})
    assert [action.kind for action in plan.actions] == ["create-topic"]
    assert plan.notes == ("the broker has no authorizer: users and rights are left out",)


def test_a_failure_in_the_middle_says_what_was_done_and_what_was_not() -> None:
    desired = BrokerState(topics=dict.fromkeys(OURS, TOPIC))
    broker = ModelBroker()
    told: list[str] = []

    async def work() -> tuple[Plan, Outcome]:
        plan = await look(broker, desired, {})
        broker.breaks_at = str(plan.actions[1])
        return plan, await bring(broker, plan, {}, tell=lambda action: told.append(str(action)))

    plan, outcome = asyncio.run(work())
    assert outcome == Outcome(done=plan.actions[:1], failed=plan.actions[1], reason="it broke", left=plan.actions[2:])
    assert told == [str(plan.actions[0])]
    assert len(broker.topics) == 1
