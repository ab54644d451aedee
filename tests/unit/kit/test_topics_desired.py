"""What the registry wants of a broker: who may do what, and what is refused before any broker is asked."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from slrt_contracts.topics import TOPICS, Acl, Audience, Topic
from slrt_kit.topics.desired import RegistryRefusedError, desired_state
from slrt_kit.topics.state import Grant

INTERNAL, PARTNER = "slrt.intake.case.v1", "slrt.referral.referral.v1"


def with_acl(name: str, *, read: tuple[str, ...] = (), write: tuple[str, ...] = ()) -> Mapping[str, Topic]:
    """The registry with more readers and writers of one topic."""
    acl = TOPICS[name].acl
    return {**TOPICS, name: replace(TOPICS[name], acl=Acl(read=(*acl.read, *read), write=(*acl.write, *write)))}


def rights_of(user: str, topics: Mapping[str, Topic] = TOPICS) -> set[str]:
    state = desired_state(topics, replication=1)
    return {str(grant) for grant in state.rights or () if grant.user == user}


def test_a_partner_on_an_internal_topic_is_refused() -> None:
    assert TOPICS[INTERNAL].audience is Audience.INTERNAL
    with pytest.raises(RegistryRefusedError, match=r"slrt\.intake\.case\.v1 is internal"):
        desired_state(with_acl(INTERNAL, read=("partner-baznas",)), replication=1)


@pytest.mark.parametrize("writer", ["partner-baznas", "admin", "*", ""])
def test_nobody_but_a_service_writes(writer: str) -> None:
    with pytest.raises(RegistryRefusedError, match="may write nowhere"):
        desired_state(with_acl(PARTNER, write=(writer,)), replication=1)


@pytest.mark.parametrize("reader", ["baznas", "admin", "*", "User:slrt-intake"])
def test_a_reader_of_neither_kind_is_refused(reader: str) -> None:
    with pytest.raises(RegistryRefusedError, match="neither"):
        desired_state(with_acl(PARTNER, read=(reader,)), replication=1)


def test_a_partner_may_read_the_topics_that_name_it_and_have_groups_of_its_own_and_nothing_else() -> None:
    assert rights_of("partner-baznas", with_acl(PARTNER, read=("partner-baznas",))) == {
        "partner-baznas may Read Topic slrt.referral.referral.v1",
        "partner-baznas may Read Group partner.baznas.*",
    }


def test_a_service_may_write_and_make_what_it_produces_read_what_it_consumes_and_have_its_own_groups() -> None:
    assert rights_of("slrt-referral") == {
        "slrt-referral may Write Topic slrt.referral.referral.v1",
        "slrt-referral may Create Topic slrt.referral.referral.v1",
        "slrt-referral may Write Topic slrt.referral.restricted.v1",
        "slrt-referral may Create Topic slrt.referral.restricted.v1",
        "slrt-referral may Read Topic slrt.referral.restricted.v1",
        "slrt-referral may Write Topic slrt.referral.policy.v1",
        "slrt-referral may Create Topic slrt.referral.policy.v1",
        "slrt-referral may Read Topic slrt.intake.duty.v1",
        "slrt-referral may Write Topic slrt.referral.audit.v1",
        "slrt-referral may Create Topic slrt.referral.audit.v1",
        "slrt-referral may Write Topic slrt.referral.looks.v1",
        "slrt-referral may Create Topic slrt.referral.looks.v1",
        "slrt-referral may Write Topic slrt.referral.dlq.v1",
        "slrt-referral may Create Topic slrt.referral.dlq.v1",
        "slrt-referral may Read Topic slrt.referral.dlq.v1",
        "slrt-referral may Read Topic slrt.referral.referral.v1",
        "slrt-referral may Read Topic slrt.intake.case.v1",
        "slrt-referral may Read Topic slrt.intake.sharing.v1",
        "slrt-referral may Read Topic slrt.registry.person.v1",
        "slrt-referral may Read Group slrt.referral.*",
    }


def test_every_consumer_of_the_registry_may_read_its_topic_in_its_group() -> None:
    state = desired_state(TOPICS, replication=1)
    rights = state.rights or frozenset()
    for topic in TOPICS.values():
        for consumer in topic.consumers:
            user = f"slrt-{consumer.service}"
            assert Grant(user=user, operation="Read", resource="Topic", name=topic.name) in rights
            groups = [grant.name for grant in rights if grant.user == user and grant.resource == "Group"]
            assert any(consumer.group.startswith(group) for group in groups)


@pytest.mark.parametrize(("copies", "acknowledge"), [(1, "1"), (2, "1"), (3, "2")])
def test_all_copies_but_one_must_have_an_event_before_it_is_acknowledged(copies: int, acknowledge: str) -> None:
    state = desired_state(TOPICS, replication=copies).topics[INTERNAL]
    assert (state.replication, state.configs["min.insync.replicas"]) == (copies, acknowledge)
    assert state.configs["retention.ms"] == str(30 * 86_400_000)
