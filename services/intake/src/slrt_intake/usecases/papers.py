"""Say which documents the needs of a case ask for, and which of them its files show. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from slrt_kit.policy.entries import Entry


@dataclass(frozen=True, slots=True)
class AskedDocument:
    """A document that needs of a case ask for. ``there``: a file shows it, or one that will do in its place."""

    code: str
    fields: Mapping[str, Any]
    needs: tuple[str, ...]
    there: bool


def checklist(
    needs: Collection[str], documents: Mapping[str, Entry], file_classes: Collection[str]
) -> list[AskedDocument]:
    """The documents in the order of the policy; ``file_classes`` are those of the case's files."""

    def shown(code: str) -> bool:
        return documents[code].fields["file_class"] in file_classes

    return [
        AskedDocument(
            code,
            entry.fields,
            tuple(asking),
            shown(code) or any(shown(other) for other in entry.fields.get("instead", ())),
        )
        for code, entry in documents.items()
        if (asking := [need for need in entry.fields["needs"] if need in needs])
    ]
