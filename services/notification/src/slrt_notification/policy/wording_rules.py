"""What the words of a message may hold: the two placeholders, and nothing that tells a stranger of a need.

Source: domain section 13.6: ticket number and stage only; no NIK, illness or programme on a phone that may be shared.
"""

import re
from collections.abc import Iterator
from functools import cache
from string import Formatter

from slrt_contracts.catalogue import NEEDS, PROGRAMMES, SECTORS, Label
from slrt_contracts.codes import NeedCode

PLACEHOLDERS = frozenset({"ticket_number", "stage"})
CODE = "code"
"""The one placeholder more, of the text of a message that brings a one-time code."""
MAX_STAGE = 80
MAX_SUBJECT = 60
MAX_TEXT = 600

_LONG_NUMBER = re.compile(r"\d{5,}")


def brings_code(text: str) -> bool:
    """Whether a message's text has a place for a one-time code."""
    return CODE in _placeholders(text)


def text_problems(place: str, text: str, *, with_code: bool = False) -> Iterator[str]:
    """What is wrong with a message's text; it must name ticket and stage, and the code where it brings one."""
    wanted = PLACEHOLDERS | {CODE} if with_code else PLACEHOLDERS
    yield from _problems(place, text, longest=MAX_TEXT, placeholders=wanted)
    for name in sorted(wanted - _placeholders(text)):
        yield f"{place}: {{{name}}} is missing"


def subject_problems(place: str, subject: str | None) -> Iterator[str]:
    """What is wrong with a mail's subject; one line."""
    if subject is None:
        yield f"{place}: is missing"
        return
    yield from _one_line(place, subject)
    yield from _problems(place, subject, longest=MAX_SUBJECT)


def stage_problems(place: str, stage: str) -> Iterator[str]:
    """What is wrong with a stage's words; plain words in one line."""
    yield from _one_line(place, stage)
    if "{" in stage or "}" in stage:
        yield f"{place}: a stage has no placeholders"
    else:
        yield from _problems(place, stage, longest=MAX_STAGE)


def _one_line(place: str, text: str) -> Iterator[str]:
    if not text.strip() or not text.isprintable():
        yield f"{place}: must be one line of text"


def _problems(place: str, text: str, *, longest: int, placeholders: frozenset[str] = PLACEHOLDERS) -> Iterator[str]:
    if len(text) > longest:
        yield f"{place}: longer than {longest} characters"
    try:
        fields = list(Formatter().parse(text))
    except ValueError as error:
        yield f"{place}: {error}"
        return
    for _, name, shape, conversion in fields:
        if name is not None and (name not in placeholders or shape or conversion):
            yield f"{place}: unknown placeholder {{{name}}}; only {{ticket_number}} and {{stage}} may stand here"
    if _LONG_NUMBER.search(text):
        yield f"{place}: holds a long number"
    revealed = _telling_words().search(text)
    if revealed:
        yield f"{place}: {revealed[0]!r} tells what the case is about"


def _placeholders(text: str) -> set[str]:
    try:
        return {name for _, name, _, _ in Formatter().parse(text) if name}
    except ValueError:
        # Unbalanced braces; said by `_problems` already.
        return set()


@cache
def _telling_words() -> re.Pattern[str]:
    """Programmes, needs and sectors: codes as they are written, labels in any case."""
    codes: set[str] = {*PROGRAMMES}
    labels: list[Label] = [*SECTORS.values(), *(programme.label for programme in PROGRAMMES.values())]
    for code, need in NEEDS.items():
        if code != NeedCode.LAINNYA:
            codes.add(code)
            labels.append(need.label)
    words = {label.id for label in labels} | {label.en for label in labels}
    return re.compile(rf"\b(?:{_any_of(codes)})\b|(?i:\b(?:{_any_of(words)})(?!\w))")


def _any_of(words: set[str]) -> str:
    return "|".join(map(re.escape, sorted(words)))
