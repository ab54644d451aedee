"""Ways to alter an export that goes over the end of a chain that was lost: each must be found at that end."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import orjson
from tests.drills.tampering import FORGER

from slrt_kit.audit import chain
from slrt_kit.audit.lines import first_line, statement_line
from slrt_kit.audit.statements import Closing, Signed

EndKind: TypeAlias = Callable[[Sequence[bytes], int], list[bytes]]
"""Alters lines, of which the one at the index is the end."""


def end_of(line: bytes) -> tuple[Closing, Signed]:
    """The end, and how it was signed."""
    said = orjson.loads(line)
    signed = Signed(said["closing"].encode(), bytes.fromhex(said["signature"]))
    return Closing.of(orjson.loads(signed.statement)), signed


def forged_end(lines: Sequence[bytes], index: int) -> list[bytes]:
    _, signed = end_of(lines[index])
    content = orjson.loads(signed.statement)
    text = orjson.dumps(content | {"lost_to": content["lost_to"] + 1}, option=orjson.OPT_SORT_KEYS)
    return [*lines[:index], statement_line("closing", Signed(text, signed.signature)), *lines[index + 1 :]]


def end_signed_by_another_key(lines: Sequence[bytes], index: int) -> list[bytes]:
    own = FORGER.sign(chain.CLOSING, end_of(lines[index])[0])
    return [*lines[:index], statement_line("closing", own), *lines[index + 1 :]]


def end_moved_before_what_should_be_gone(lines: Sequence[bytes], index: int) -> list[bytes]:
    return [*lines[: index - 3], *lines[index:]]


def end_moved_behind(lines: Sequence[bytes], index: int) -> list[bytes]:
    return [*lines[:index], lines[index + 1], lines[index], *lines[index + 2 :]]


def end_removed(lines: Sequence[bytes], index: int) -> list[bytes]:
    return [*lines[:index], *lines[index + 1 :]]


def end_repeated(lines: Sequence[bytes], index: int) -> list[bytes]:
    return [*lines[: index + 1], *lines[index:]]


def day_before_the_end_removed(lines: Sequence[bytes], index: int) -> list[bytes]:
    day = max(number for number, line in enumerate(lines[:index]) if line.startswith(b'{"day"'))
    return [*lines[:day], *lines[day + 1 :]]


def new_chain_alone(lines: Sequence[bytes], index: int) -> list[bytes]:
    closing, signed = end_of(lines[index])
    beginning = chain.genesis(closing.service, closing.next_chain, signed.digest)
    return [first_line(closing.service, closing.next_chain, closing.lost_to + 1, beginning), *lines[index + 1 :]]


def kind_of_the_last_line_altered(lines: Sequence[bytes], _index: int) -> list[bytes]:
    said = orjson.loads(lines[-1])
    return [*lines[:-1], lines[-1].replace(b'"kind":"%s"' % said["kind"].encode(), b'"kind":"end"')]


OF_ENDS: tuple[EndKind, ...] = (
    *(forged_end, end_signed_by_another_key, end_moved_before_what_should_be_gone, end_moved_behind),
    *(end_removed, end_repeated, day_before_the_end_removed, new_chain_alone),
    kind_of_the_last_line_altered,
)
