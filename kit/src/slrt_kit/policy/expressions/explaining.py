"""Why an expression holds, or does not, or cannot be told; and the fewest facts that would turn it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from slrt_kit.policy.expressions.boxes import Box, Values
from slrt_kit.policy.expressions.clauses import Clause
from slrt_kit.policy.expressions.facts import Fact, Facts, FactType, Value
from slrt_kit.problems import Text

_VERDICTS = {
    True: Text("terpenuhi", "true"),
    False: Text("tidak terpenuhi", "false"),
    None: Text("belum diketahui", "unknown"),
}
_SHOWN = 6
"""So many values of a change are named in a sentence; the data has all of them."""


@dataclass(frozen=True, slots=True)
class ClauseVerdict:
    """One clause and what became of it; ``value`` is None for a fact that is not known."""

    clause: Clause
    value: Value | None
    verdict: bool | None

    @property
    def sentence(self) -> Text:
        """Such as ``class of the road is national road: false (it is village road)``."""
        fact, (held_id, held_en) = self.clause.fact, _VERDICTS[self.verdict]
        said = _said(fact, self.clause)
        if self.value is None or self.value == fact.unstated:
            return Text(f"{said.id}: {held_id} (belum diisi)", f"{said.en}: {held_en} (nobody stated it)")
        if fact.type is FactType.BOOL:
            return Text(f"{said.id}: {held_id}", f"{said.en}: {held_en}")
        word = fact.word(self.value)
        return Text(f"{said.id}: {held_id} (sekarang {word.id})", f"{said.en}: {held_en} (it is {word.en})")


@dataclass(frozen=True, slots=True)
class Change:
    """A fact to supply or to change: to any one of ``to``; ``current`` is None for one that is not known."""

    fact: Fact
    current: Value | None
    to: tuple[Value, ...]
    all_but: bool = False
    """With it ``to`` names the values of a long list that will *not* do."""

    @property
    def supplies(self) -> bool:
        """Whether nobody stated it so far."""
        return self.current is None or self.current == self.fact.unstated

    @property
    def sentence(self) -> Text:
        """Such as ``supply class of the road: national road or provincial road``."""
        words, label = _either(self.fact, self.to), self.fact.label
        if self.all_but:
            words = Text(f"selain {words.id}", f"anything but {words.en}")
        if self.supplies:
            return Text(f"isi {label.id}: {words.id}", f"supply {label.en}: {words.en}")
        current = self.fact.word(self.current)  # type: ignore[arg-type]  # not None: somebody stated it
        return Text(
            f"ubah {label.id} dari {current.id} menjadi {words.id}",
            f"change {label.en} from {current.en} to {words.en}",
        )


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why the verdict is what it is.

    ``changes`` is a smallest set of facts to supply or to change that makes the verdict ``turned``: true when it is
    false or unknown, false when it is true. None when no change of facts that can change does.
    """

    verdict: bool | None
    clauses: tuple[ClauseVerdict, ...]
    changes: tuple[Change, ...] | None

    @property
    def turned(self) -> bool:
        """What the changes make of it."""
        return self.verdict is not True

    @property
    def sentences(self) -> tuple[Text, ...]:
        """The clauses in the order of the source, then what would turn the verdict."""
        said = [each.sentence for each in self.clauses]
        if self.changes is None:
            return (*said, Text("Tidak ada isian yang dapat mengubahnya", "No fact that can change would turn it"))
        return (*said, *(change.sentence for change in self.changes))


def changes_of(box: Box | None, given: Facts, facts: Mapping[str, Fact]) -> tuple[Change, ...] | None:
    """What has to become of the facts that a box names, in the order of the box."""
    if box is None:
        return None
    return tuple(_change(facts[name], given.get(name), values) for name, values in box.items())


def _change(fact: Fact, current: Value | None, values: Values) -> Change:
    """Who is told to supply something is not told that nobody knows, unless that alone would do."""
    if fact.knows is not None:
        return Change(fact, current, tuple(sorted(values.listed, key=str)), all_but=values.others)
    to = tuple(value for value in fact.values if value in values)
    return Change(fact, current, tuple(value for value in to if value != fact.unstated) or to)


def _said(fact: Fact, clause: Clause) -> Text:
    yes, no = clause.values(wanted=True), clause.values(wanted=False)
    negative = yes.others or (not no.others and len(no.listed) < len(yes.listed))
    listed = (no if negative else yes).listed
    ordered = [value for value in fact.values if value in listed] or sorted(listed, key=str)
    if fact.type is FactType.BOOL:
        wanted = True in yes
        return fact.label if wanted else Text(f"tidak {fact.label.id}", f"not {fact.label.en}")
    words = _either(fact, ordered)
    if negative:
        return Text(f"{fact.label.id} bukan {words.id}", f"{fact.label.en} is not {words.en}")
    return Text(f"{fact.label.id} adalah {words.id}", f"{fact.label.en} is {words.en}")


def _either(fact: Fact, values: Iterable[Value]) -> Text:
    words = [fact.word(value) for value in values]
    more = len(words) - _SHOWN
    shown = words[:_SHOWN] + ([Text(f"{more} lainnya", f"{more} others")] if more > 0 else [])
    return Text(_joined([word.id for word in shown], "atau"), _joined([word.en for word in shown], "or"))


def _joined(words: list[str], last: str) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}" if words else "-"
