"""The plain words in which a resident reads who looked at what and who got what, why and on which basis."""

from collections.abc import Mapping
from types import MappingProxyType

from slrt_contracts.catalogue import FUNCTIONS
from slrt_contracts.codes import LookAction, LookerRole, LookObject, LookPurpose
from slrt_intake.domain.consent import ConsentState
from slrt_kit.problems import Text
from slrt_kit.purposes import Basis, purpose_table
from slrt_kit.regions import Regions

ROLES: Mapping[str, Text] = MappingProxyType(
    {
        LookerRole.RESIDENT: Text("Anda, atau orang yang memegang tiket Anda", "You, or somebody who has your ticket"),
        LookerRole.FACILITATOR: Text("Fasilitator", "Facilitator"),
        LookerRole.FRONT_OFFICE: Text("Petugas depan", "Front office"),
        LookerRole.BACK_OFFICE: Text("Petugas belakang", "Back office"),
        LookerRole.SURVEYOR: Text("Petugas survei", "Surveyor"),
        LookerRole.COORDINATOR: Text("Koordinator", "Coordinator"),
        LookerRole.SUPERVISOR: Text("Supervisor", "Supervisor"),
        LookerRole.MANAGER: Text("Manajer", "Manager"),
        LookerRole.OPD_OFFICER: Text("Petugas dinas", "Officer of an office in charge"),
        LookerRole.HEAD_OF_DIVISION: Text("Kepala bidang", "Head of division"),
        LookerRole.HEAD_OF_OFFICE: Text("Kepala dinas", "Head of the office"),
        LookerRole.PROVINCE_DESK: Text("Petugas provinsi", "Officer of the province"),
        LookerRole.CENTRE_DESK: Text("Petugas pusat", "Officer of the ministry"),
        LookerRole.LEADERSHIP: Text("Pimpinan daerah", "Head of the region"),
        LookerRole.PARTNER: Text("Sistem mitra", "System of a partner"),
        LookerRole.ADMIN: Text("Pengelola sistem", "System administrator"),
        LookerRole.AUDITOR: Text("Auditor", "Auditor"),
        LookerRole.SERVICE: Text("Otomatis oleh sistem", "Automatically, by the system"),
        LookerRole.OTHER: Text("Petugas", "Officer"),
    }
)
PURPOSES: Mapping[str, Text] = MappingProxyType(
    {code: purpose.label for code, purpose in purpose_table().purposes.items()}
    | {
        LookPurpose.OTHER: Text("tujuan lain", "another purpose"),
        LookPurpose.NOT_STATED: Text("melihat kasus", "to see the case"),
    }
)
OBJECTS: Mapping[str, Text] = MappingProxyType(
    {
        LookObject.CASE: Text("laporan dan perkembangannya", "the report and what became of it"),
        LookObject.CASE_PARTIES: Text("orang dan alamat dalam laporan", "people and address of the report"),
        LookObject.CASE_CONTACT: Text("nomor atau alamat untuk menghubungi", "how you are reached"),
        LookObject.RESIDENT_CODE: Text("kode sekali pakai", "the one-time code"),
        LookObject.PERSON: Text("data orang dalam daftar", "data of a person in the registry"),
        LookObject.FAMILY: Text("data keluarga dalam daftar", "data of the family in the registry"),
        LookObject.REFERRAL: Text("rujukan ke dinas", "the referral to an office"),
        LookObject.ATTACHMENT: Text("berkas yang dilampirkan", "a file of the report"),
        LookObject.LETTER: Text("surat tentang Anda", "a letter about you"),
    }
)
_FOUND = Text("ditemukan lewat pencarian", "found by a search")
_IN_FULL = Text("nomor lengkap dibuka", "numbers shown in full")
ACTIONS: Mapping[str, Text] = MappingProxyType(
    {
        LookAction.READ: Text("dibaca", "read"),
        LookAction.FIND: _FOUND,
        LookAction.UNMASK: _IN_FULL,
        LookAction.TRACK: Text("dilacak dengan nomor tiket", "tracked by ticket number"),
        LookAction.SESSION: Text("dibuka dengan kode sekali pakai", "opened with a one-time code"),
        LookAction.EXPORT: Text("dalam ekspor banyak kasus", "in an export of many cases"),
    }
)
FIELDS: Mapping[str, Text] = MappingProxyType(
    {
        "name": Text("nama", "name"),
        "nik": Text("NIK", "NIK (identity number)"),
        "kk_number": Text("nomor KK", "family card number"),
        "birth_date": Text("tanggal lahir", "birth date"),
        "sex": Text("jenis kelamin", "sex"),
        "address": Text("alamat", "address"),
        "phone": Text("nomor telepon", "phone number"),
        "reporter": Text("nama pelapor", "who brought the report"),
        "proxy": Text("nama kuasa", "who acts for the person"),
        "words": Text("cerita dalam laporan", "what the report says"),
    }
)
BASES: Mapping[str, Text] = MappingProxyType(
    {
        Basis.CONSENT: Text("persetujuan", "consent"),
        Basis.CONTRACT: Text("perjanjian", "a contract"),
        Basis.LEGAL_OBLIGATION: Text("kewajiban hukum", "a duty by law"),
        Basis.VITAL_INTEREST: Text("nyawa yang terancam", "a life in danger"),
        Basis.PUBLIC_TASK: Text("tugas pemerintah", "a public task"),
        Basis.LEGITIMATE_INTEREST: Text("kepentingan yang sah", "a legitimate interest"),
    }
)
HOLDINGS: Mapping[str, Text] = MappingProxyType(
    {
        "held": Text("kantor itu masih menyimpannya", "the office has it"),
        "to-erase": Text("kantor itu harus menghapusnya", "the office must erase it"),
        "erased": Text("kantor itu sudah menghapusnya", "the office has erased it"),
    }
)
CONSENT_STATES: Mapping[str, Text] = MappingProxyType(
    {
        ConsentState.GIVEN: Text("berlaku", "in force"),
        ConsentState.EXPIRED: Text("sudah berakhir", "has run out"),
        ConsentState.WITHDRAWN: Text("sudah dicabut", "withdrawn"),
    }
)
GOES_ON: Mapping[str, Text] = MappingProxyType(
    {
        Basis.CONTRACT: Text("Tetap berjalan: diperlukan oleh perjanjian.", "Goes on: a contract needs it."),
        Basis.LEGAL_OBLIGATION: Text("Tetap berjalan: diwajibkan hukum.", "Goes on: the law demands it."),
        Basis.VITAL_INTEREST: Text(
            "Tetap berjalan: hanya bila nyawa terancam.", "Goes on: only where a life is in danger."
        ),
        Basis.PUBLIC_TASK: Text(
            "Tetap berjalan: tugas pemerintah, tidak berdasarkan persetujuan.",
            "Goes on: a public task, which does not rest on consent.",
        ),
        Basis.LEGITIMATE_INTEREST: Text("Tetap berjalan: kepentingan yang sah.", "Goes on: a legitimate interest."),
    }
)
NOT_BY_CONSENT = Text(
    "Yang berikut tidak berdasarkan persetujuan, jadi tidak dapat dicabut. Keberatan disampaikan di kantor SLRT.",
    "What follows does not rest on consent, so there is nothing to withdraw. Objections are heard at the SLRT office.",
)
_UNKNOWN = Text("lainnya", "other")


def words(among: Mapping[str, Text], code: str, language: str) -> str:
    """The words for a code; one that is newer than this build is only said to be another."""
    found: str = getattr(among.get(code, _UNKNOWN), language)
    return found


def office_words(code: str | None, regions: Regions, language: str) -> str | None:
    """An office by its code: what it does and where. An office's own short name stands for what it does, if need be."""
    if code is None:
        return None
    place, _, function = code.rpartition(".")
    label = FUNCTIONS.get(function)
    region = regions.get(place)
    what = function if label is None else getattr(label, language)
    return what if region is None else f"{what}, {region.name}"
