"""Compare what the registry wants of a broker with what the broker has. Nothing here talks to anybody."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from slrt_kit.topics.actions import (
    ORDER,
    Action,
    AddGrant,
    AddPartitions,
    ChangeConfig,
    ChangePassword,
    CreateTopic,
    CreateUser,
    DeleteTopic,
    DeleteUser,
    RemoveGrant,
)
from slrt_kit.topics.desired import is_our_topic, is_our_user
from slrt_kit.topics.state import BrokerState, Grant, Password, TopicState


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The difference.

    ``actions`` are to be done; ``withheld`` would be, were it allowed to delete; ``refused`` says what cannot be done
    and why; ``notes`` what was seen and is not ours.
    """

    actions: tuple[Action, ...]
    withheld: tuple[Action, ...]
    refused: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """Whether the broker is as the registry says, as far as we can and may bring it there."""
        return not self.actions

    @property
    def differs(self) -> bool:
        """Whether the broker is not as the registry says."""
        return bool(self.actions or self.withheld or self.refused)


def make_plan(
    desired: BrokerState,
    actual: BrokerState,
    *,
    passwords: Mapping[str, Password],
    allow_delete: bool = False,
) -> Plan:
    """What it takes to bring ``actual`` to ``desired``.

    Only our own topics and users are touched. ``passwords`` says for each desired user what is known of his.
    """
    steps = _Steps()
    steps.topics(desired.topics, actual.topics)
    if desired.rights is None or actual.rights is None:
        steps.notes.append("the broker has no authorizer: users and rights are left out")
    else:
        steps.users(desired.users, actual.users, passwords)
        steps.rights(desired.rights, actual.rights)
    actions = sorted(steps.actions, key=lambda action: (ORDER[action.kind], str(action)))
    return Plan(
        actions=tuple(each for each in actions if allow_delete or not each.deletes),
        withheld=tuple(each for each in actions if each.deletes and not allow_delete),
        refused=tuple(sorted(steps.refused)),
        notes=tuple(sorted(steps.notes)),
    )


class _Steps:
    def __init__(self) -> None:
        self.actions: list[Action] = []
        self.refused: list[str] = []
        self.notes: list[str] = []

    def topics(self, desired: Mapping[str, TopicState], actual: Mapping[str, TopicState]) -> None:
        for name, wanted in desired.items():
            found = actual.get(name)
            if found is None:
                self.actions.append(
                    CreateTopic(
                        topic=name,
                        partitions=wanted.partitions,
                        replication=wanted.replication,
                        configs=wanted.configs,
                    )
                )
            else:
                self._topic(name, wanted, found)
        self.actions += [DeleteTopic(topic=name) for name in actual if name not in desired and is_our_topic(name)]

    def _topic(self, name: str, wanted: TopicState, found: TopicState) -> None:
        if wanted.partitions > found.partitions:
            self.actions.append(AddPartitions(topic=name, old=found.partitions, new=wanted.partitions))
        elif wanted.partitions < found.partitions:
            self.refused.append(
                f"topic {name}: partitions {found.partitions} → {wanted.partitions}: a topic never gets fewer"
            )
        if wanted.replication > found.replication:
            self.refused.append(
                f"topic {name}: copies {found.replication} → {wanted.replication}: "
                "that takes a reassignment of its partitions (kafka-reassign-partitions)"
            )
        self.actions += [
            ChangeConfig(topic=name, name=setting, old=found.configs.get(setting), new=wanted.configs.get(setting))
            for setting in sorted({*wanted.configs, *found.configs})
            if wanted.configs.get(setting) != found.configs.get(setting)
        ]

    def users(self, desired: Iterable[str], actual: Iterable[str], passwords: Mapping[str, Password]) -> None:
        there = set(actual)
        for user in desired:
            password = passwords.get(user, Password.ABSENT)
            if user not in there and password is Password.ABSENT:
                self.refused.append(f"user {user}: no password was given for it")
            elif user not in there:
                self.actions.append(CreateUser(user=user))
            elif password is Password.DIFFERS:
                self.actions.append(ChangePassword(user=user))
        self.actions += [DeleteUser(user=user) for user in there - set(desired) if is_our_user(user)]

    def rights(self, desired: frozenset[Grant], actual: frozenset[Grant]) -> None:
        self.actions += [AddGrant(grant=grant) for grant in desired - actual]
        for grant in actual - desired:
            if is_our_user(grant.user):
                self.actions.append(RemoveGrant(grant=grant))
            elif grant.resource == "Topic" and (is_our_topic(grant.name) or grant.prefixed or grant.name == "*"):
                self.notes.append(f"left alone, not of the registry: {grant}")
