"""Compare names as Indonesian offices write them: titles, spellings old and new, initials, left-out family names."""

import re
import unicodedata

from rapidfuzz.distance import Levenshtein

SAME_ENOUGH = 0.85
"""From here on two names may be one person's, when the birth date is the same too.

The domain's 0.6 (section 13.8) finds candidates for a human to compare; here nobody looks, and twins have names
like Rina and Rini. A doubled person can be joined later; two people taken for one cannot be told apart again.
"""

_LIKE = 0.7
_INITIAL_SCORE = 0.9
_SHORTENED_SCORE = 0.9

_TITLES = frozenset(
    {"bapak", "bpk", "pak", "ibu", "bu", "sdr", "sdri", "saudara", "saudari", "tn", "ny", "nn", "alm", "almh"}
    | {"h", "hj", "haji", "hajjah", "ust", "ustadz"}
)
_MUHAMMAD = frozenset(
    {"m", "md", "mhd", "mohd", "muhd", "moh", "muh", "muhamad", "mohamad", "mohammad", "mohamed", "muhammed"}
    | {"mochamad", "mochammad", "muchamad", "muchammad"}
)
# Spellings of one sound, in this order: first what old orthography (before 1972) and Arabic names vary in.
_SOUNDS = tuple(
    (re.compile(pattern), sound)
    for pattern, sound in (
        (r"oe", "u"),
        (r"dj", "j"),
        (r"tj", "c"),
        (r"chr", "kr"),
        (r"[ck]h", "h"),
        (r"s[yj]", "s"),
        (r"[vf]|ph", "p"),
        (r"z", "s"),
        (r"q", "k"),
        (r"([dt])h", r"\1"),
        (r"(.)\1+", r"\1"),
        (r"(?<=..)h$", ""),
    )
)


def name_key(name: str) -> tuple[str, ...]:
    """The words of a name as they sound, without titles; empty when there is no name in it.

    ``"Ibu Sitti Aminah, S.Pd"`` → ``("siti", "amina")``.
    """
    plain = unicodedata.normalize("NFKD", name.partition(",")[0]).casefold().replace("'", "").replace("’", "")
    letters = "".join(c if c.isalpha() else " " for c in plain if not unicodedata.combining(c))
    words = letters.split()
    while len(words) > 1 and words[0] in _TITLES:
        words = words[1:]
    return tuple(_sound("muhammad" if word in _MUHAMMAD and len(words) > 1 else word) for word in words)


def _sound(word: str) -> str:
    for pattern, sound in _SOUNDS:
        word = pattern.sub(sound, word)
    return word


def similarity(one: str, other: str) -> float:
    """How alike two names are, 0 to 1, whatever the order of the words: the likeness of the least alike pair of words.

    The shorter name may leave words out (a clan name, a father's name) when it keeps at least two. Symmetric.
    """
    short, long = sorted((sorted(name_key(one)), sorted(name_key(other))), key=lambda words: (len(words), words))
    if not short:
        return 0.0
    if len(short) < len(long) and len(short) == 1:
        return 0.0
    weakest = 1.0 if len(short) == len(long) else _SHORTENED_SCORE
    left = list(long)
    # Words that are equal find each other first, so that a near word does not take their place.
    for word in sorted(short, key=lambda word: (word not in long, word)):
        score, best = max((_word_likeness(word, candidate), candidate) for candidate in left)
        left.remove(best)
        weakest = min(weakest, score)
    return weakest


def unlike(one: str, other: str) -> bool:
    """Whether no word of one name resembles any word of the other; False when one of them is no name."""
    pairs = [(a, b) for a in name_key(one) for b in name_key(other)]
    return bool(pairs) and all(_word_likeness(a, b) < _LIKE for a, b in pairs)


def _word_likeness(one: str, other: str) -> float:
    if one == other:
        return 1.0
    if min(len(one), len(other)) == 1:
        return _INITIAL_SCORE if one[:1] == other[:1] else 0.0
    return Levenshtein.normalized_similarity(one, other)
