"""What all events have in common: a type, a topic, a key, and two ways of being validated.

**Writing** is strict: `CaseRegistered(...)` refuses unknown fields and unknown codes. **Reading** is open:
`Event.decode` drops fields that this build does not know and keeps codes it does not know as `UnknownCode`,
so that yesterday's consumer lives with today's producer.
"""

from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from slrt_contracts.codes import READING


class UndecodableEventError(ValueError):
    """The payload is not what its type says. The message names fields and reasons, never values."""

    def __init__(self, event_type: str, problems: tuple[str, ...]) -> None:
        """Keep the type and the problems apart for callers that count or store them."""
        self.event_type = event_type
        self.problems = problems
        super().__init__(f"{event_type}: {'; '.join(problems)}")


class Part(BaseModel):
    """A value inside an event."""

    # Values never reach error messages: a producer's mistake must not put a name into a log.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Event(Part):
    """A fact, told once, in the past tense."""

    TYPE: ClassVar[str]
    """CloudEvents type, `id.slrt.<service>.<fact>.v<major>`."""
    TOPIC: ClassVar[str]
    """Topic on which the fact is told."""
    RESTRICTED_TOPIC: ClassVar[str | None] = None
    """Its twin: the internal topic on which the fact is told when it is about a case that few may know of."""
    KEY: ClassVar[str]
    """Name of the field that is the Kafka key: the id of the aggregate."""

    @classmethod
    def topics(cls) -> tuple[str, ...]:
        """Return the topics on which the fact may be told."""
        return (cls.TOPIC,) if cls.RESTRICTED_TOPIC is None else (cls.TOPIC, cls.RESTRICTED_TOPIC)

    @property
    def partition_key(self) -> str:
        """Return the Kafka key as text; events of one key arrive in the order in which they were recorded."""
        return str(getattr(self, self.KEY))

    def encode(self) -> bytes:
        """Return the payload: JSON in UTF-8."""
        return self.model_dump_json().encode()

    @classmethod
    def decode(cls, payload: bytes | str) -> Self:
        """Read a payload of this type, also one from a newer producer.

        Raises UndecodableEventError when it is not JSON or lacks what this type needs.
        """
        try:
            return cls.model_validate_json(payload, context=READING, extra="ignore")
        except ValidationError as error:
            problems = tuple(
                f"{'.'.join(str(part) for part in problem['loc']) or 'payload'}: {problem['msg']}"
                for problem in error.errors(include_url=False, include_context=False, include_input=False)
            )
            raise UndecodableEventError(cls.TYPE, problems) from None
