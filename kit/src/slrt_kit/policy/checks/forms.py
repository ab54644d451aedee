"""The forms of needs: what is asked, which answers there are, and when a question is shown."""

from collections.abc import Iterator, Mapping

from slrt_contracts.catalogue import ATTRIBUTES, NEEDS
from slrt_contracts.codes import AttributeName
from slrt_kit.policy.checks.codes import unknown_code
from slrt_kit.policy.entries import Entry, RegionPolicy
from slrt_kit.policy.findings import Finding, PolicyError
from slrt_kit.policy.forms import KIND, Field, need_and_attribute, read_field
from slrt_kit.problems import Text


def check(policy: RegionPolicy) -> Iterator[Finding]:
    """What is wrong with the forms that a region has."""
    by_need: dict[str, dict[str, tuple[Entry, Field]]] = {}
    for entry in policy.entries(KIND).values():
        need, attribute = need_and_attribute(entry)
        wrong = list(_codes(entry, need, attribute))
        if not wrong:
            try:
                by_need.setdefault(need, {})[attribute] = (entry, read_field(entry, AttributeName(attribute)))
            except PolicyError as error:
                wrong += error.findings
        yield from wrong
    for fields in by_need.values():
        for entry, field in fields.values():
            yield from _shown(entry, field, fields)


def _codes(entry: Entry, need: str, attribute: str) -> Iterator[Finding]:
    if need not in NEEDS:
        yield unknown_code(entry.place(), need or entry.key, among=NEEDS)
    if attribute not in ATTRIBUTES:
        yield unknown_code(entry.place(), attribute, among=ATTRIBUTES)
        return
    for n, option in enumerate(entry.fields.get("options", ())):
        if option not in ATTRIBUTES[attribute]:
            yield unknown_code(entry.place("options", n), option, among=ATTRIBUTES[attribute])


def _shown(entry: Entry, field: Field, fields: Mapping[str, tuple[Entry, Field]]) -> Iterator[Finding]:
    if field.shown_if is None:
        return
    asked = {clause.fact.name.removeprefix("need.") for clause in field.shown_if.root.clauses()}
    for attribute in sorted(asked):
        if attribute not in fields:
            yield Finding(
                entry.place("shown_if"),
                "asks-no-field",
                Text(
                    f"{entry.key} bergantung pada {attribute}, yang tidak ditanyakan pada kebutuhan ini",
                    f"{entry.key} depends on {attribute}, which is not asked about this need",
                ),
                Text("tambahkan pertanyaan itu, atau ubah syaratnya", "add that question, or change the condition"),
            )
    if not field.shown_if.holds:
        yield Finding(
            entry.place("shown_if"),
            "never-true",
            Text(f"{entry.key} tidak pernah ditanyakan", f"{entry.key} is never asked"),
            Text("perbaiki syaratnya, atau hapus pertanyaan ini", "correct the condition, or take the question away"),
        )
    circle = _circle(str(field.attribute), fields)
    if circle:
        shown = " → ".join(circle)
        yield Finding(
            entry.place("shown_if"),
            "form-cycle",
            Text(f"pertanyaan saling menunggu: {shown}", f"the questions wait for each other: {shown}"),
            Text("hapus salah satu syarat", "take one of the conditions away"),
        )


def _circle(start: str, fields: Mapping[str, tuple[Entry, Field]]) -> list[str]:
    """From a question by those that it waits for back to itself; nothing where it does not come back."""
    pending = [[start]]
    seen: set[str] = set()
    while pending:
        path = pending.pop()
        field = fields[path[-1]][1] if path[-1] in fields else None
        for clause in field.shown_if.root.clauses() if field is not None and field.shown_if is not None else ():
            name = clause.fact.name.removeprefix("need.")
            if name == start:
                return [*path, name]
            if name not in seen:
                seen.add(name)
                pending.append([*path, name])
    return []
