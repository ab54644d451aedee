"""What personal data looks like in a contract: names of fields that promise it, values that would be it.

Both are lists to be added to. An exception is one line with its reason, refused when nothing needs it any more.
"""

import re
from collections.abc import Mapping

from slrt_contracts.types import OFFICE_PATTERN

# What must not fit any text field, whatever it is called. All invented.
PROBES: Mapping[str, tuple[str, ...]] = {
    "a name": ("Budi", "Siti Aminah", "BUDI SANTOSO", "budi santoso"),
    "a NIK or a KK number": ("1274051405909001", "1274055405909002", "12.74.05.140590.9001"),
    "a phone number": ("0812-0000-9901", "081200009901", "+6281200009901"),
    "an address": ("Jl. Mawar No. 3", "Lingkungan II RT 003 RW 002"),
    "an e-mail address": ("budi@example.org",),
    "a date of birth": ("14-05-1990", "14 Mei 1990"),
    "free text": ("rumah tanpa listrik", "Anak putus sekolah, tidak ada biaya."),
    "a village code": ("12.74.05.1010", "12.74.05.1010.DESA"),
}
# A name can take the form of a code. A text that takes these must say where its values are listed.
NAMES_AS_CODES = ("budi", "siti-aminah", "BUDI", "SITI-AMINAH", "12.74.BUDI", "12.74.05.SITI-AMINAH", "budi_9001")

# In a field's name: whole words, English and Indonesian.
_WORDS = frozenset(
    """
    nik nkk kk ktp npwp bpjs hp wa telp rt rw dob tgl sex age umur usia agama religion suku ethnicity
    ibu ayah anak mother father child spouse suami istri job
    lat lon lng gps village desa kelurahan dusun street jalan house rumah
    hiv sick sakit body text note notes catatan remark remarks comment comments komentar
    photo foto face wajah voice iris password secret token bank
    """.split()  # noqa: SIM905 — words read better in rows
)
# Anywhere in a field's name, also inside a longer word. A field of "rename" would need an exception: so be it.
_STEMS = (
    *("name", "nama", "phone", "telepon", "telephone", "whatsapp", "handphone", "email", "mail", "surel", "contact"),
    *("kontak", "address", "alamat", "location", "lokasi", "coordinate", "koordinat", "latitude", "longitude"),
    *("birth", "lahir", "gender", "kelamin", "account", "rekening", "passport", "paspor", "kartu", "card"),
    *("diagnos", "disease", "penyakit", "disab", "difabel", "health", "medical", "income", "penghasilan", "salary"),
    *("signature", "tandatangan", "fingerprint", "picture", "attachment", "lampiran", "complain", "keluhan"),
    *("description", "keterangan", "narrative", "narasi", "message", "pesan", "content", "freetext", "biometric"),
)

NAMES_WITH_A_REASON: Mapping[tuple[str, str], str] = {
    ("NeedAttribute", "name"): "the name of an attribute, from the code list AttributeName",
    ("PersonRecorded", "nik_status"): "how far the population register knows the number, never the number",
    ("PersonTransferred", "nik_status"): "how far the population register knows the number, never the number",
}
"""(model, field) → why a field may be called so. It must be of a code list all the same."""

LISTED_ELSEWHERE: Mapping[str, str] = {
    OFFICE_PATTERN: "offices are institutions; each is listed in a layer of the referral service's offices.yaml",
    "^[a-z][a-z0-9]*(-[a-z0-9]+){0,7}$": "ids of routing rules, each listed in the referral service's routing.yaml",
    "^[a-z][a-z0-9]*(-[a-z0-9]+){0,4}$": "purposes of a look at data, each listed in the kit's purposes.yaml",
    "^[a-z][a-z0-9]*(-[a-z0-9]+){0,3}$": "classes of clocks, each listed in the services' policy, sla.yaml",
    "^[a-z][a-z0-9]*(_[a-z0-9]+){0,3}$": "steps of cases and referrals, each listed in the services' workflow.yaml",
    "^[a-z][a-z0-9]*(-[a-z0-9]+){1,5}$": "message templates, each listed in notification's policy, notifications.yaml",
}
"""Pattern of a text in the form of a code → where all its values are listed."""


def promises(field: str) -> bool:
    """Return whether a field's name promises personal data or free text."""
    spoken = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", field).lower()
    words = {part for word in re.split(r"[^a-z]+", spoken) for part in (word, word.removesuffix("s"))}
    return bool(words & _WORDS) or any(stem in spoken.replace("_", "") for stem in _STEMS)
