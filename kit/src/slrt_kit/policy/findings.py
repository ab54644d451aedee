"""Say what is wrong with a policy: where, what, and what to do about it."""

from collections.abc import Sequence
from dataclasses import dataclass

from slrt_kit.problems import Text


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A place in a policy's source. ``line`` counts from 1; 0 is the file as a whole."""

    file: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. ``code`` is stable, such as ``unreachable-state``; with one, nothing is activated."""

    place: Place
    code: str
    what: Text
    remedy: Text

    def line(self, language: str = "en") -> str:
        """One line for a terminal: ``12.74/sla.yaml:7 unknown-key: … -> …``."""
        what, remedy = (self.what.id, self.remedy.id) if language == "id" else (self.what.en, self.remedy.en)
        return f"{self.place} {self.code}: {what} -> {remedy}"


class PolicyError(Exception):
    """A policy is wrong; ``findings`` has everything that was found, in the order of the source."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = tuple(sorted(findings, key=lambda each: (each.place, each.code)))
        super().__init__("\n".join(each.line() for each in self.findings))
