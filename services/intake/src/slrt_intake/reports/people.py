"""Read names of people, and the proxy: who stands in for the client and what they are to each other."""

import re

from slrt_intake.reports.identity import read_number
from slrt_intake.reports.model import Reading
from slrt_intake.reports.phrases import tokenize, words_of
from slrt_intake.reports.vocabulary import Vocabulary

# What people write behind a name on the same line, from where it begins.
_BEHIND_NAME = re.compile(
    r"""[\s(\[,;/|-]{1,4}
        (?: (?:no\.?\s?)?(?:nik|ktp|kk|hp|wa|telp)\b    # a number, announced
          | (?:umur|usia)\b | [0-9]{1,3}\s?(?:th|thn|tahun)\b
          | \+?[0-9][0-9 .\-]{7,}                       # a number, bare
        )""",
    re.IGNORECASE | re.VERBOSE,
)
_NUMBER_LABEL = re.compile(r"^\s*(?:no\.?\s?)?(?:nik|ktp)\W*$", re.IGNORECASE)
_EDGES = " \t,;:/|-([{="
_SEPARATED = re.compile(
    r"\s*[/,;:=|]\s*|\s+-\s*|\s*-\s+|\s+(?:selaku|sebagai|hubungan|status|adalah|yaitu)\s+", re.IGNORECASE
)
_BEFORE_PROXY = re.compile(
    r"^\s*(?:(?:di)?(?:kuasakan|wakilkan|wakili|dampingi|antar)|diwakili)\s+(?:kepada|oleh|pada|ke)?\s*", re.IGNORECASE
)
_BRACKETS = re.compile(r"[(\[]([^()\[\]]*)[)\]]?")
_PHONE = re.compile(r"\+?[0-9][0-9 .\-]{6,}")


def read_name(text: str, words: Vocabulary) -> Reading[str]:
    """The name as written, without a number or an age behind it; None, surely, when it is blank or withheld."""
    found = _BEHIND_NAME.search(text)
    name = text[: found.start()] if found else text
    if name.count("(") > name.count(
        ")"
    ):  # the number stood inside a bracket with other remarks: "Nurhayati (janda, 58 th)"
        name = name[: name.rindex("(")]
    name = _trimmed(_NUMBER_LABEL.sub("", name))
    if not name and found:
        name = _trimmed(re.sub(r"^[^0-9]*[0-9][0-9 .\-]*", "", text))
    if re.search(r"[a-z]{4,}\.$", name):  # a full stop, not the end of a degree
        name = name[:-1]
    said = words_of(name)
    if words.is_blank(name) or said in words.withheld:
        return Reading(None, 1.0)
    return Reading(name, 0.6 if any(letter.isdigit() for letter in name) else 1.0)


def number_behind_name(text: str) -> Reading[str]:
    """A NIK on the line of the name; None when there is none of a NIK's size."""
    number = read_number(text)
    value = number.value or ""
    is_phone = value.startswith(("08", "628")) and len(value) < 15  # noqa: PLR2004
    return number if len(value) > 11 and not is_phone else Reading(None, 0.0)  # noqa: PLR2004


def read_proxy(text: str, words: Vocabulary) -> tuple[Reading[str], Reading[str]]:
    """Name and relation of the proxy: `Udin (anak)`, `Udin/anak`, `tetangga: Bu Ningsih`, `Ketua RT 04 (Pak Anang)`."""
    said = words_of(text)
    if words.is_blank(text) or said in words.oneself or said in words.withheld:
        return Reading(None, 1.0), Reading(None, 1.0)
    text = _BEFORE_PROXY.sub("", _PHONE.sub(" ", text))
    bracket = _BRACKETS.search(text)
    if bracket and bracket[1].strip():
        outside, inside = _trimmed(text[: bracket.start()] + " " + text[bracket.end() :]), _trimmed(bracket[1])
        pieces = [outside, inside]
    else:
        pieces = [piece for piece in map(_trimmed, _SEPARATED.split(text)) if piece]
    if len(pieces) > 1:
        return _from_pieces(pieces, words)
    return _from_words(_trimmed(text), words)


def read_relation(text: str, words: Vocabulary) -> Reading[str]:
    """What somebody is to the client, from a text that says only that; None when it is not understood."""
    alone = words.relation_alone.get(words_of(text))
    if alone is not None:
        return Reading(alone, 0.9)
    hits = words.relations.find(tokenize(text))
    if not hits:
        return Reading(None, 1.0 if words.is_blank(text) else 0.2)
    # The longest phrase means most; of two, the first: "anak dari adik" is somebody's anak.
    return Reading(max(hits, key=lambda hit: (hit.words, -hit.first)).code, 1.0)


def _from_pieces(pieces: list[str], words: Vocabulary) -> tuple[Reading[str], Reading[str]]:
    """Name and relation stand apart: the relation is the piece that begins with one, the last such piece first."""
    related = [piece for piece in reversed(pieces) if _begins_with_relation(piece, words, exact=piece is pieces[0])]
    # "anaknya, Putri": a relation that is also a name is the name where another piece is surely the relation.
    for piece in sorted(related, key=lambda piece: words_of(piece)[0] in words.relation_or_name):
        names = [other for other in pieces if other is not piece and any(map(str.isalpha, other))]
        relation = read_relation(piece, words)
        if not names:
            return Reading(None, 0.5), relation
        name = names[0]
        if words_of(name) in words.oneself:
            return Reading(None, 1.0), Reading(None, 1.0)
        return Reading(name, 1.0), relation
    name, *rest = pieces
    unknown = next((piece for piece in rest if piece.isascii() and any(map(str.isalpha, piece))), None)
    if name and words_of(name) not in words.oneself:
        return Reading(name, 0.8), Reading("lainnya" if unknown else None, 0.4)
    return Reading(None, 0.8), Reading(None, 0.8)


def _from_words(text: str, words: Vocabulary) -> tuple[Reading[str], Reading[str]]:
    """Name and relation in one run of words: `Udin anak kandung`, `Ketua RT 03 Sumarno`, or one of them alone."""
    tokens = tokenize(text)
    hits = [
        hit for hit in words.relations.find(tokens, exact=True) if not _is_name(text, tokens[hit.first].word, words)
    ]
    if not hits:
        return Reading(text, 0.9), Reading(None, 0.8)
    hit = hits[-1] if hits[0].first > 0 else hits[0]
    if hit.first > 0:
        return Reading(_trimmed(text[: tokens[hit.first].start]), 0.9), Reading(hit.code, 0.9)
    rest = _trimmed(re.sub(r"^[\s0-9./]+(?:rw[\s0-9./]*)?", "", text[tokens[hit.last - 1].end :], flags=re.IGNORECASE))
    behind = [token.word for token in tokens[hit.last :] if token.word.isalpha()]
    if not behind or all(word in words.relation_tail for word in behind):
        return Reading(None, 0.6), Reading(hit.code, 0.9)
    return Reading(rest, 0.7), Reading(hit.code, 0.8)


def _begins_with_relation(piece: str, words: Vocabulary, *, exact: bool) -> bool:
    hits = words.relations.find(tokenize(piece), exact=exact)
    return (bool(hits) and hits[0].first == 0) or words_of(piece) in words.relation_alone


def _is_name(text: str, word: str, words: Vocabulary) -> bool:
    """Whether a relation word is rather a part of a name here: `Putri Ayu`."""
    return word in words.relation_or_name and len(words_of(text)) > 1


def _trimmed(text: str) -> str:
    """Without separators at the ends and without a bracket left open."""
    text = text.strip(_EDGES + ")]}" if text.count("(") != text.count(")") else _EDGES)
    return text.rstrip(",;: ").strip()
