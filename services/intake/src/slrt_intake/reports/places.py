"""Find a village by its name and its district's, a letter or two wrong, in the table of regions.

Neither name is unique (Sidomulyo occurs 98 times), so the pair is judged together: districts that sound right first,
then the villages inside them. What stays ambiguous is not guessed; the alternatives are handed on.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice, product
from typing import Final

from rapidfuzz import process
from rapidfuzz.distance import OSA

from slrt_intake.reports.phrases import words_of
from slrt_intake.reports.vocabulary import read_yaml
from slrt_kit.regions import Level, RegionCode, Regions, covers, district_of, regency_of

_VARIANTS: Final = 8  # spellings tried for one name
_DISTRICTS: Final = 30  # districts looked into for one misspelt name
_ALTERNATIVES: Final = 5
_SAME: Final = 0.03  # scores closer than this are a tie
_PREFERRED: Final = 0.9  # a tie decided by where the message comes from is a little less sure
_CONTAINED: Final = 0.8  # "Kota II" for "Tanjungbalai Kota II"
_SHORTEST_PART: Final = 4
_VILLAGE_WEIGHT: Final = 0.6
_REMEMBERED: Final = 4096  # names of places of a day, district tables: a facilitator writes the same ones again
_MOST_NEAR: Final = 8
_SEPARATORS = re.compile(r"[^a-z0-9]+")
_SECOND_NAME = re.compile(r"[(/].*")
_ROMAN = {
    "i": "1",
    "ii": "2",
    "iii": "3",
    "iv": "4",
    "v": "5",
    "vi": "6",
    "vii": "7",
    "viii": "8",
    "ix": "9",
    "x": "10",
}
_SPELT = {"satu": "1", "dua": "2", "tiga": "3", "empat": "4", "lima": "5"}


@dataclass(frozen=True, slots=True)
class PlaceMatch:
    """The place that was meant. A level that could not be told is None; ``score`` is 0 to 1.

    ``alternatives`` are other codes that fit nearly as well, best first, villages or districts.
    """

    village_code: RegionCode | None
    district_code: RegionCode | None
    regency_code: RegionCode | None
    score: float
    alternatives: tuple[RegionCode, ...] = ()


NOWHERE: Final = PlaceMatch(None, None, None, 0.0)


@dataclass(frozen=True, slots=True)
class _Candidate:
    score: float
    code: RegionCode


class PlaceFinder:
    """Fuzzy look-up over one edition of the region table. Building it takes 0.1 s, a look-up 0.1 to 1 ms."""

    def __init__(self, regions: Regions) -> None:
        self._regions = regions
        words = read_yaml("places.yaml")
        self._short: dict[str, list[str]] = words["abbreviations"]
        self._levels = {level: _by_length(phrases) for level, phrases in words["levels"].items()}
        self._districts: dict[str, list[RegionCode]] = {}
        for region in regions.at(Level.DISTRICT):
            for name in _table_keys(region.name):
                self._districts.setdefault(name, []).append(region.code)
        self._district_keys = list(self._districts)
        self._regencies: dict[str, list[RegionCode]] = {}
        for region in regions.at(Level.REGENCY):
            kind, _, name = region.name.partition(" ")
            for written in (name, f"{kind} {name}"):
                self._regencies.setdefault(_key(words_of(written)), []).append(region.code)
        self._in_regency: dict[RegionCode, list[RegionCode]] = {}
        for region in regions.at(Level.DISTRICT):
            self._in_regency.setdefault(regency_of(region.code), []).append(region.code)
        self._keys_in: dict[RegionCode, list[str]] = {}
        for key, codes in self._districts.items():
            for code in codes:
                self._keys_in.setdefault(regency_of(code), []).append(key)
        self._found = lru_cache(maxsize=_REMEMBERED)(self._find_village)
        self._villages = lru_cache(maxsize=_REMEMBERED)(self._read_villages)
        self._everywhere: str | None = None

    def find_village(
        self,
        village: str | None,
        district: str | None = None,
        regency: str | None = None,
        *,
        near: Sequence[RegionCode] = (),
    ) -> PlaceMatch:
        """The village, district and regency that the names mean, as far as they can be told.

        Names may be misspelt, shortened (`Tj. Balai Sel.`) and begin with a word for their level (`Kel.`, `pekon`).
        ``near``: regions that the message otherwise points to, nearest first; they decide between equals only.
        """
        return self._found(village, district, regency, tuple(dict.fromkeys(near))[:_MOST_NEAR])

    def _find_village(
        self, village: str | None, district: str | None, regency: str | None, near: tuple[RegionCode, ...]
    ) -> PlaceMatch:
        regencies = self.regencies(regency) if regency else []
        codes = [found.code for found in regencies]
        villages = self._spellings(village, "village") if village else []
        districts = self._spellings(district, "district") if district else []
        match = NOWHERE
        if districts:
            exact = self._exact_districts(districts, codes)
            match = self._in_districts(villages, exact, near)
            if match.village_code is None or match.score < _CONTAINED:
                fuzzy = self._in_districts(villages, [*exact, *self._fuzzy_districts(districts, codes)], near)
                match = max(match, fuzzy, key=lambda found: (found.village_code is not None, found.score))
            if match.village_code is None and village and district:  # the sender took one row for the other
                other = self._exact_districts(self._spellings(village, "district"), codes)
                swapped = self._in_districts(self._spellings(district, "village"), other, near) if other else NOWHERE
                if swapped.village_code is not None and swapped.score > 1 - _SAME:
                    return replace(swapped, score=swapped.score * _CONTAINED)
            if match.village_code is None and villages and codes:  # the district may be the row that is wrong
                inside = self._without_district(villages, codes, near, otherwise=NOWHERE)
                if inside.village_code is not None:
                    return inside
            if match.village_code is None and codes:  # the regency may be the row that is wrong
                elsewhere = self.find_village(village, district, near=near)
                if match is NOWHERE or elsewhere.score > 1 - _SAME:
                    return replace(elsewhere, score=elsewhere.score * _CONTAINED)
        if match.village_code is None and villages and not match.alternatives:
            match = self._without_district(villages, codes, near, otherwise=match)
        if match is NOWHERE and regencies:
            return PlaceMatch(None, None, _only(regencies, near), regencies[0].score)
        return match

    def regencies(self, name: str) -> list[_Candidate]:
        """Regencies and cities of that name, best first; `Kab.` and `Kota` before it are told apart."""
        words = [{"kab": "kabupaten", "kotamadya": "kota", "kodya": "kota"}.get(word, word) for word in words_of(name)]
        words = [word for word in words if word not in {"administrasi", "adm"}]
        keys = [_key(words), *map(_key, self._expanded(words))]
        if len(words) > 1 and words[0] == words[1]:
            keys.append(_key(words[1:]))
        for key in keys:
            if key in self._regencies:
                return [_Candidate(1.0, code) for code in self._regencies[key]]
        best = process.extractOne(keys[0], self._regencies.keys(), scorer=OSA.distance, score_cutoff=_errors(keys[0]))
        if best is None:
            return []
        return [_Candidate(_similar(keys[0], best[0]), code) for code in self._regencies[best[0]]]

    def regency_named(self, name: str) -> RegionCode | None:
        """The one regency whose name with its kind is spelt right: `Kota Tanjungbalai`."""
        codes = self._regencies.get(_key(words_of(name)), [])
        return codes[0] if len(codes) == 1 else None

    # -- names ------------------------------------------------------------------------------------------------
    def _spellings(self, name: str, level: str) -> list[str]:
        """Keys under which the name may be in the table: with and without its level's word, abbreviations spelt out."""
        words = list(words_of(name))
        starts = [words]
        for phrase in self._levels[level]:
            if tuple(words[: len(phrase)]) == phrase and len(words) > len(phrase):
                starts.append(words[len(phrase) :])
                break
        keys = [key for start in starts for spelt in self._expanded(start) for key in (_key(spelt), "".join(spelt))]
        return [key for key in dict.fromkeys(keys) if key]

    def _expanded(self, words: Sequence[str]) -> Iterator[list[str]]:
        choices = [[word, *self._short.get(word, ())] for word in words[:8]]
        for chosen in islice(product(*choices), _VARIANTS):
            yield " ".join(chosen).split()

    def _read_villages(self, district: RegionCode) -> dict[str, list[RegionCode]]:
        """Villages of a district by key; 16 names occur twice in one district."""
        keys: dict[str, list[RegionCode]] = {}
        for code, name in self._regions.village_names(district).items():
            for key in _table_keys(name):
                keys.setdefault(key, []).append(code)
        return keys

    # -- districts ----------------------------------------------------------------------------------------------
    def _exact_districts(self, keys: list[str], regencies: list[RegionCode]) -> list[_Candidate]:
        found = dict.fromkeys(code for key in keys for code in self._districts.get(key, ()))
        return [_Candidate(1.0, code) for code in found if not regencies or regency_of(code) in regencies]

    def _fuzzy_districts(self, keys: list[str], regencies: list[RegionCode]) -> list[_Candidate]:
        best: dict[RegionCode, float] = {}
        for key in keys[:3]:
            errors = max(2, _errors(key)) if len(key) > _SHORTEST_PART else 1
            names: Sequence[str] = self._district_keys
            if regencies:
                names = [name for regency in regencies for name in self._keys_in[regency]]
                errors += 1
            for name, _, _ in process.extract(key, names, scorer=OSA.distance, score_cutoff=errors, limit=_DISTRICTS):
                for code in self._districts[name]:
                    if not regencies or regency_of(code) in regencies:
                        best[code] = max(best.get(code, 0.0), _similar(key, name))
        return sorted((_Candidate(score, code) for code, score in best.items()), key=lambda found: -found.score)

    def _in_districts(self, villages: list[str], districts: list[_Candidate], near: Sequence[RegionCode]) -> PlaceMatch:
        """The best pair of a district candidate and a village in it; the district alone when no village fits."""
        if not districts:
            return NOWHERE
        pairs = []
        for district in districts:
            for village in self._best_villages(villages, district.code):
                score = _VILLAGE_WEIGHT * village.score + (1 - _VILLAGE_WEIGHT) * district.score
                pairs.append(_Candidate(score, village.code))
        if pairs:
            return _decided(pairs, near)
        top = [found for found in districts if found.score >= districts[0].score - _SAME]
        return _decided(top, near)

    # -- villages -----------------------------------------------------------------------------------------------
    def _best_villages(self, keys: list[str], district: RegionCode) -> list[_Candidate]:
        """The village of a district that the keys mean; several only when they fit equally well."""
        table = self._villages(district)
        for key in keys:
            if key in table:
                return [_Candidate(1.0, code) for code in table[key]]
        best: dict[RegionCode, float] = {}
        for key in keys:
            near = process.extract(key, table.keys(), scorer=OSA.distance, score_cutoff=_errors(key), limit=3)
            for name, _, _ in near:
                for code in table[name]:
                    best[code] = max(best.get(code, 0.0), _similar(key, name))
        if not best:
            parts = {
                code
                for key in keys
                for name, codes in table.items()
                if min(len(key), len(name)) >= _SHORTEST_PART and (key in name or name in key)
                for code in codes
            }
            return [_Candidate(_CONTAINED, code) for code in parts] if len(parts) == 1 else []
        top = max(best.values())
        return [_Candidate(score, code) for code, score in best.items() if score > top - _SAME]

    def _without_district(
        self, villages: list[str], regencies: list[RegionCode], near: Sequence[RegionCode], *, otherwise: PlaceMatch
    ) -> PlaceMatch:
        """A village by its own name: in the regency that was named, in the one pointed to, or unique in the country."""
        if otherwise.district_code is not None:
            return otherwise
        for places in (regencies, [regency_of(code) for code in near if len(code) > 2]):  # noqa: PLR2004 — below a province
            found = [
                village
                for regency in dict.fromkeys(places)
                for district in self._in_regency.get(regency, ())
                for village in self._best_villages(villages, district)
            ]
            found = [village for village in found if village.score >= _CONTAINED]
            if found:
                match = _decided(found, near)
                return PlaceMatch(
                    match.village_code, match.district_code, match.regency_code, match.score * 0.8, match.alternatives
                )
        codes = self._named_anywhere(villages) if not regencies else []
        if len(codes) == 1:
            return PlaceMatch(codes[0], district_of(codes[0]), regency_of(codes[0]), 0.6)
        return PlaceMatch(None, None, None, 0.0, tuple(codes[:_ALTERNATIVES])) if codes else otherwise

    def _named_anywhere(self, keys: list[str]) -> list[RegionCode]:
        """Villages of exactly that name in the whole country, at most a handful."""
        if self._everywhere is None:  # 0.2 s once, and only when a message names a village and nothing else
            rows = (
                (_SEPARATORS.sub("", name.lower()), code)
                for district in self._regions.at(Level.DISTRICT)
                for code, name in self._regions.village_names(district.code).items()
            )
            self._everywhere = "\n" + "\n".join(f"{key}\t{code}" for key, code in rows) + "\n"
        codes: list[RegionCode] = []
        for key in keys:
            place = self._everywhere.find(f"\n{key}\t")
            while place >= 0 and len(codes) <= _ALTERNATIVES:
                end = self._everywhere.index("\n", place + 1)
                codes.append(RegionCode(self._everywhere[place + len(key) + 2 : end]))
                place = self._everywhere.find(f"\n{key}\t", end)
            if codes:
                break
        return codes


def _decided(candidates: list[_Candidate], near: Sequence[RegionCode]) -> PlaceMatch:
    """The best candidate; of equals the one that ``near`` points to; none of them when it points to none or to two."""
    ordered = sorted(candidates, key=lambda found: (-found.score, found.code))
    top = [found for found in ordered if found.score > ordered[0].score - _SAME]
    others = tuple(dict.fromkeys(found.code for found in ordered))
    best, score = ordered[0].code, ordered[0].score
    if len({found.code for found in top}) > 1:
        chosen = next(
            (inside for region in near if len(inside := {one.code for one in top if covers(region, one.code)}) == 1),
            set(),
        )
        if not chosen:
            return _common(top, others[:_ALTERNATIVES])
        best, score = chosen.pop(), score * _PREFERRED
    rest = tuple(code for code in others if code != best)[:_ALTERNATIVES]
    is_village = len(best) > len("00.00.00")
    return PlaceMatch(best if is_village else None, district_of(best), regency_of(best), score, rest)


def _common(top: list[_Candidate], alternatives: tuple[RegionCode, ...]) -> PlaceMatch:
    """What equals have in common: their district, or at least their regency."""
    districts = {district_of(found.code) for found in top}
    regencies = {regency_of(found.code) for found in top}
    return PlaceMatch(
        None,
        districts.pop() if len(districts) == 1 else None,
        regencies.pop() if len(regencies) == 1 else None,
        top[0].score * 0.5,
        alternatives,
    )


def _only(candidates: list[_Candidate], near: Sequence[RegionCode]) -> RegionCode | None:
    codes = {found.code for found in candidates}
    if len(codes) > 1:
        codes = {code for code in codes if any(covers(code, region) for region in near)}
    return codes.pop() if len(codes) == 1 else None


def _by_length(phrases: list[str]) -> list[tuple[str, ...]]:
    return sorted((words_of(phrase) for phrase in phrases), key=len, reverse=True)


def _table_keys(name: str) -> list[str]:
    """Keys of an official name: all of it, and without what stands in brackets or behind a slash."""
    words = name.lower().split()
    if not name.replace(" ", "").isalpha():
        words = list(words_of(name))
    keys = [_key(words), "".join(words)]
    head = _SECOND_NAME.sub("", name)
    if head != name:
        keys.append(_key(words_of(head)))
    if name.startswith("Desa Adat "):
        keys.append(_key(words[2:]))
    return [key for key in dict.fromkeys(keys) if key]


def _key(words: Sequence[str]) -> str:
    """Letters and digits without spaces; II, 2 and "dua" behind a name are the same."""
    return "".join(_number(word) if place else word for place, word in enumerate(words))


def _number(word: str) -> str:
    return _ROMAN.get(word) or _SPELT.get(word) or word


def _errors(key: str) -> int:
    """Letters that may be wrong in a name of that length."""
    return 1 if len(key) < 5 else 2 if len(key) < 14 else 3  # noqa: PLR2004


def _similar(key: str, name: str) -> float:
    return float(OSA.normalized_similarity(key, name))
