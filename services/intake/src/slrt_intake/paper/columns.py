"""The columns of the sheet: what each is called, and what its cells become in a registration."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from slrt_contracts.codes import Channel, NeedCode
from slrt_intake.domain.party import ReporterRole
from slrt_intake.domain.problems import SheetError
from slrt_intake.paper.sheet import Cell, Row
from slrt_intake.reports.dates import DateReader
from slrt_intake.reports.drafting import PROXY_RELATIONS
from slrt_intake.reports.needs import local_need_codes, service_codes
from slrt_intake.reports.people import read_relation
from slrt_intake.reports.places import PlaceFinder
from slrt_intake.reports.vocabulary import Vocabulary
from slrt_kit.regions import RegionCode, Regions

NAMES: Final[Mapping[str, Sequence[str]]] = {
    "form_number": ("nomor formulir", "no formulir", "nomor", "no"),
    "visit_date": ("tanggal", "tanggal kunjungan", "tgl"),
    "village_code": ("kode desa", "kode kelurahan", "kode wilayah"),
    "village": ("desa", "kelurahan", "desa/kelurahan", "pekon", "nagari", "gampong"),
    "district": ("kecamatan", "kapanewon", "distrik"),
    "name": ("nama", "nama klien", "nama pemohon"),
    "nik": ("no ktp", "nomor ktp"),
    "kk_number": ("nomor kk", "no kk", "kk"),
    "birth_date": ("tanggal lahir", "tgl lahir"),
    "sex": ("jenis kelamin", "l/p"),
    "address": ("alamat",),
    "phone": ("telepon", "no telepon", "nomor telepon", "no hp", "hp", "wa"),
    "email": ("surel", "e-mail"),
    "proxy": ("nama kuasa", "kuasa"),
    "proxy_relation": ("hubungan kuasa", "hubungan"),
    "reporter": ("nama pelapor", "pelapor"),
    "reporter_role": ("peran pelapor",),
    "needs": ("kebutuhan", "layanan", "jenis layanan", "layanan yang diinginkan"),
    "complaint": ("pengaduan", "keluhan", "aduan", "jenis pengaduan"),
    "urgent": ("mendesak", "darurat"),
    "restricted": ("terbatas",),
    "reporter_secret": ("rahasia", "pelapor rahasia"),
}
"""Code → what stands over the column besides the code itself; in any case, with any dots and spaces."""

_YES, _NO = frozenset({"ya", "y", "yes", "v", "x", "1", "true"}), frozenset({"", "tidak", "t", "no", "-", "0", "false"})
_SEXES = {"l": "L", "p": "P", "laki-laki": "L", "laki laki": "L", "perempuan": "P", "pria": "L", "wanita": "P"}
_ROLES = {
    "keluarga": ReporterRole.FAMILY,
    "tetangga": ReporterRole.NEIGHBOUR,
    "perangkat": ReporterRole.OFFICIAL,
    "lembaga": ReporterRole.INSTITUTION,
    "lainnya": ReporterRole.OTHER,
} | {role.value: role for role in ReporterRole}
_KEY = re.compile(r"[\s._]+")


@dataclass(frozen=True, slots=True)
class Wrong:
    """Why a row is not registered: the column and a code. What stands in the cell is not said again."""

    column: str
    code: str


@dataclass(slots=True)
class Read:
    """A row: the body of its registration as far as it could be read, what is wrong and what is doubtful."""

    number: int
    form_number: str | None
    body: dict[str, Any]
    wrong: list[Wrong]
    doubts: list[str]


def columns_of(header: Row) -> list[str]:
    """The codes of the columns, in the file's order.

    Raises:
        SheetError: a column is unknown or there twice, or one is missing without which no row can be registered.
    """
    known = {_key(name): code for code, names in NAMES.items() for name in (code, *names)}
    found = [known.get(_key(cell.text)) for cell in header]
    unknown = [cell.text[:60] for cell, code in zip(header, found, strict=True) if code is None]
    if unknown:
        raise SheetError(reason="unknown_columns", columns=unknown, known=sorted(NAMES))
    codes = [code for code in found if code is not None]
    if twice := sorted({code for code in codes if codes.count(code) > 1}):
        raise SheetError(reason="columns_twice", columns=twice)
    missing = [
        " / ".join(either)
        for either in (("village_code", "village"), ("needs", "complaint"))
        if not {*either} & {*codes}
    ]
    if missing:
        raise SheetError(reason="columns_missing", columns=missing)
    return codes


class PaperReader:
    """What reads sheets. Build one where the service is composed and share it: it keeps nothing."""

    def __init__(self, words: Vocabulary, finder: PlaceFinder) -> None:
        self._words = words
        self._finder = finder

    @classmethod
    def load(cls, regions: Regions) -> "PaperReader":
        """A reader with the packaged vocabulary, over ``regions``."""
        return cls(Vocabulary.load(), PlaceFinder(regions))

    def rows(self, columns: Sequence[str], *, near: str | None) -> "RowReader":
        """A reader of the rows of one sheet; see `RowReader`."""
        return RowReader(self._words, self._finder, columns, near)


class RowReader:
    """Reads rows of one sheet. ``near`` is the region of whoever typed them: it decides between villages of a name."""

    def __init__(self, words: Vocabulary, finder: PlaceFinder, columns: Sequence[str], near: str | None) -> None:
        self._words = words
        self._finder = finder
        self._columns = columns
        self._near = [] if near is None else [RegionCode(near)]
        self._dates = DateReader(words.months, words.roman)

    def read(self, number: int, row: Row) -> Read:
        """The row as a registration. What cannot be read is wrong, with its column; nothing is guessed in silence."""
        cells = {code: cell for code, cell in zip(self._columns, row, strict=False) if cell.text}
        read = Read(number, _text(cells, "form_number"), {}, [], [])
        for code, cell in cells.items():
            if cell.doubt == "formula":
                read.wrong.append(Wrong(code, "formula"))
            elif cell.doubt == "number":
                read.doubts.append(f"{code}:number_cell")
        village = self._village(cells, read)
        person = {
            "relation": "client",
            "name": _text(cells, "name"),
            "nik": _text(cells, "nik"),
            "birth_date": self._date(cells, "birth_date", read),
            "sex": self._one_of(cells, "sex", _SEXES, read),
        }
        persons = [person] if person["name"] else []
        if not persons and any(person[field] for field in ("nik", "birth_date", "sex")):
            read.wrong.append(Wrong("name", "missing"))
        read.body = {
            "channel": Channel.PAPER.value,
            "village_code": village,
            "visit_date": self._date(cells, "visit_date", read),
            "persons": persons,
            "reporter": self._reporter(cells, read),
            "proxy": self._proxy(cells, read),
            "contact": {code: _text(cells, code) for code in ("phone", "email", "kk_number", "address")},
            "needs": self._needs(cells, has_person=bool(persons), read=read),
            "restricted": self._flag(cells, "restricted", read),
            "reporter_secret": self._flag(cells, "reporter_secret", read),
        }
        return read

    def _village(self, cells: Mapping[str, Cell], read: Read) -> str | None:
        if code := _text(cells, "village_code"):
            return code
        name = _text(cells, "village")
        if name is None:
            read.wrong.append(Wrong("village", "missing"))
            return None
        found = self._finder.find_village(name, _text(cells, "district"), near=self._near)
        if found.village_code is None:
            read.wrong.append(Wrong("village", "unknown"))
        elif found.score < 1:
            read.doubts.append("village:likely")
        return found.village_code

    def _needs(self, cells: Mapping[str, Cell], *, has_person: bool, read: Read) -> list[dict[str, Any]]:
        asked, complaint = _text(cells, "needs"), _text(cells, "complaint")
        known = {code.value.casefold(): code.value for code in NeedCode}
        said = [part.strip() for part in re.split(r"[,;+\n]", asked or "") if part.strip()]
        codes = [known[part.casefold()] for part in said if part.casefold() in known]
        if left := ", ".join(part for part in said if part.casefold() not in known):
            programmes = self._words.programmes
            meant = [*(service_codes(left, None, programmes).value or ()), *local_need_codes(left, programmes)]
            codes += [code for code in meant if code in known.values()]
            if not meant:
                read.wrong.append(Wrong("needs", "unknown"))
        if not said:
            codes = list(service_codes(None, complaint, self._words.programmes).value or ())
            codes = [code for code in codes if code in known.values()] or [NeedCode.LAINNYA.value]
        urgent = self._flag(cells, "urgent", read)
        return [
            {
                "need_code": code,
                "person_ref": 0 if has_person else None,
                "urgent": urgent,
                "description": complaint if place == 0 else None,
            }
            for place, code in enumerate(dict.fromkeys(codes))
        ]

    def _reporter(self, cells: Mapping[str, Cell], read: Read) -> dict[str, Any] | None:
        name = _text(cells, "reporter")
        role = self._one_of(cells, "reporter_role", _ROLES, read)
        if name is None:
            return None
        return {"role": role or ReporterRole.OTHER, "name": name}

    def _proxy(self, cells: Mapping[str, Cell], read: Read) -> dict[str, Any] | None:
        name, said = _text(cells, "proxy"), _text(cells, "proxy_relation")
        if name is None:
            return None
        relation = read_relation(said, self._words).value if said else None
        if said and relation is None:
            read.doubts.append("proxy_relation:unknown")
        return {"name": name, "relation": None if relation is None else PROXY_RELATIONS[relation], "phone": None}

    def _date(self, cells: Mapping[str, Cell], code: str, read: Read) -> str | None:
        text = _text(cells, code)
        if text is None:
            return None
        reader: Callable[[str], Any] = (
            self._dates.visit if code == "visit_date" else lambda said: self._dates.birth(said, visit=None)
        )
        found = reader(text)
        if found is None:
            read.wrong.append(Wrong(code, "unreadable"))
            return None
        value: str = found.value.isoformat()
        return value

    @staticmethod
    def _one_of(cells: Mapping[str, Cell], code: str, values: Mapping[str, Any], read: Read) -> Any:
        text = _text(cells, code)
        if text is None:
            return None
        found = values.get(text.casefold())
        if found is None:
            read.wrong.append(Wrong(code, "unknown"))
        return found

    @staticmethod
    def _flag(cells: Mapping[str, Cell], code: str, read: Read) -> bool:
        said = (_text(cells, code) or "").casefold()
        if said not in _YES | _NO:
            read.wrong.append(Wrong(code, "unreadable"))
        return said in _YES


def _text(cells: Mapping[str, Cell], code: str) -> str | None:
    found = cells.get(code)
    return None if found is None or found.text == "-" else found.text


def _key(name: str) -> str:
    return _KEY.sub(" ", name.casefold()).strip()
