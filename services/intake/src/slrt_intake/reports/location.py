"""Gather the names of the places that a report speaks of: rows, joined rows, address, title; then look them up."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from slrt_intake.reports.places import PlaceFinder, PlaceMatch
from slrt_intake.reports.vocabulary import read_yaml
from slrt_kit.regions import RegionCode

LEVELS: Final = ("village", "district", "regency", "province")
_LONGEST: Final = 200
_DELIMITER = re.compile(r"[,;/|()\n]|\s-\s")
# Village words that are everyday words in an address: "Kp. Pasir Gede" there is a hamlet.
_HAMLET_WORDS: Final = frozenset({"kp", "kampung", "kampong", "gp", "negeri", "kute", "des", "desa adat", "kota"})
_NUMBER = re.compile(r"[0-9]{3,}.*")


@dataclass(slots=True)
class PlaceNames:
    """Names by level, as written."""

    names: dict[str, str] = field(default_factory=dict)
    titled: list[RegionCode] = field(default_factory=list)
    """Regencies that a title or an address names, nearest first."""
    registered: list[RegionCode] = field(default_factory=list)
    """Regencies where the client's NIK was first registered: decide between equals, say nothing by themselves."""

    def add(self, found: dict[str, str]) -> None:
        """Take over what is not known yet."""
        for level, name in found.items():
            self.names.setdefault(level, name)


class LocationReader:
    """Splits lines into names of places and looks them up."""

    def __init__(self, finder: PlaceFinder) -> None:
        self._finder = finder
        data = read_yaml("places.yaml")
        self._level_of = {word: level for level, words in data["levels"].items() for word in words}
        inner = [
            word for level in ("district", "regency", "province") for word in data["levels"][level] if word != "kota"
        ]
        inner += ["kel", "kelurahan", "desa", "ds", "kalurahan", "pekon", "nagari", "gampong"]
        self._inner = re.compile(rf"(?<=\s)(?=(?:{'|'.join(inner)})\b[.:]?\s*\w)", re.IGNORECASE)
        self._finer = re.compile(rf"(?<=\s)(?:{'|'.join(data['finer'])})\b.*", re.IGNORECASE)
        first = sorted(self._level_of, key=len, reverse=True)
        self._first = re.compile(rf"\s*({'|'.join(first)})\b[\s.:]*", re.IGNORECASE)

    def row(self, text: str, level: str) -> dict[str, str]:
        """Names in the value of a row of that level: `Balik Bukit, Lampung Barat` holds the regency too."""
        found: dict[str, str] = {}
        for piece in self._pieces(text):
            named = self._level(piece)
            if named is None or (named == "regency" and not found and level != "regency"):
                # The first name is the row's, also where it begins with a word for another level ("Kota Baru").
                named = next((above for above in LEVELS[LEVELS.index(level) :] if above not in found), None)
            if named is not None:
                found.setdefault(named, piece)
        return found

    def free(self, text: str) -> dict[str, str]:
        """Names with a word for their level in a line that is no row: a title, an address."""
        found: dict[str, str] = {}
        for piece in self._pieces(text):
            level = self._level(piece)
            if level is None or (word := self._first.match(piece)) is None or word[1].lower() in _HAMLET_WORDS:
                continue
            found.setdefault(level, piece)
        return found

    def regency_in(self, text: str) -> RegionCode | None:
        """A city or regency named with its kind anywhere in a line: `SLRT KOTA TANJUNGBALAI`."""
        words = re.findall(r"[a-z]+", text[:_LONGEST].lower())
        for place, word in enumerate(words):
            kind = {"kota": "kota", "kab": "kabupaten", "kabupaten": "kabupaten"}.get(word)
            for length in (3, 2, 1) if kind else ():
                code = self._finder.regency_named(" ".join([kind or "", *words[place + 1 : place + 1 + length]]))
                if code is not None:
                    return code
        return None

    def find(self, places: PlaceNames) -> PlaceMatch:
        """Look the names up."""
        names = places.names
        match = self._finder.find_village(
            names.get("village"), names.get("district"), names.get("regency"), near=places.titled + places.registered
        )
        if match.regency_code is None and places.titled:
            return replace(match, regency_code=places.titled[0])
        return match

    def _pieces(self, text: str) -> Iterable[str]:
        for part in _DELIMITER.split(text[:_LONGEST]):
            for piece in self._inner.split(part):
                for name in self._at_city(_NUMBER.sub("", self._finer.sub("", piece))):
                    if any(map(str.isalpha, name)):
                        yield name.strip(" .:-")

    def _at_city(self, piece: str) -> Sequence[str]:
        """`Datuk Bandar Kota Tanjungbalai` is a district and its city; `Tanjungbalai Kota II` is one name."""
        head, kota, tail = piece.lower().partition(" kota ")
        if kota and self._finder.regency_named(f"kota {tail}") is not None:
            return piece[: len(head)], piece[len(head) + 1 :]
        return (piece,)

    def _level(self, piece: str) -> str | None:
        word = self._first.match(piece)
        return self._level_of[word[1].lower()] if word and word.end() < len(piece) else None
