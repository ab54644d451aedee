"""Clean a WhatsApp text (marks, emoji, odd spaces, fancy letters) and know for each character where it stood."""

import re
import unicodedata
from array import array
from dataclasses import dataclass
from functools import lru_cache

TICK, CROSS, EMPTY_BOX = "☑", "✗", "☐"

_KEPT = {
    **dict.fromkeys("✅✔☑☒🗸", TICK),
    **dict.fromkeys("❌✖✗✘🗙", CROSS),
    **dict.fromkeys("☐⬜□◻▢", EMPTY_BOX),
    **dict.fromkeys("–—−‐‑‒―", "-"),
    **dict.fromkeys("‘’ʼ´", "'"),
    **dict.fromkeys("“”", '"'),
    **dict.fromkeys("→➡➜⇒►▶⟶", ">"),
    **dict.fromkeys("•▪◦●○‣⁃∙·➢➤", "•"),
    **dict.fromkeys("\n\u2028\u2029\u0085\v\f", "\n"),
    "\u20e3": ")",  # the box of a keycap emoji: 1⃣ is the number 1)
    "🔟": "10)",
    "…": "...",
    "±": " ",
    "\r": "",
}
# Categories of letters, digits, punctuation and currency that stay; everything else is decoration.
_LETTERS = frozenset({"Lu", "Ll", "Lt", "Lm", "Lo", "Nd", "Nl", "No"})
_PUNCTUATION = frozenset({"Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Pc", "Sc", "Sm"})
_JOINED = frozenset({"Mn", "Mc"})
# Struck-out text was taken back by the sender.
_STRUCK = re.compile(r"~(?=\S)[^~\n]{1,120}(?<=\S)~")
# Bold and italic marks go; an underscore inside a word (a link, an id) is part of it.
_EDGE_UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
_INVISIBLE = "\u200b"
# Plain text in one piece, anything else letter by letter.
_RUN = re.compile(r"([\n\t -~]+)|(.)", re.DOTALL)
_SPACES = re.compile(r"\s+")


@lru_cache(maxsize=4096)
def _fold(character: str) -> str:
    """What a character is read as; may be empty or several characters."""
    kept = _KEPT.get(character)
    if kept is not None:
        return kept
    if " " <= character <= "~":
        return character
    category = unicodedata.category(character)
    if category in _LETTERS:
        return unicodedata.normalize("NFKC", character).replace("\n", " ")
    if category in _JOINED:
        return "" if unicodedata.name(character, "").startswith("VARIATION SELECTOR") else character
    if category in _PUNCTUATION:
        plain = unicodedata.normalize("NFKC", character)
        return plain if len(plain) == 1 else character
    return "" if category in {"Cf", "Cc", "Cs", "Cn", "Co", "Me", "Sk"} else " "


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch [start, end) of the clean text."""

    start: int
    end: int


class CleanText:
    """The text as it is read, with the way back to the original's offsets."""

    def __init__(self, original: str) -> None:
        self._original_length = len(original)
        characters: list[str] = []
        places = array("i")
        for run in _RUN.finditer(_without_marks(original)):
            start, end = run.span()
            if run[1] is not None:
                characters.append(run[1])
                places.extend(range(start, end))
            elif folded := _fold(run[2]):
                characters.append(folded)
                places.extend([start] * len(folded))
        self.text = "".join(characters)
        self._places = places

    def span_text(self, span: Span) -> str:
        """The span's text, trimmed, runs of spaces made one."""
        return _SPACES.sub(" ", self.text[span.start : span.end]).strip()

    def trimmed(self, start: int, end: int) -> Span:
        """The span without the spaces at its ends."""
        part = self.text[start:end]
        lead = len(part) - len(part.lstrip())
        return Span(start + lead, max(start + lead, start + len(part.rstrip())))

    def original(self, span: Span) -> tuple[int, int]:
        """[start, end) of the span in the text as it was sent."""
        if span.start >= len(self._places):
            return self._original_length, self._original_length
        start = self._places[span.start]
        return start, self._places[span.end - 1] + 1 if span.end > span.start else start

    def lines(self) -> list[Span]:
        """Every line, also the empty ones."""
        spans, start = [], 0
        for line in self.text.split("\n"):
            spans.append(Span(start, start + len(line)))
            start += len(line) + 1
        return spans


def _without_marks(original: str) -> str:
    """Make struck words blank and WhatsApp's marks invisible, length kept."""
    text = original
    if text.count("~") > 1:
        text = _STRUCK.sub(lambda struck: " " * len(struck.group()), text)
    if "_" in text:
        text = _EDGE_UNDERSCORE.sub(_INVISIBLE, text)
    return text.replace("*", _INVISIBLE).replace("`", _INVISIBLE).replace("~", " ")
