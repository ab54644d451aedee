"""Read the rows that know only a few answers, and the rows that list things that are there."""

import re
from collections import Counter
from dataclasses import replace
from functools import partial
from typing import Final

from slrt_intake.reports.model import Reading
from slrt_intake.reports.phrases import Hit, PhraseTable, tokenize
from slrt_intake.reports.text import CROSS, EMPTY_BOX, TICK
from slrt_intake.reports.vocabulary import ABSENT, ENDED, OTHER, PRESENT, Choice

_MARKED = re.compile(r"[\[(]\s?[xv✓√]\s?[\])]", re.IGNORECASE)
_UNMARKED = re.compile(r"[\[(]\s{0,3}[\])]")
_CHOSEN = re.compile(rf"{TICK}([^{TICK}{EMPTY_BOX}{CROSS}]{{1,60}})")
# A full stop ends a clause behind a whole word, not behind an abbreviation ("surat ket. kematian").
# "KK tanpa KTP": such a word opens a clause of its own.
_CLAUSE_END = re.compile(r"[,;\n+|]|(?<=\s)(?=(?i:tanpa|kecuali|minus)\s)|(?:(?<=[a-z]{5})|(?<=[A-Z]{2}))\.(?!\w)")
_BRACKETS = re.compile(r"\(([^()]{1,120})\)")
# More answers than this on one row is the form's list of answers, not an answer.
_MOST_ANSWERS: Final = 2


def read_choice(text: str, choice: Choice) -> Reading[str]:
    """The code of the answer; None when the text means none of them."""
    text = _chosen(text)
    tokens = tokenize(text)
    if len(tokens) == 1 and tokens[0].word in choice.short:
        return Reading(choice.short[tokens[0].word], 0.9)
    hits = choice.phrases.find(tokens, overlap=True)
    if not hits:
        return Reading(None, 0.2)
    codes = Counter(hit.code for hit in hits)
    if len(codes) > _MOST_ANSWERS:
        return Reading(None, 0.1)
    best = max(hits, key=lambda hit: (hit.words, -choice.rank[hit.code]))
    return Reading(best.code, 1.0 if len(codes) == 1 else 0.7)


def read_set(text: str, phrases: PhraseTable) -> Reading[tuple[str, ...]]:
    """Codes of the things that the text says are there, sorted. ``text`` keeps its line breaks.

    `KK ada, KTP hilang` and `tidak ada KTP, hanya KK` are both KK alone: a mark behind a thing speaks of what
    stands before it, a mark that opens a clause speaks of what follows.
    """
    # An empty box says the same as a cross, wherever it stands.
    text = _UNMARKED.sub(CROSS, _MARKED.sub(TICK, text)).replace(EMPTY_BOX, CROSS)
    there: set[str] = set()
    last: set[str] = set()
    sure = 0.2
    opening: str | None = None
    for place, clause in enumerate(_CLAUSE_END.split(_BRACKETS.sub(partial(_bracket, phrases), text))):
        tokens = tokenize(clause, breaks=True)
        hits = phrases.find(tokens)
        marked = _marked([replace(hit, code=ABSENT) if hit.code == ENDED else hit for hit in hits])
        if not marked:
            continue
        sure = 1.0
        if marked[0][0] in {ABSENT, PRESENT} and all(code in {ABSENT, PRESENT} for code, _ in marked):
            # A clause of marks alone: "KK, KTP, tidak ada" says nothing of what stood before.
            opening = marked[0][0] if place == 0 else None
            if hits[0].code == ENDED:
                there -= last
            continue
        if place == 0 and marked[0][0] == ABSENT:
            opening = ABSENT
        elif any(code in {ABSENT, PRESENT} for code, _ in marked):
            opening = None
        last = _present(marked, default=opening != ABSENT)
        there |= last
    return Reading(tuple(sorted(there)), sure)


def _bracket(phrases: PhraseTable, found: re.Match[str]) -> str:
    """A bracket that names a thing is a clause of its own: "KK, KTP (SKTM menyusul)"; "(hilang)" belongs before it."""
    things = any(hit.code not in {ABSENT, ENDED, PRESENT} for hit in phrases.find(tokenize(found[1])))
    return f"; {found[1]};" if things else f" {found[1]} "


def _marked(hits: list[Hit]) -> list[tuple[str, int]]:
    """(code, first token) in order, marks that stand together made one: in "dulu dapat" the absence counts."""
    found: list[tuple[str, int]] = []
    end = -1
    for hit in hits:
        is_mark = hit.code in {ABSENT, PRESENT}
        if is_mark and found and found[-1][0] in {ABSENT, PRESENT} and hit.first == end:
            if hit.code == ABSENT:
                found[-1] = (ABSENT, found[-1][1])
        else:
            found.append((hit.code, hit.first))
        end = hit.last
    return found


def _present(marked: list[tuple[str, int]], *, default: bool) -> set[str]:
    """Things of one clause that are there."""
    there: set[str] = set()
    waiting: set[str] = set()
    leading = marked[0][0] in {ABSENT, PRESENT}
    state = default
    for code, _ in marked:
        if code == OTHER:
            continue
        if code not in {ABSENT, PRESENT}:
            waiting.add(code)
        elif leading:
            there |= waiting if state else set()
            waiting, state = set(), code == PRESENT
        else:
            there |= waiting if code == PRESENT else set()
            waiting = set()
    ended_absent = leading and not waiting and not state
    there |= waiting if (state if leading else default) else set()
    return set() if ended_absent and len(marked) > 1 and marked[0][0] == PRESENT else there


def _chosen(text: str) -> str:
    """Only the ticked answers, where the row shows boxes."""
    text = _UNMARKED.sub(EMPTY_BOX, _MARKED.sub(TICK, text))
    if EMPTY_BOX not in text and CROSS not in text:
        return text
    return " ".join(_CHOSEN.findall(text)) or text
