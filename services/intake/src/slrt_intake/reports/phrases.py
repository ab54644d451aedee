"""Find known phrases in a text, longest first, forgiving a letter or two in long words."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from rapidfuzz import process
from rapidfuzz.distance import OSA

from slrt_intake.reports.text import CROSS, TICK

_TOKEN = re.compile(rf"[a-z]+|[0-9]+[a-z]*|[{TICK}{CROSS}]")
_TOKEN_OR_BREAK = re.compile(rf"[a-z]+|[0-9]+[a-z]*|[{TICK}{CROSS},;&+/]")
_WINDOW: Final = 6  # words between the two parts of an "x & y" pattern
_MAX_TOKENS: Final = 600  # of one field; the rest adds nothing to what is asked for
_CORRECTIONS_KEPT: Final = 20_000
# Short words are too alike to be corrected; (length of the word, letters that may be wrong).
_ALLOWED_ERRORS: Final = ((10, 2), (5, 1))


@dataclass(frozen=True, slots=True)
class Token:
    """A word in lower case and where it stands in the text it was cut from."""

    word: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Hit:
    """A phrase that was found: its code and the tokens [first, last) that it covers."""

    code: str
    first: int
    last: int
    words: int
    """How many words the phrase has; less than the tokens covered for an "x & y" pattern."""


@dataclass(slots=True)
class _Node:
    children: dict[str, "_Node"] = field(default_factory=dict)
    value: str | None = None


def tokenize(text: str, *, breaks: bool = False) -> list[Token]:
    """Words, numbers and ticks of a text, at most a few hundred.

    ``breaks``: a comma and its like is a token too, so that no phrase reaches across ("PIP & KIP Kuliah").
    """
    lower = text.lower()
    if len(lower) != len(text):  # a few letters grow in lower case: their offsets would drift
        lower = "".join(low if len(low := letter.lower()) == 1 else letter for letter in text)
    tokens: list[Token] = []
    for found in (_TOKEN_OR_BREAK if breaks else _TOKEN).finditer(lower):
        tokens.append(Token(found.group(), found.start(), found.end()))
        if len(tokens) == _MAX_TOKENS:
            break
    return tokens


def words_of(text: str) -> tuple[str, ...]:
    """The words of a text."""
    return tuple(token.word for token in tokenize(text))


class PhraseTable:
    """Codes and the phrases that mean them; the language of the phrases is described in `data/programmes.yaml`."""

    def __init__(
        self,
        phrases: Mapping[str, Iterable[str]],
        *,
        short: Mapping[str, str] | None = None,
        sound: frozenset[str] = frozenset(),
    ) -> None:
        """``short``: abbreviated words and what they stand for. ``sound``: other words that are no misspellings."""
        self._short = dict(short or {})
        self._root = _Node()
        self._parts = _Node()
        self._pairs: list[tuple[str, tuple[str, ...], tuple[str, ...]]] = []
        words: set[str] = set()
        for code, texts in phrases.items():
            for text in texts:
                if "&" in text:
                    left, _, right = text.partition("&")
                    sides = (_alternatives(left), _alternatives(right))
                    self._pairs.append((code, *sides))
                    for part in (*sides[0], *sides[1]):
                        words.update(self._insert(self._parts, part, part))
                else:
                    words.update(self._insert(self._root, text, code))
        self._words = frozenset(words) | sound
        self._long_words = [word for word in words if len(word) >= _ALLOWED_ERRORS[-1][0]]
        self._corrections: dict[str, str] = {}

    def find(self, tokens: Sequence[Token], *, overlap: bool = False, exact: bool = False) -> list[Hit]:
        """Phrases in the tokens, in order.

        ``overlap``: an "x & y" pattern may use words of another phrase. ``exact``: no misspellings, for texts
        that hold names of people.
        """
        words = [self._short.get(token.word, token.word) for token in tokens]
        if not exact:
            words = [self._corrected(word) for word in words]
        hits = list(_walk(self._root, words, overlapping=False))
        if self._pairs:
            taken = set() if overlap else {place for hit in hits for place in range(hit.first, hit.last)}
            hits.extend(self._find_pairs(words, taken))
            hits.sort(key=lambda hit: (hit.first, -hit.words))
        return hits

    def whole(self, text: str) -> str | None:
        """The code whose phrase is all of the text, as long as the text is short."""
        tokens = tokenize(text)
        hits = self.find(tokens)
        return hits[0].code if hits and hits[0].first == 0 and hits[0].last == len(tokens) else None

    def _find_pairs(self, words: Sequence[str], taken: set[int]) -> Iterator[Hit]:
        places: dict[str, list[Hit]] = {}
        for hit in _walk(self._parts, words, overlapping=True):
            if not taken.intersection(range(hit.first, hit.last)):
                places.setdefault(hit.code, []).append(hit)
        if not places:
            return
        found: list[tuple[int, Hit]] = []
        for code, left, right in self._pairs:
            ones = [hit for part in left for hit in places.get(part, ())]
            others = [hit for part in right for hit in places.get(part, ())]
            found.extend(_near(code, ones, others))
        # The nearest pair takes its words first: in "rumah rusak di jalan X" the house is damaged, not the road.
        used: dict[int, str] = {}
        for _, hit in sorted(found, key=lambda item: (item[0], item[1].first)):
            ends = {hit.first, hit.last - 1}
            if all(used.get(place, hit.code) == hit.code for place in ends):
                used.update(dict.fromkeys(ends, hit.code))
                yield hit

    def _insert(self, root: _Node, phrase: str, value: str) -> tuple[str, ...]:
        node, words = root, tuple(self._short.get(word, word) for word in words_of(phrase))
        if not words:
            raise ValueError(f"a phrase without words: {phrase!r}")
        for word in words:
            node = node.children.setdefault(word, _Node())
        node.value = value
        return words

    def _corrected(self, word: str) -> str:
        if word in self._words or len(word) < _ALLOWED_ERRORS[-1][0] or word[0].isdigit():
            return word
        known = self._corrections.get(word)
        if known is None:
            known = self._nearest(word)
            if len(self._corrections) < _CORRECTIONS_KEPT:
                self._corrections[word] = known
        return known

    def _nearest(self, word: str) -> str:
        errors = next(allowed for length, allowed in _ALLOWED_ERRORS if len(word) >= length)
        best = process.extractOne(word, self._long_words, scorer=OSA.distance, score_cutoff=errors)
        # Two letters wrong are forgiven in a long known word only.
        # Nobody misses the first letter; "badai" is not "balai" but "rencana" would be "bencana".
        if best is None or best[0][0] != word[0] or (best[1] > 1 and len(best[0]) < _ALLOWED_ERRORS[0][0]):
            return word
        return str(best[0])


def _alternatives(text: str) -> tuple[str, ...]:
    return tuple(" ".join(words_of(part)) for part in text.split("|"))


def _walk(root: _Node, words: Sequence[str], *, overlapping: bool) -> Iterator[Hit]:
    """Longest phrase at each place; the next search begins after it, or at the next word when overlapping."""
    place = 0
    while place < len(words):
        node, end, value = root, place, None
        for ahead in range(place, len(words)):
            following = node.children.get(words[ahead])
            if following is None:
                break
            node = following
            if node.value is not None:
                end, value = ahead + 1, node.value
        if value is not None:
            yield Hit(value, place, end, end - place)
        place = end if value is not None and not overlapping else place + 1


def _near(code: str, ones: Sequence[Hit], others: Sequence[Hit]) -> Iterator[tuple[int, Hit]]:
    """For each of ``ones`` the nearest of ``others`` within the window, as (words between, hit)."""
    others = sorted(others, key=lambda hit: hit.first)
    start = 0
    for one in sorted(ones, key=lambda hit: hit.first):
        while start < len(others) and others[start].last + _WINDOW < one.first:
            start += 1
        best: tuple[int, Hit] | None = None
        for other in others[start:]:
            gap = max(other.first - one.last, one.first - other.last)
            if other.first - one.last > _WINDOW:
                break
            if 0 <= gap <= _WINDOW and (best is None or gap < best[0]):
                first, last = min(one.first, other.first), max(one.last, other.last)
                best = (gap, Hit(code, first, last, one.words + other.words))
        if best is not None:
            yield best
