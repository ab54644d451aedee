"""The invented residents whose data the tests plant, and what of it must be found nowhere outside the databases."""

from typing import Any

from tests.leaks.scan import Planted

DEMO = (
    Planted("NIK", "1274034507849911"),
    Planted("NIK", "1274031206149912"),
    Planted("KK", "1274031502109911"),
    Planted("phone", "0812-0000-9911"),
    Planted("e-mail", "marlina@contoh.example"),
    Planted("name", "Marlina Damanik"),
    Planted("name", "Rosdiana Purba"),
    Planted("name", "Bintang Damanik"),
    Planted("birth date", "1951-03-04"),
    Planted("birth date", "2014-06-12"),
    Planted("address", "Jl. Anwar Idris Gg. Bersama No. 7, Lingkungan III"),
    Planted("address", "Anwar Idris"),
    Planted("free text", "anak putus sekolah karena tidak ada biaya"),
    Planted("free text", "ibu mertua belum pernah punya KTP"),
)
"""Those of the story that `make demo` tells (`deploy/local/src/slrt_local/demo/`)."""

FAULTS = (Planted("NIK", "1274031001709955"), Planted("name", "Parulian Sirait"))
"""Those that the end-to-end tests of stopped parts register."""

CONSENTING = (
    Planted("NIK", "1274035203879001"),
    Planted("NIK", "1274031201159002"),
    Planted("KK", "1274030101109001"),
    Planted("phone", "0812-0000-9901"),
    Planted("name", "Mawar Karangan"),
    Planted("name", "Bayu Karangan"),
    Planted("address", "Jalan Contoh 9"),
)
"""Those of the tests of consent, at a desk and in their own session."""

ACCESS = tuple(
    Planted(kind, value)
    for number in range(1, 5)
    for kind, value in (
        ("NIK", f"127403520387900{number}"),
        ("KK", f"127403010110900{number}"),
        ("phone", f"0812-0000-99{number}1"),
        ("name", f"Mawar Karangan {number}"),
        ("address", f"Jalan Karangan {number}"),
    )
)
"""Those whom everybody tries to see (`tests/access/`)."""


def registration() -> dict[str, Any]:
    """The body of a registration at intake that holds the client, her contact and her words."""
    return {
        "village_code": "12.74.03.1001",
        "persons": [{"relation": "client", "name": "Marlina Damanik", "nik": "1274034507849911", "sex": "P"}],
        "contact": {
            "phone": "0812-0000-9911",
            "email": "marlina@contoh.example",
            "kk_number": "1274031502109911",
            "address": "Jl. Anwar Idris Gg. Bersama No. 7, Lingkungan III",
        },
        "needs": [
            {"need_code": "ADMINDUK", "person_ref": 0, "description": "ibu mertua belum pernah punya KTP"},
        ],
    }
