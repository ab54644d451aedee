"""What a broker has, or is to have, of topics, users and rights: plain data, the same for both."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicState:
    """A topic. ``configs`` are the settings that the registry decides and those that somebody set on the topic."""

    partitions: int
    replication: int
    configs: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Grant:
    """A right of a user, by Kafka's own words: ``Write``, ``Read``, … on a ``Topic``, ``Group``, …"""

    user: str
    operation: str
    resource: str
    name: str
    prefixed: bool = False
    """Whether ``name`` stands for everything that begins with it."""
    host: str = "*"
    denies: bool = False

    def __str__(self) -> str:
        """For example: slrt-intake may Read Group slrt.intake.*"""
        host = "" if self.host == "*" else f" from {self.host}"
        verb = "must not" if self.denies else "may"
        return f"{self.user} {verb} {self.operation} {self.resource} {self.name}{'*' if self.prefixed else ''}{host}"


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerState:
    """``rights`` are None where the broker asks nobody who he is: then there are no users to speak of either."""

    topics: Mapping[str, TopicState]
    users: frozenset[str] = frozenset()
    rights: frozenset[Grant] | None = frozenset()


class Password(StrEnum):
    """What is known of a user's password."""

    ABSENT = "absent"
    """None was given to us."""
    WORKS = "works"
    """The broker takes the one that was given."""
    DIFFERS = "differs"
    """The broker refuses the one that was given, or does not know the user."""
