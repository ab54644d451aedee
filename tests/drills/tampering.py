"""Every way to alter an export of the audit log that we know of, each at a place that a seed chooses."""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeAlias

import orjson

from slrt_kit.audit import chain
from slrt_kit.audit.lines import end_line, entry_line, statement_line
from slrt_kit.audit.statements import Day, Head, Signed, Signer

ENTRY = re.compile(rb'\{"position":(\d+),"link":"([0-9a-f]{64})","entry":(.*)\}\n')
FORGER = Signer("f0" * 32)


@dataclass(frozen=True)
class Tampered:
    """Altered lines, and where it must be found: at one of the positions, or at the line (from 1)."""

    lines: list[bytes]
    positions: Collection[int]
    line: int | None = None
    with_roots: bool = False
    """Whether only the published roots can tell."""


class Original:
    """A sound export, taken apart."""

    def __init__(self, lines: Sequence[bytes]) -> None:
        self.lines = list(lines)
        self.entries = [index for index, line in enumerate(lines) if ENTRY.fullmatch(line)]
        self.days = [index for index, line in enumerate(lines) if line.startswith(b'{"day"')]
        self.read: dict[int, tuple[int, bytes, bytes]] = {}
        for index in self.entries:
            found = ENTRY.fullmatch(lines[index])
            assert found is not None
            self.read[index] = int(found[1]), bytes.fromhex(found[2].decode()), found[3]
        self.last = self.read[self.entries[-1]][0]
        self.day_of = {index: Day.of(orjson.loads(self.signed(index).statement)) for index in self.days}

    def signed(self, index: int) -> Signed:
        """The statement of a line."""
        said = orjson.loads(self.lines[index])
        return Signed((said.get("day") or said["end"]).encode(), bytes.fromhex(said["signature"]))

    def link_before(self, index: int) -> bytes:
        """What the entry of a line is linked to."""
        place = self.entries.index(index)
        if place == 0:
            return bytes.fromhex(orjson.loads(self.lines[0])["before"])
        return self.read[self.entries[place - 1]][1]

    def positions_of_day_with(self, position: int) -> range:
        """All positions that the day of one has, and the next: a day's root can name no single entry."""
        for day in self.day_of.values():
            if day.first <= position <= day.last:
                return range(day.first, day.last + 2)
        begin = max((day.last for day in self.day_of.values()), default=0) + 1
        return range(begin, self.last + 2)

    def forged(self, index: int) -> bytes:
        """An entry as somebody would like it."""
        entry = orjson.loads(self.read[index][2])
        return orjson.dumps(entry | {"subject": "somebody-else"}, option=orjson.OPT_SORT_KEYS)


Kind: TypeAlias = Callable[[Original, Random], Tampered]


def _replaced(lines: Sequence[bytes], index: int, *new: bytes) -> list[bytes]:
    return [*lines[:index], *new, *lines[index + 1 :]]


def _at(of: Original, index: int, *new: bytes, also: Collection[int] = ()) -> Tampered:
    return Tampered(_replaced(of.lines, index, *new), {of.read[index][0], *also}, index + 1)


def relinked(of: Original, index: int, new: list[tuple[int, bytes]]) -> list[bytes]:
    """The entries given instead of that of a line, and all behind them linked anew by one who has no key."""
    out, before = list(of.lines[:index]), of.link_before(index)
    shift = len(new) - 1
    for position, entry in new:
        before = chain.link(before, entry)
        out.append(entry_line(position, before, entry))
    for later in range(index + 1, len(of.lines)):
        if later in of.read:
            position, _, entry = of.read[later]
            before = chain.link(before, entry)
            out.append(entry_line(position + shift, before, entry))
        else:
            out.append(of.lines[later])
    return out


def edit_entry(of: Original, rng: Random) -> Tampered:
    index = rng.choice(of.entries)
    position, linked, _ = of.read[index]
    return _at(of, index, entry_line(position, linked, of.forged(index)))


def edit_one_bit(of: Original, rng: Random) -> Tampered:
    index = rng.choice(of.entries)
    line = bytearray(of.lines[index])
    line[rng.randrange(len(line) - 600, len(line) - 2) if len(line) > 700 else rng.randrange(110, len(line) - 2)] ^= 1
    return _at(of, index, bytes(line))


def edit_link(of: Original, rng: Random) -> Tampered:
    index = rng.choice(of.entries)
    position, linked, entry = of.read[index]
    return _at(of, index, entry_line(position, linked[::-1], entry))


def edit_position(of: Original, rng: Random) -> Tampered:
    index = rng.choice(of.entries)
    position, linked, entry = of.read[index]
    other = position + rng.choice([-3, -1, 1, 7])
    return _at(of, index, entry_line(other if other > 0 else position + 5, linked, entry))


def edit_and_link_anew(of: Original, rng: Random) -> Tampered:
    index = rng.choice(of.entries)
    position = of.read[index][0]
    return Tampered(relinked(of, index, [(position, of.forged(index))]), of.positions_of_day_with(position))


def delete_entry(of: Original, rng: Random) -> Tampered:
    return _at(of, rng.choice(of.entries))


def delete_several(of: Original, rng: Random) -> Tampered:
    begin = rng.randrange(len(of.entries))
    gone = set(of.entries[begin : begin + rng.randint(2, 40)])
    lines = [line for index, line in enumerate(of.lines) if index not in gone]
    return Tampered(lines, {of.read[of.entries[begin]][0]})


def delete_and_link_anew(of: Original, rng: Random) -> Tampered:
    index = rng.choice(of.entries)
    return Tampered(relinked(of, index, []), of.positions_of_day_with(of.read[index][0]))


def swap_neighbours(of: Original, rng: Random) -> Tampered:
    place = rng.randrange(len(of.entries) - 1)
    return _swapped(of, of.entries[place], of.entries[place + 1])


def swap_far(of: Original, rng: Random) -> Tampered:
    one, other = sorted(rng.sample(of.entries, 2))
    return _swapped(of, one, other)


def _swapped(of: Original, one: int, other: int) -> Tampered:
    lines = list(of.lines)
    lines[one], lines[other] = lines[other], lines[one]
    return Tampered(lines, {of.read[one][0]}, one + 1)


def swap_and_number_anew(of: Original, rng: Random) -> Tampered:
    place = rng.randrange(len(of.entries) - 1)
    one, other = of.entries[place], of.entries[place + 1]
    lines = list(of.lines)
    lines[one] = entry_line(of.read[one][0], *of.read[other][1:])
    lines[other] = entry_line(of.read[other][0], *of.read[one][1:])
    return Tampered(lines, {of.read[one][0]}, one + 1)


def duplicate_beside(of: Original, rng: Random) -> Tampered:
    index = rng.choice(of.entries)
    return Tampered(_replaced(of.lines, index, *[of.lines[index]] * 2), {of.read[index][0]}, index + 2)


def duplicate_far(of: Original, rng: Random) -> Tampered:
    index, where = rng.choice(of.entries), rng.choice(of.entries[1:])
    lines = [*of.lines[:where], of.lines[index], *of.lines[where:]]
    # Ahead of its place it stands where another is missing.
    return Tampered(lines, {of.read[index][0], of.read[where][0]}, where + 1)


def insert_entry(of: Original, rng: Random) -> Tampered:
    index = rng.choice(of.entries)
    position, before = of.read[index][0], of.link_before(index)
    entry = of.forged(index)
    new = entry_line(position, chain.link(before, entry), entry)
    return Tampered(_replaced(of.lines, index, new, of.lines[index]), {position}, index + 2)


def insert_and_number_anew(of: Original, rng: Random) -> Tampered:
    index = rng.choice(of.entries)
    position, entry = of.read[index][0], of.forged(index)
    lines = [*of.lines[:index], entry_line(position, chain.link(of.link_before(index), entry), entry)]
    for later in range(index, len(of.lines)):
        known = of.read.get(later)
        lines.append(entry_line(known[0] + 1, *known[1:]) if known else of.lines[later])
    return Tampered(lines, {position, position + 1})


def insert_and_link_anew(of: Original, rng: Random) -> Tampered:
    index = rng.choice(of.entries)
    position, _, entry = of.read[index]
    lines = relinked(of, index, [(position, of.forged(index)), (position + 1, entry)])
    return Tampered(lines, of.positions_of_day_with(position))


def cut(of: Original, rng: Random) -> Tampered:
    index = rng.randrange(2, len(of.lines))
    return Tampered(of.lines[:index], (), index + 1)


def cut_inside_a_line(of: Original, rng: Random) -> Tampered:
    index = rng.choice(of.entries)
    half = of.lines[index][: rng.randrange(1, len(of.lines[index]) - 1)]
    return Tampered([*of.lines[:index], half], {of.read[index][0]}, index + 1)


def cut_before_the_end(of: Original, rng: Random) -> Tampered:
    place = rng.randrange(1, len(of.entries))
    index = of.entries[place]
    if any(day > index for day in of.days):
        # What follows the cut are days' statements and the end: they say how far it went.
        lines = [line for at, line in enumerate(of.lines) if at < index or at not in of.read]
    else:
        lines = [*of.lines[:index], of.lines[-1]]
    return Tampered(lines, {of.read[index][0]})


def cut_after_a_day(of: Original, rng: Random) -> Tampered:
    if len(of.days) < 2:
        raise ValueError("needs two days")
    index = rng.choice(of.days[:-1])
    following = of.day_of[of.days[of.days.index(index) + 1]]
    lines = [*of.lines[: index + 1], end_line(chain.DAY, of.signed(index))]
    return Tampered(lines, {following.first}, with_roots=True)


def remove_day(of: Original, rng: Random) -> Tampered:
    index = rng.choice(of.days)
    day = of.day_of[index]
    return Tampered(_replaced(of.lines, index), {day.first, day.last + 1})


def repeat_day(of: Original, rng: Random) -> Tampered:
    index = rng.choice(of.days)
    return Tampered(_replaced(of.lines, index, *[of.lines[index]] * 2), (), index + 2)


def swap_days(of: Original, rng: Random) -> Tampered:
    one, other = sorted(rng.sample(of.days, 2))
    lines = list(of.lines)
    lines[one], lines[other] = lines[other], lines[one]
    return Tampered(lines, (), one + 1)


def forge_root(of: Original, rng: Random) -> Tampered:
    index = rng.choice(of.days)
    signed = of.signed(index)
    content = orjson.loads(signed.statement)
    content["root"] = content["root"][::-1]
    statement = orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
    forged = Signed(statement, signed.signature)
    return Tampered(_replaced(of.lines, index, statement_line("day", forged)), (), index + 1)


def forge_root_and_sign(of: Original, rng: Random) -> Tampered:
    """By somebody with a key of his own: entries altered, linked anew, and the day signed for what they are now."""
    index = rng.choice(of.days)
    day = of.day_of[index]
    signed = FORGER.sign(chain.DAY, day)
    if rng.random() < 0.5:
        pretended = orjson.loads(of.signed(index).statement)["key"]
        statement = signed.statement.replace(FORGER.key_id.encode(), pretended.encode())
        signed = Signed(statement, signed.signature)
    return Tampered(_replaced(of.lines, index, statement_line("day", signed)), (), index + 1)


def forge_signature(of: Original, rng: Random) -> Tampered:
    index = rng.choice(of.days)
    signed = of.signed(index)
    other = bytes(64) if rng.random() < 0.3 else signed.signature[::-1]
    return Tampered(_replaced(of.lines, index, statement_line("day", Signed(signed.statement, other))), (), index + 1)


def forge_end(of: Original, rng: Random) -> Tampered:
    index = len(of.lines) - 1
    head = Head.of(orjson.loads(of.signed(index).statement))
    return Tampered(_replaced(of.lines, index, end_line(chain.HEAD, FORGER.sign(chain.HEAD, head))), (), index + 1)


def go_on_behind_the_end(of: Original, rng: Random) -> Tampered:
    return Tampered([*of.lines, of.lines[rng.choice(of.entries)]], (), len(of.lines) + 1)


def another_beginning(of: Original, rng: Random) -> Tampered:
    said = orjson.loads(of.lines[0])
    name = rng.choice(["service", "chain", "before"])
    said[name] = {"service": "registry", "chain": "01997c40-5a00-70a0-8000-0000000000ff", "before": "ab" * 32}[name]
    return Tampered(_replaced(of.lines, 0, orjson.dumps(said) + b"\n"), {of.read[of.entries[0]][0]}, 1)


def written_otherwise(of: Original, rng: Random) -> Tampered:
    index = rng.choice(of.entries)
    line = of.lines[index]
    ways = [line[:-2] + b" }\n", line[:-1] + b"\r\n", line.replace(b'"entry":', b'"entry": ')]
    return _at(of, index, rng.choice(ways))


OF_EXPORTS: tuple[Kind, ...] = (
    *(edit_entry, edit_one_bit, edit_link, edit_position, edit_and_link_anew),
    *(delete_entry, delete_several, delete_and_link_anew),
    *(swap_neighbours, swap_far, swap_and_number_anew),
    *(duplicate_beside, duplicate_far),
    *(insert_entry, insert_and_number_anew, insert_and_link_anew),
    *(cut, cut_inside_a_line, cut_before_the_end, cut_after_a_day),
    *(remove_day, repeat_day, swap_days, forge_root, forge_root_and_sign, forge_signature, forge_end),
    *(go_on_behind_the_end, another_beginning, written_otherwise),
)
