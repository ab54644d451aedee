"""Say of each kind of stall what it means and what to do, in the words of the desk."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from slrt_contracts.codes import StallKind
from slrt_kit.problems import Text


class Wording(NamedTuple):
    """What is wrong, and what mends it."""

    says: Text
    remedy: Text


WORDINGS: Mapping[StallKind, Wording] = MappingProxyType(
    {
        StallKind.NO_OWNER: Wording(
            Text("Tidak ada yang memegangnya", "Nobody has it"),
            Text(
                "Beri tugas kepada seseorang dengan peran itu, atau perbarui daftar kantor",
                "Put somebody on duty in that role, or correct the table of offices",
            ),
        ),
        StallKind.NO_CLOCK: Wording(
            Text("Tidak ada batas waktu yang berjalan", "No clock runs"),
            Text(
                "Minta administrator menjalankan `clocks start-missing`",
                "Have the administrator run `clocks start-missing`",
            ),
        ),
        StallKind.NO_NEXT_ACTION: Wording(
            Text("Tidak ada yang dapat mengambil langkah berikutnya", "Nobody can take the next step"),
            Text(
                "Beri tugas kepada salah satu peran yang disebut, atau betulkan alur kerja dalam kebijakan",
                "Put somebody on duty in one of the roles named, or correct the workflow of the policy",
            ),
        ),
        StallKind.ENDLESS_PAUSE: Wording(
            Text("Dijeda, dan tidak ada yang akan mengakhirinya", "Paused, and nobody will end it"),
            Text(
                "Lanjutkan waktunya, atau beri tugas kepada yang menerima jawabannya",
                "Resume the clock, or put somebody on duty who hears of the answer",
            ),
        ),
        StallKind.NOT_ON_ITS_WAY: Wording(
            Text("Belum sampai ke kantor mana pun", "It is on its way to no office"),
            Text(
                "Periksa peristiwa yang tertahan, lalu rujuk kembali",
                "Look for parked events, then have it referred again",
            ),
        ),
        StallKind.NO_ESCALATION: Wording(
            Text("Bila terlambat, tidak ada atasan yang tahu", "If it is late, nobody above would hear of it"),
            Text(
                "Beri tugas kepada atasan yang disebut",
                "Put somebody on duty in a role named, of the region or above it",
            ),
        ),
        StallKind.EFFECT_FAILING: Wording(
            Text("Pengingat atau eskalasinya gagal terus", "Its reminder or escalation fails again and again"),
            Text(
                "Beri tahu atasan secara langsung, dan laporkan kepada administrator",
                "Tell those above by hand, and report it to the administrator",
            ),
        ),
        StallKind.NO_ROSTER: Wording(
            Text("Tidak ada petugas dalam daftar tugas kabupaten/kota ini", "Nobody is on duty in this regency"),
            Text("Isi daftar tugas kabupaten/kota ini", "Set up the duty roster of the regency"),
        ),
    }
)
