"""The checklists of visits: what their keys and options look like, and that a fact is asked for in one way only."""

from collections.abc import Iterator

from slrt_kit.policy.checklists import CHOOSING, CODE, COUNTING, KIND, checklist_and_code
from slrt_kit.policy.entries import Entry, RegionPolicy
from slrt_kit.policy.findings import Finding
from slrt_kit.problems import Text


def check(policy: RegionPolicy) -> Iterator[Finding]:
    """What is wrong with the checklists of a region."""
    asked: dict[str, Entry] = {}
    for entry in policy.entries(KIND).values():
        yield from _key(entry)
        yield from _options(entry)
        yield from _bounds(entry)
        code = checklist_and_code(entry)[1]
        first = asked.setdefault(code, entry)
        if _how(first) != _how(entry):
            yield Finding(
                entry.place("answer"),
                "asked-in-two-ways",
                Text(
                    f"{entry.key} dan {first.key} adalah fakta yang sama dengan jenis jawaban yang berbeda",
                    f"{entry.key} and {first.key} are the same fact, with answers of different kinds",
                ),
                Text("samakan jawabannya, atau beri kode lain", "make the answers the same, or give it another code"),
            )


def _how(entry: Entry) -> tuple[object, ...]:
    return entry.fields["answer"], tuple(each["code"] for each in entry.fields.get("options", ()))


def _key(entry: Entry) -> Iterator[Finding]:
    checklist, code = checklist_and_code(entry)
    if not CODE.fullmatch(checklist) or not CODE.fullmatch(code):
        yield Finding(
            entry.place(),
            "not-a-question",
            Text(
                f"{entry.key} bukan kode daftar periksa, titik, dan kode fakta",
                f"{entry.key} is not the code of a checklist, a dot, and the code of a fact",
            ),
            Text("tulis misalnya housing.earth_floor", "write for example housing.earth_floor"),
        )


def _options(entry: Entry) -> Iterator[Finding]:
    options = entry.fields.get("options", ())
    if (entry.fields["answer"] in CHOOSING) != bool(options):
        yield Finding(
            entry.place("options"),
            "options-do-not-fit",
            Text(
                f"{entry.key}: pilihan hanya ada, dan harus ada, pada jawaban choice dan choices",
                f"{entry.key}: there are options with the answers choice and choices, and with no other",
            ),
            Text("tambah atau hapus pilihannya", "add the options, or take them away"),
        )
    said = [each["code"] for each in options]
    for n, code in enumerate(said):
        if code in said[:n]:
            yield Finding(
                entry.place("options", n),
                "option-twice",
                Text(f"{entry.key}: pilihan {code} ada dua kali", f"{entry.key}: the option {code} is there twice"),
                Text("hapus salah satu", "take one of them away"),
            )


def _bounds(entry: Entry) -> Iterator[Finding]:
    least, most = entry.fields.get("least"), entry.fields.get("most")
    if (least is not None or most is not None) and entry.fields["answer"] not in COUNTING:
        yield Finding(
            entry.place("least" if least is not None else "most"),
            "bounds-do-not-fit",
            Text(f"{entry.key}: batas hanya untuk angka", f"{entry.key}: only a number has bounds"),
            Text("hapus batasnya", "take the bounds away"),
        )
    if least is not None and most is not None and least > most:
        yield Finding(
            entry.place("most"),
            "bounds-crossed",
            Text(f"{entry.key}: {least} lebih besar dari {most}", f"{entry.key}: {least} is more than {most}"),
            Text("perbaiki salah satu", "correct one of them"),
        )
