"""The single steps that bring a broker from what it has to what it is to have."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, get_args

from slrt_kit.topics.state import Grant

_FOR_EVER = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateTopic:
    """Make a topic."""

    kind: ClassVar[str] = "create-topic"
    deletes: ClassVar[bool] = False
    topic: str
    partitions: int
    replication: int
    configs: Mapping[str, str]

    def __str__(self) -> str:
        settings = ", ".join(f"{name}={value}" for name, value in sorted(self.configs.items()))
        return f"+ topic {self.topic}: partitions={self.partitions}, copies={self.replication}, {settings}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AddPartitions:
    """Give a topic more partitions. Keys move: events of a key that are still unread lose their order."""

    kind: ClassVar[str] = "add-partitions"
    deletes: ClassVar[bool] = False
    topic: str
    old: int
    new: int

    def __str__(self) -> str:
        return f"~ topic {self.topic}: partitions {self.old} → {self.new} (keys move: have everything read before)"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeConfig:
    """Set one setting of a topic; ``new`` None gives it back to the broker's default."""

    kind: ClassVar[str] = "change-config"
    topic: str
    name: str
    old: str | None
    new: str | None

    @property
    def deletes(self) -> bool:
        """Whether the broker may delete or lose events over it, or a setting that somebody made goes."""
        match self.name:
            case "retention.ms":
                return self.new is None or _keeps_less(self.old, self.new)
            case "min.insync.replicas":
                return self.new is None or (self.old is not None and int(self.new) < int(self.old))
            case name:
                return self.new is None or name == "cleanup.policy"

    def __str__(self) -> str:
        return f"~ topic {self.topic}: {self.name} {_or_default(self.old)} → {_or_default(self.new)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteTopic:
    """Delete a topic with all that is on it."""

    kind: ClassVar[str] = "delete-topic"
    deletes: ClassVar[bool] = True
    topic: str

    def __str__(self) -> str:
        return f"- topic {self.topic}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateUser:
    """Make a user with the password that was given."""

    kind: ClassVar[str] = "create-user"
    deletes: ClassVar[bool] = False
    user: str

    def __str__(self) -> str:
        return f"+ user {self.user}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePassword:
    """Give a user the password that was given to us, for the one that the broker has."""

    kind: ClassVar[str] = "change-password"
    deletes: ClassVar[bool] = False
    user: str

    def __str__(self) -> str:
        return f"~ user {self.user}: another password"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteUser:
    """Delete a user."""

    kind: ClassVar[str] = "delete-user"
    deletes: ClassVar[bool] = True
    user: str

    def __str__(self) -> str:
        return f"- user {self.user}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AddGrant:
    """Give a right."""

    kind: ClassVar[str] = "add-grant"
    deletes: ClassVar[bool] = False
    grant: Grant

    def __str__(self) -> str:
        return f"+ {self.grant}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveGrant:
    """Take a right back."""

    kind: ClassVar[str] = "remove-grant"
    deletes: ClassVar[bool] = True
    grant: Grant

    def __str__(self) -> str:
        return f"- {self.grant}"


Action = (
    CreateTopic
    | AddPartitions
    | ChangeConfig
    | CreateUser
    | ChangePassword
    | AddGrant
    | RemoveGrant
    | DeleteUser
    | DeleteTopic
)
"""In the order in which they are done: what is needed first comes first, what goes goes last."""
ORDER: Mapping[str, int] = {each.kind: place for place, each in enumerate(get_args(Action))}


def as_data(action: Action) -> dict[str, Any]:
    """An action for programs."""
    return {"kind": action.kind, "deletes": action.deletes} | asdict(action)


def _or_default(value: str | None) -> str:
    return "(the broker's default)" if value is None else value


def _keeps_less(old: str | None, new: str) -> bool:
    if int(new) == _FOR_EVER:
        return False
    return old is None or int(old) == _FOR_EVER or int(new) < int(old)
