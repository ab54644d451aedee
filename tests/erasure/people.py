"""Invented households: everything that they say is nobody else's, so that it can be looked for."""

import io
from dataclasses import dataclass
from typing import Any

from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, NameObject
from tests.leaks.scan import Planted

_FIRST = ("ba", "ce", "di", "fo", "gu", "ha", "je", "ki", "lo", "mu")
_REPORT = """*LAPORAN FASILITATOR SLRT*
Kelurahan : Sirantau
Kecamatan : Datuk Bandar
Nama Klien : {client}
NIK : {nik}
Alamat Klien : {address}
No Telpon : {phone}
Jenis Pengaduan : {words}
Jenis Layanan yang diinginkan : pembuatan KTP
"""


def _word(number: int, ending: str) -> str:
    return "".join(_FIRST[int(digit)] for digit in f"{number:03d}").capitalize() + ending


@dataclass(frozen=True)
class Household:
    """A client and a spouse who come with one trouble. ``number`` is below 900."""

    number: int

    @property
    def client(self) -> str:
        return f"{_word(self.number, 'ra')} {_word(self.number, 'wati')}"

    @property
    def spouse(self) -> str:
        return f"{_word(self.number, 'no')} {_word(self.number, 'wan')}"

    @property
    def nik(self) -> str:
        return f"127403{40 + 1 + self.number % 28:02d}0784{9000 + self.number}"

    @property
    def kk_number(self) -> str:
        return f"127403150210{9000 + self.number}"

    @property
    def phone(self) -> str:
        return f"0812-0009-{1000 + self.number}"

    @property
    def address(self) -> str:
        return f"Gang {_word(self.number, 'sari')} Nomor {self.number}"

    @property
    def words(self) -> str:
        return f"keluarga {_word(self.number, 'tan')} belum punya surat"

    @property
    def note(self) -> str:
        return f"petugas {_word(self.number, 'man')} sudah mencetak"

    @property
    def letter(self) -> str:
        """What stands in the document that comes with the case."""
        return f"surat keterangan {_word(self.number, 'nas')} dari sekolah"

    @property
    def document(self) -> bytes:
        """The letter, as a PDF whose text can be read in its bytes."""
        writer = PdfWriter()
        content = DecodedStreamObject()
        content.set_data(f"BT /F1 12 Tf 10 100 Td ({self.letter}) Tj ET".encode())
        writer.add_blank_page(200, 200)[NameObject("/Contents")] = writer._add_object(content)
        written = io.BytesIO()
        writer.write(written)
        return written.getvalue()

    @property
    def report(self) -> str:
        """What the facilitator sends."""
        return _REPORT.format(
            client=self.client, nik=self.nik, address=self.address, phone=self.phone, words=self.words
        )

    def registration(self) -> dict[str, Any]:
        """What the door is told."""
        born = f"1984-07-{1 + self.number % 28:02d}"
        return {
            "village_code": "12.74.03.1002",
            "persons": [
                {"relation": "client", "name": self.client, "nik": self.nik, "birth_date": born, "sex": "P"},
                {"relation": "spouse", "name": self.spouse},
            ],
            "contact": {
                "phone": self.phone,
                "email": f"{_word(self.number, 'ra').lower()}@contoh.example",
                "kk_number": self.kk_number,
                "address": self.address,
            },
            "needs": [{"need_code": "ADMINDUK", "person_ref": 0, "description": self.words}],
        }

    @property
    def planted(self) -> tuple[Planted, ...]:
        """What is looked for. The parts of names are words of their own, so that half a name is found too."""
        return (
            Planted("name", self.client),
            Planted("name", self.spouse),
            Planted("NIK", self.nik),
            Planted("KK", self.kk_number),
            Planted("phone", self.phone),
            Planted("address", self.address),
            Planted("free text", self.words),
            Planted("free text", self.note),
            Planted("free text", self.letter),
        )
