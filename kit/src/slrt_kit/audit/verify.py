"""Check an export of the audit log with the public key alone: is it what was sealed, and if not, where."""

import re
from binascii import hexlify
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson

from slrt_kit.audit import chain
from slrt_kit.audit.lines import VERSION, end_line, entry_start, first_line, statement_line
from slrt_kit.audit.statements import Closing, Day, Head, Keys, Signed, StatementError

ENTRY = re.compile(rb'\{"position":([1-9][0-9]{0,17}),"link":"([0-9a-f]{64})","entry":(.*)\}\n', re.DOTALL)
"""An entry's line: position, link, the entry's bytes."""
_START = len(entry_start(1, bytes(chain.SIZE))) - 1
_TOGETHER = 4096
MOST_PROBLEMS = 100
"""More are counted and not told."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not as it was sealed. ``line`` counts from 1; ``position`` is None where it is no entry's."""

    line: int
    position: int | None
    what: str

    def __str__(self) -> str:
        place = f"line {self.line}" if self.position is None else f"line {self.line}, position {self.position}"
        return f"{place}: {self.what}"


@dataclass(slots=True)
class Report:
    """What a check found. ``knows_up_to`` says up to which position something is known, and by what."""

    service: str = ""
    chain_id: UUID | None = None
    first: int = 0
    last: int = 0
    entries: int = 0
    days: list[tuple[Day, Signed]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    untold: int = 0
    knows_up_to: str = ""
    closings: list[tuple[Closing, Signed]] = field(default_factory=list)
    """Chains that were lost and closed by a signed statement; ``chain_id`` is the last one's."""

    @property
    def is_sound(self) -> bool:
        """Whether nothing was found."""
        return not self.problems


def verify(lines: Iterable[bytes], keys: Keys, published: Iterable[Mapping[str, Any]] = ()) -> Report:
    """Check the lines of an export; ``published`` are payloads of the events by which days were made public.

    Every entry is linked anew from its bytes, every day's root counted anew, every statement's signature checked.
    """
    check = _Check(keys)
    check.all(lines)
    check.published(published)
    return check.report


class _Check:
    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self.report = Report()
        self._line = 0
        self._before = b""
        self._expected = 1
        self._missing: set[int] = set()
        self._links: list[bytes] = []
        self._tree = chain.Tree()
        self._day_first = 1
        self._day: tuple[Day, bytes] | None = None  # the one before, and its digest
        self._is_at_end = False

    def problem(self, what: str, position: int | None = None) -> None:
        if len(self.report.problems) < MOST_PROBLEMS:
            self.report.problems.append(Problem(self._line, position, what))
        else:
            self.report.untold += 1

    def all(self, lines: Iterable[bytes]) -> None:
        rest = iter(lines)
        self._line = 1
        self._begin(next(rest, b""))
        others = self._entries(rest)
        for line in others:
            self._other(line)
        self.report.last = self._expected - 1
        if not self._is_at_end:
            self._line += 1
            self.problem(f"the export was cut: nothing can be known of what follows position {self.report.last}")

    def _begin(self, line: bytes) -> None:
        try:
            said = orjson.loads(line)
            report = self.report
            report.service, report.chain_id, report.first = (
                str(said["service"]),
                UUID(said["chain"]),
                int(said["first"]),
            )
            self._before = bytes.fromhex(said["before"])
            if said["slrt_audit"] != VERSION or line != first_line(
                report.service, report.chain_id, report.first, self._before
            ):
                raise ValueError("another form")  # noqa: TRY301 — one of the ways to be none
        except (ValueError, TypeError, KeyError, AttributeError):
            self.problem("is not the beginning of an export")
            return
        self._expected = self._day_first = report.first
        if report.first == 1 and self._before != chain.genesis(report.service, report.chain_id):
            self.problem("the chain does not begin as the chain that it names", 1)

    def _entries(self, lines: Iterator[bytes]) -> Iterator[bytes]:
        """Check the entries; gives every line that is none. The loop that has to be quick."""
        before, expected, links, number, entries = self._before, self._expected, self._links, self._line, 0
        digits, up_to = len(str(expected)), 10 ** len(str(expected))
        beginning = sha256(chain.LINK)
        for line in lines:
            number += 1
            if expected >= up_to:
                digits, up_to = digits + 1, up_to * 10
            begin = _START + digits
            state = beginning.copy()
            state.update(before + line[begin:-2])
            linked = state.digest()
            # As `entry_start`, without the call.
            start = b'{"position":%d,"link":"%b","entry":' % (expected, hexlify(linked))
            if line[:begin] == start and line[-2:] == b"}\n":
                before = linked
                links.append(linked)
                entries += 1
                expected += 1
                if len(links) >= _TOGETHER:
                    self._tree.add(links)
                    links.clear()
                continue
            self._before, self._expected, self._line = before, expected, number
            if line.startswith(b'{"position":'):
                self._odd_entry(line)
                entries += 1
            else:
                yield line
            before, expected = self._before, self._expected
            digits = len(str(expected))
            up_to = 10**digits
        self._before, self._expected, self._line = before, expected, number
        self.report.entries += entries

    def _odd_entry(self, line: bytes) -> None:
        """Say what is wrong with an entry, and go on behind it with what it says of itself."""
        if self._is_at_end:
            self.problem("stands behind the end")
            return
        found = ENTRY.fullmatch(line)
        if found is None:
            self.problem("cannot be read", self._expected)
            self._links.append(self._before)
            self._expected += 1
            return
        position, linked, entry = int(found[1]), bytes.fromhex(found[2].decode()), found[3]
        if position < self._expected:
            again = "out of order" if position in self._missing else "a second time"
            self._missing.discard(position)
            self.problem(f"comes {again}", position)
            return
        if position > self._expected:
            self._missing.update(range(self._expected, min(position, self._expected + 100_000)))
            lost = position - self._expected
            self.problem(f"{'is' if lost == 1 else f'and {lost - 1} more behind it are'} missing", self._expected)
        elif chain.link(self._before, entry) != linked:
            self.problem(f"is not what was sealed, or does not follow position {position - 1}", position)
        else:
            self.problem("is not written as an export is", position)
        self._before = linked
        self._links.append(linked)
        self._expected = position + 1

    def _other(self, line: bytes) -> None:
        if self._is_at_end:
            self.problem("stands behind the end")
            return
        try:
            said = orjson.loads(line)
            name = next((each for each in ("day", "closing") if each in said), "end")
            kind = str(said["kind"]) if name == "end" else name
            signed = Signed(said[name].encode(), bytes.fromhex(said["signature"]))
            written = end_line(kind, signed) if name == "end" else statement_line(name, signed)
            if (name == "end" and kind not in (chain.DAY, chain.HEAD)) or line != written:
                raise ValueError("another form")  # noqa: TRY301 — as above
        except (ValueError, TypeError, KeyError, AttributeError):
            self.problem("is neither an entry nor a statement", self._expected)
            return
        if name == "day":
            self._close_day(signed)
        elif name == "closing":
            self._close_chain(signed)
        else:
            self._is_at_end = True
            self._end(kind, signed)

    def _close_day(self, signed: Signed) -> None:
        self._tree.add(self._links)
        self._links.clear()
        tree, first, last = self._tree, self._day_first, self._expected - 1
        self._tree, self._day_first = chain.Tree(), self._expected
        before, self._day = self._day, None
        where = f"the day of positions {first} to {last}"
        try:
            day = Day.of(self._keys.check(chain.DAY, signed))
        except StatementError as error:
            self.problem(f"{where} {error}", first)
            return
        self._day = day, signed.digest
        self.report.days.append((day, signed))
        where = f"the day {day.day}"
        if (day.service, day.chain_id) != (self.report.service, self.report.chain_id):
            self.problem(f"{where} is another chain's", first)
        if day.number == 1 and day.previous != chain.NO_DAY:
            self.problem(f"{where} is the first and names one before it", first)
        if before is not None and (day.number, day.day, day.previous) != (
            before[0].number + 1,
            before[0].day + timedelta(days=1),
            before[1],
        ):
            self.problem(
                f"{where} does not follow the day {before[0].day}: one was removed, repeated or replaced", first
            )
        begins = self.report.closings[-1][0].lost_to + 1 if self.report.closings else 1
        if before is None and first == begins and day.number != 1:
            self.problem(f"{where} is the chain's {day.number}th, and those before it are missing", first)
        if (day.first, day.last) != (first, last):
            differs = min(day.last, last) + 1 if day.first == first else min(day.first, first)
            self.problem(
                f"{where} was sealed with positions {day.first} to {day.last}, here are {first} to {last}", differs
            )
        elif day.root != tree.root() or (last >= first and day.head != self._before):
            self.problem(f"the positions {first} to {last} are not those that {where} was signed with", first)

    def _close_chain(self, signed: Signed) -> None:
        """A chain ends here by the word of somebody who signs; what follows is another one, which names this word."""
        last, report = self._expected - 1, self.report
        try:
            closing = Closing.of(self._keys.check(chain.CLOSING, signed))
        except StatementError as error:
            self.problem(f"the statement that closes the chain {error}", self._expected)
            return
        if (closing.service, closing.chain_id) != (report.service, report.chain_id):
            self.problem("the statement that closes the chain is another chain's", self._expected)
            return
        if closing.position != last or closing.link != self._before or closing.lost_to <= last:
            differs = min(closing.position, last) + 1
            self.problem(f"the chain was closed at position {closing.position}, here it goes to {last}", differs)
        digest = chain.NO_DAY if self._day is None else self._day[1]
        if digest != closing.last_day and (self._day is not None or report.first < self._day_first):
            self.problem(f"a day is missing before the chain was closed at position {last}", self._day_first)
        report.closings.append((closing, signed))
        report.chain_id = closing.next_chain
        self._before = chain.genesis(closing.service, closing.next_chain, signed.digest)
        self._expected = self._day_first = closing.lost_to + 1
        self._links.clear()
        self._tree, self._day = chain.Tree(), None

    def _is_first_day(self) -> bool:
        return self._day is None and (bool(self.report.closings) or not self.report.days)

    def _follows(self, head: Head) -> None:
        """Whether what the chain follows is here, where the export has its beginning."""
        digest = self.report.closings[-1][1].digest if self.report.closings else b""
        if digest != head.follows and (digest or self.report.first <= head.base + 1):
            self.problem(
                "the chain follows one that was closed, and the statement of that is missing", self.report.first
            )

    def _end(self, kind: str, signed: Signed) -> None:
        last = self._expected - 1
        if kind == chain.DAY:
            if self._day is None or self._day[1] != signed.digest or self._day_first != self._expected:
                self.problem(f"the export was cut, or goes on behind its last day (position {last})", self._expected)
            self.report.knows_up_to = f"position {last}, by the root of the day it ends with"
            return
        try:
            head = Head.of(self._keys.check(chain.HEAD, signed))
        except StatementError as error:
            self.problem(f"the statement of the end {error}", last)
            return
        if (head.service, head.chain_id) != (self.report.service, self.report.chain_id):
            self.problem("the statement of the end is another chain's", last)
        self._follows(head)
        if head.position != last:
            self.problem(
                f"the chain went to position {head.position}, the export to {last}", min(head.position, last) + 1
            )
        elif head.link != self._before:
            self.problem(
                f"the positions {self._day_first} to {last} are not those that the end was signed with", self._day_first
            )
        if head.day_first != self._day_first or (self._day is not None and head.last_day != self._day[1]):
            self.problem(f"a day is missing: the open one begins at position {head.day_first}", self._day_first)
        elif self._is_first_day() and head.day_first != (head.base + 1 if self.report.closings else self.report.first):
            self.problem("the days before the open one are missing", self.report.first)
        self.report.knows_up_to = f"position {head.position}, by the chain's end as it was signed when it was exported"

    def published(self, payloads: Iterable[Mapping[str, Any]]) -> None:
        """Hold the export to what was made public: every day from the export's first one on must be in it."""
        here = {day.day: signed for day, signed in self.report.days}
        begin = min(here, default=None)
        ended = {closing.chain_id: closing for closing, _ in self.report.closings}
        for payload in payloads:
            try:
                day, signed = _published(payload, self.report.service)
                self._keys.check(chain.DAY, signed)
            except (StatementError, ValueError, TypeError, KeyError) as error:
                self.problem(f"a published root cannot be used: {error}")
                continue
            closed = ended.get(day.chain_id)
            if closed is not None and closed.days < day.number and day.last <= closed.lost_to:
                continue  # said to be lost, or its statement is
            if closed is None and day.chain_id != self.report.chain_id:
                self.problem(f"the service published the day {day.day} of another chain, {day.chain_id}")
            elif day.day not in here and (begin is None or day.day > begin):
                self.problem(f"the day {day.day} was published and is not in the export", day.first)
            elif day.day in here and here[day.day].statement != signed.statement:
                self.problem(f"the day {day.day} was published with another statement", day.first)


def _published(payload: Mapping[str, Any], service: str) -> tuple[Day, Signed]:
    day = Day(
        service=service,
        chain_id=UUID(payload["chain_id"]),
        day=date.fromisoformat(payload["day"]),
        number=int(payload["number"]),
        first=int(payload["first"]),
        last=int(payload["last"]),
        head=bytes.fromhex(payload["head"]),
        root=bytes.fromhex(payload["root"]),
        previous=bytes.fromhex(payload["previous"]),
    )
    return day, Signed(day.encode(payload["public_key"]), bytes.fromhex(payload["seal"]))
