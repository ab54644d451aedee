"""A broker in memory as an administrator sees it; proven by the same tests as a real one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from slrt_kit.topics.actions import (
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
from slrt_kit.topics.apply import BrokerFault
from slrt_kit.topics.state import BrokerState, Grant, Password, TopicState


@dataclass
class ModelBroker:
    """Topics, passwords by user, and rights (None: it has no authorizer); an action in ``breaks_at`` fails."""

    topics: dict[str, TopicState] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict)
    rights: set[Grant] | None = field(default_factory=set)
    breaks_at: str | None = None

    async def state(self, desired: Mapping[str, TopicState]) -> BrokerState:  # noqa: ARG002 — it keeps no other
        """What it has."""
        rights = None if self.rights is None else frozenset(self.rights)
        return BrokerState(topics=dict(self.topics), users=frozenset(self.passwords), rights=rights)

    async def try_passwords(self, given: Mapping[str, str], there: Iterable[str]) -> dict[str, Password]:
        """Whether they are the ones it has."""
        known = {user: self.passwords[user] for user in there}
        return {
            user: Password.WORKS if known.get(user) == password else Password.DIFFERS
            for user, password in given.items()
        }

    async def perform(self, action: Action, passwords: Mapping[str, str]) -> None:
        """Do it; raises `BrokerFault` for what a broker refuses."""
        if self.breaks_at == str(action):
            raise BrokerFault("it broke")
        match action:
            case CreateTopic() | AddPartitions() | ChangeConfig() | DeleteTopic():
                self._topic(action)
            case CreateUser(user=user) | ChangePassword(user=user):
                self.passwords[user] = passwords[user]
            case DeleteUser(user=user):
                self._require(user in self.passwords, "no such user")
                del self.passwords[user]
            case AddGrant(grant=grant):
                self._rights().add(grant)
            case RemoveGrant(grant=grant):
                self._require(grant in self._rights(), "no such right")
                self._rights().remove(grant)

    def _topic(self, action: CreateTopic | AddPartitions | ChangeConfig | DeleteTopic) -> None:
        name = action.topic
        if isinstance(action, CreateTopic):
            self._require(name not in self.topics, "the topic is there")
            self.topics[name] = TopicState(
                partitions=action.partitions, replication=action.replication, configs=dict(action.configs)
            )
            return
        self._require(name in self.topics, "no such topic")
        found = self.topics[name]
        match action:
            case AddPartitions(new=new):
                self._require(new > found.partitions, "a topic never gets fewer partitions")
                self.topics[name] = replace(found, partitions=new)
            case ChangeConfig(name=setting, new=value):
                rest = {key: old for key, old in found.configs.items() if key != setting}
                self.topics[name] = replace(found, configs=rest if value is None else rest | {setting: value})
            case DeleteTopic():
                del self.topics[name]

    def _rights(self) -> set[Grant]:
        if self.rights is None:
            raise BrokerFault("no authorizer is configured")
        return self.rights

    def _require(self, holds: bool, why: str) -> None:
        if not holds:
            raise BrokerFault(why)
