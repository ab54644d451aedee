"""The documents that a need asks for: which file shows each, and which other one will do instead (domain 4.5)."""

from collections.abc import Iterator

from slrt_contracts.codes import FileClass, NeedCode
from slrt_kit.policy.checks.codes import unknown_code, unknown_codes
from slrt_kit.policy.entries import RegionPolicy
from slrt_kit.policy.findings import Finding
from slrt_kit.problems import Text


def check(policy: RegionPolicy) -> Iterator[Finding]:
    """What is wrong with the documents that a region asks for."""
    documents = policy.entries("documents")
    for document in documents.values():
        yield from unknown_codes(document, "needs", NeedCode)
        yield from unknown_codes(document, "file_class", FileClass)
        for n, other in enumerate(document.fields.get("instead", ())):
            if other not in documents:
                yield unknown_code(document.place("instead", n), other, among=documents)
                continue
            missing = set(document.fields["needs"]) - set(documents[other].fields["needs"])
            if other == document.key or missing:
                listed = ", ".join(sorted(missing)) or document.key
                yield Finding(
                    document.place("instead", n),
                    "replaced-by-nothing",
                    Text(
                        f"{other} tidak dapat menggantikan {document.key} untuk {listed}",
                        f"{other} cannot stand for {document.key} with {listed}",
                    ),
                    Text("sebut dokumen dari kebutuhan yang sama", "name a document of the same needs"),
                )
