"""What can go wrong on a device; none of it loses anything that was recorded."""

from typing import Any


class FieldError(Exception):
    """Any of these."""


class UnreachableError(FieldError):
    """The server was not reached, or could not take anything, as often as was tried: sync again later."""


class NotSignedInError(FieldError):
    """The server does not know who calls: get another token."""


class RefusedError(FieldError):
    """The server refuses the exchange as a whole, for a reason that trying again does not mend."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        super().__init__(f"{status} {problem.get('type', '')}")
        self.status = status
        self.problem = problem

    @property
    def slug(self) -> str:
        """The name of the refusal, such as ``device-taken``."""
        return str(self.problem.get("type", "")).rpartition(":")[2]

    def is_of(self, slug: str) -> bool:
        """Whether it is that refusal."""
        return self.slug == slug


class WipedError(FieldError):
    """The device was revoked: all that could be handed in was, and nothing is left here."""


class WrongKeyError(FieldError):
    """The store was written under another key."""
