"""Tables behind the code lists: which sector, owner and participation a programme has, and the labels to show.

Sources: the programme catalogue and the service sectors of SLRT (Buku Saku, Pedum SLRT), local services as
the seed regions name them. Which office a need goes to is decided by the referral service's routing rules,
not here; `function` is only who owns the programme in the normal case.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from slrt_contracts.codes import (
    AttributeName,
    AttributeValue,
    FunctionCode,
    NeedCode,
    OutcomeCode,
    ProgrammeCode,
    Sector,
)


class ParticipationKind(StrEnum):
    """Who holds a lasting participation in a programme; `none` for a service that is done once."""

    PERSON = "person"
    FAMILY = "family"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Label:
    """What people read: Indonesian first, English for documentation."""

    id: str
    en: str


@dataclass(frozen=True, slots=True)
class Programme:
    """A programme of the catalogue."""

    code: ProgrammeCode
    sector: Sector
    function: FunctionCode
    participation: ParticipationKind
    label: Label


@dataclass(frozen=True, slots=True)
class Need:
    """A kind of need that a case can hold."""

    code: NeedCode
    sector: Sector
    programme: ProgrammeCode | None
    label: Label


# Short names, so that a row of a table stays a line.
_P, _S, _F = ProgrammeCode, Sector, FunctionCode
_N, _V = AttributeName, AttributeValue
_PERSON, _FAMILY, _NONE = ParticipationKind.PERSON, ParticipationKind.FAMILY, ParticipationKind.NONE

_PROGRAMMES: Final = (
    (_P.PBI_JK, _S.KESEHATAN, _F.SOSIAL, _PERSON, "Iuran JKN dibayar negara (PBI-JK)", "Health premium, state"),
    (_P.JKN_APBD, _S.KESEHATAN, _F.KESEHATAN, _PERSON, "Iuran JKN dibayar daerah", "Health premium, local"),
    (_P.JAMPERSAL, _S.KESEHATAN, _F.KESEHATAN, _NONE, "Jaminan persalinan", "Birth cover"),
    (
        _P.BOP_RAWAT,
        _S.KESEHATAN,
        _F.SOSIAL,
        _NONE,
        "Bantuan biaya pendamping pasien",
        "Cost of who stays with a patient",
    ),
    (_P.PIP, _S.PENDIDIKAN, _F.PENDIDIKAN, _PERSON, "Program Indonesia Pintar", "School cash (PIP/KIP)"),
    (_P.KIP_K, _S.PENDIDIKAN, _F.SOSIAL, _PERSON, "KIP Kuliah", "University grant"),
    (_P.SPMB, _S.PENDIDIKAN, _F.SOSIAL, _NONE, "SPMB jalur afirmasi", "School place for the poor (SPMB)"),
    (_P.PKH, _S.SOSIAL_EKONOMI, _F.SOSIAL, _FAMILY, "Program Keluarga Harapan", "Conditional cash (PKH)"),
    (_P.BLT_DD, _S.SOSIAL_EKONOMI, _F.PMD, _FAMILY, "BLT Dana Desa", "Village cash"),
    (_P.BLT_DBHCHT, _S.SOSIAL_EKONOMI, _F.SOSIAL, _PERSON, "BLT DBHCHT buruh tembakau", "Cash for tobacco workers"),
    (_P.PBB, _S.SOSIAL_EKONOMI, _F.SOSIAL, _NONE, "Keringanan PBB", "Relief of land tax"),
    (_P.KUBE, _S.SOSIAL_EKONOMI, _F.SOSIAL, _FAMILY, "Kelompok Usaha Bersama", "Group business"),
    (_P.REHSOS, _S.SOSIAL_EKONOMI, _F.SOSIAL, _NONE, "Rehabilitasi sosial", "Social rehabilitation"),
    (_P.TELANTAR, _S.SOSIAL_EKONOMI, _F.SOSIAL, _NONE, "Penanganan orang telantar", "Help for stranded people"),
    (_P.ODGJ, _S.SOSIAL_EKONOMI, _F.SOSIAL, _NONE, "Penanganan ODGJ", "Neglected mental illness"),
    (_P.YATIM, _S.SOSIAL_EKONOMI, _F.SOSIAL, _PERSON, "Bantuan yatim piatu", "Orphan aid"),
    (_P.SANTUNAN, _S.SOSIAL_EKONOMI, _F.SOSIAL, _NONE, "Santunan kematian", "Death grant"),
    (_P.BENCANA, _S.SOSIAL_EKONOMI, _F.BPBD, _NONE, "Bantuan bencana", "Emergency aid"),
    (_P.ZAKAT, _S.SOSIAL_EKONOMI, _F.BAZNAS, _NONE, "Bantuan zakat", "Zakat aid"),
    (_P.TRANSPORT, _S.SOSIAL_EKONOMI, _F.SOSIAL, _NONE, "Layanan antar jemput", "Transport to services"),
    (_P.SEMBAKO, _S.PANGAN, _F.SOSIAL, _FAMILY, "Bantuan Sembako", "Food aid"),
    (_P.SUB_LISTRIK, _S.ENERGI, _F.ESDM, _FAMILY, "Subsidi listrik", "Electricity subsidy"),
    (_P.SUB_LPG, _S.ENERGI, _F.PERINDAG, _FAMILY, "Subsidi LPG 3 kg", "Gas subsidy"),
    (_P.JALAN, _S.INFRASTRUKTUR, _F.PUPR, _NONE, "Perbaikan jalan", "Damaged road"),
    (_P.BPBL, _S.INFRASTRUKTUR, _F.ESDM, _FAMILY, "Bantuan Pasang Baru Listrik", "New electricity connection"),
    (_P.SUB_PUPUK, _S.PERTANIAN, _F.PERTANIAN, _PERSON, "Subsidi pupuk", "Fertiliser subsidy"),
    (_P.PERIKANAN, _S.PERIKANAN, _F.PERIKANAN, _PERSON, "Bantuan perikanan (Kusuka, asuransi)", "Fisheries aid"),
    (_P.RUTILAHU, _S.PERUMAHAN, _F.PERKIM, _FAMILY, "Perbaikan rumah tidak layak huni", "Home repair"),
    (_P.ADMINDUK, _S.ADMINDUK, _F.DUKCAPIL, _NONE, "Administrasi kependudukan (KTP, KK, akta)", "Civil documents"),
    (_P.KERJA, _S.KETENAGAKERJAAN, _F.NAKER, _PERSON, "Pelatihan dan penempatan kerja", "Training and placement"),
)

PROGRAMMES: Final[Mapping[str, Programme]] = MappingProxyType(
    {
        code: Programme(code, sector, function, participation, Label(label_id, label_en))
        for code, sector, function, participation, label_id, label_en in _PROGRAMMES
    }
)
"""Programme code → programme."""

_LOCAL_NEEDS: Final = (
    Need(NeedCode.DOMISILI, _S.ADMINDUK, None, Label("Surat keterangan domisili", "Letter of residence")),
    Need(NeedCode.SKTM, _S.SOSIAL_EKONOMI, None, Label("Surat keterangan tidak mampu", "Letter of poverty")),
    Need(NeedCode.KEKERASAN, _S.SOSIAL_EKONOMI, None, Label("Pelindungan korban kekerasan", "Help after violence")),
    Need(NeedCode.ANAK, _S.SOSIAL_EKONOMI, None, Label("Pelindungan khusus anak", "Child protection")),
    Need(NeedCode.HIV, _S.KESEHATAN, None, Label("Pendampingan HIV", "Support with HIV")),
    # Nothing fits: the manager's queue decides, so the sector only says who looks first.
    Need(NeedCode.LAINNYA, _S.SOSIAL_EKONOMI, None, Label("Lainnya", "Other")),
)

NEEDS: Final[Mapping[str, Need]] = MappingProxyType(
    {
        programme.code.value: Need(NeedCode(programme.code.value), programme.sector, programme.code, programme.label)
        for programme in PROGRAMMES.values()
    }
    | {need.code.value: need for need in _LOCAL_NEEDS}
)
"""Need code → need."""

SENSITIVE_NEEDS: Final = frozenset({NeedCode.KEKERASAN, NeedCode.ANAK, NeedCode.HIV, NeedCode.ODGJ})
"""A case with one of these is restricted: known to assigned officers only (violence, child protection, HIV, mental
health; UU 12/2022 on sexual violence, UU 11/2012 on children in law, UU 27/2022 Pasal 4 on health data)."""

SECTORS: Final[Mapping[str, Label]] = MappingProxyType(
    {
        _S.KESEHATAN: Label("Kesehatan", "Health"),
        _S.PENDIDIKAN: Label("Pendidikan", "Education"),
        _S.SOSIAL_EKONOMI: Label("Sosial dan ekonomi", "Social and economic"),
        _S.PANGAN: Label("Pangan", "Food"),
        _S.ENERGI: Label("Energi", "Energy"),
        _S.INFRASTRUKTUR: Label("Infrastruktur", "Infrastructure"),
        _S.PERTANIAN: Label("Pertanian", "Agriculture"),
        _S.PERIKANAN: Label("Perikanan", "Fisheries"),
        _S.PERUMAHAN: Label("Perumahan", "Housing"),
        _S.ADMINDUK: Label("Administrasi kependudukan", "Civil registration"),
        _S.KETENAGAKERJAAN: Label("Ketenagakerjaan", "Employment"),
    }
)
"""Sector → label."""

FUNCTIONS: Final[Mapping[str, Label]] = MappingProxyType(
    {
        _F.SOSIAL: Label("Dinas Sosial", "Social affairs"),
        _F.PENDIDIKAN: Label("Dinas Pendidikan", "Education"),
        _F.KESEHATAN: Label("Dinas Kesehatan", "Health"),
        _F.DUKCAPIL: Label("Dinas Kependudukan dan Pencatatan Sipil", "Civil registration"),
        _F.PUPR: Label("Dinas Pekerjaan Umum dan Penataan Ruang", "Public works"),
        _F.PERKIM: Label("Dinas Perumahan dan Kawasan Permukiman", "Housing"),
        _F.NAKER: Label("Dinas Tenaga Kerja", "Employment"),
        _F.PMD: Label("Dinas Pemberdayaan Masyarakat dan Desa", "Village affairs"),
        _F.P3A: Label("Dinas Pemberdayaan Perempuan dan Perlindungan Anak", "Women and child protection"),
        _F.PERTANIAN: Label("Dinas Pertanian", "Agriculture"),
        _F.PERIKANAN: Label("Dinas Perikanan", "Fisheries"),
        _F.PERINDAG: Label("Dinas Perindustrian dan Perdagangan", "Trade and industry"),
        _F.ESDM: Label("Dinas Energi dan Sumber Daya Mineral", "Energy"),
        _F.BPBD: Label("Badan Penanggulangan Bencana Daerah", "Disaster response"),
        _F.BAPPEDA: Label("Badan Perencanaan Pembangunan Daerah", "Planning"),
        _F.KEMENAG: Label("Kantor Kementerian Agama", "Religious affairs"),
        _F.BPJS_KES: Label("BPJS Kesehatan", "Health insurance agency"),
        _F.PLN: Label("PLN", "Electricity company"),
        _F.BAZNAS: Label("Baznas", "Zakat agency"),
        _F.KECAMATAN: Label("Kantor kecamatan", "District office"),
        _F.SLRT: Label("Sekretariat SLRT", "SLRT secretariat"),
        _F.TRANSPORT: Label("Layanan antar jemput", "Transport service"),
    }
)
"""Function code → label."""

OUTCOMES: Final[Mapping[str, Label]] = MappingProxyType(
    {
        OutcomeCode.FULFILLED: Label("Terpenuhi", "Fulfilled"),
        OutcomeCode.PARTLY: Label("Terpenuhi sebagian", "Partly fulfilled"),
        OutcomeCode.EXPLAINED_ONLY: Label("Diberi penjelasan", "Explained only"),
        OutcomeCode.NOT_ELIGIBLE: Label("Tidak memenuhi syarat", "Not eligible"),
        OutcomeCode.PROPOSED_WAITING_QUOTA: Label("Diusulkan, menunggu kuota", "Proposed, waiting for quota"),
        OutcomeCode.OTHER_OWNER: Label("Kewenangan pihak lain", "Belongs to another owner"),
        OutcomeCode.PERSON_UNREACHABLE: Label("Warga tidak dapat dihubungi", "Person not reachable"),
        OutcomeCode.DIED_MOVED: Label("Meninggal atau pindah", "Died or moved"),
    }
)
"""Outcome code → label."""

ATTRIBUTES: Final[Mapping[str, frozenset[AttributeValue]]] = MappingProxyType(
    {
        # Who owns a road follows from its class; a resident mostly knows only the colour of the centre line.
        _N.ASSET_CLASS: frozenset({_V.NATIONAL_ROAD, _V.PROVINCIAL_ROAD, _V.REGENCY_ROAD, _V.VILLAGE_ROAD, _V.UNKNOWN}),
        _N.CENTRE_LINE: frozenset({_V.YELLOW, _V.WHITE, _V.NO, _V.UNKNOWN}),
        _N.GRID_NEARBY: frozenset({_V.YES, _V.NO, _V.UNKNOWN}),
        _N.HAS_NIK: frozenset({_V.YES, _V.NO, _V.UNKNOWN}),
        _N.AGE_BAND: frozenset({_V.UNDER_FIVE, _V.CHILD, _V.ADULT, _V.ELDERLY, _V.UNKNOWN}),
        _N.SCHOOL_LEVEL: frozenset({_V.PRIMARY, _V.JUNIOR, _V.SENIOR, _V.HIGHER, _V.UNKNOWN}),
        _N.SCHOOL_STATUS: frozenset({_V.ENROLLED, _V.OUT_OF_SCHOOL, _V.UNKNOWN}),
        _N.DOCUMENT: frozenset(
            {_V.IDENTITY_CARD, _V.FAMILY_CARD, _V.BIRTH_CERTIFICATE, _V.DEATH_CERTIFICATE, _V.CHILD_CARD, _V.UNKNOWN}
        ),
        # A kind of place and no address; none that would say what somebody suffers from.
        _N.DESTINATION: frozenset({_V.SOCIAL_OFFICE, _V.REFERRAL_PLACE, _V.SCHOOL, _V.HOME, _V.UNKNOWN}),
        _N.RETURN_TRIP: frozenset({_V.YES, _V.NO, _V.UNKNOWN}),
    }
)
"""Attribute name → the values that it may have."""

ATTRIBUTE_LABELS: Final[Mapping[str, Label]] = MappingProxyType(
    {
        _N.ASSET_CLASS: Label("kelas jalan", "class of the road"),
        _N.CENTRE_LINE: Label("garis tengah jalan", "centre line of the road"),
        _N.GRID_NEARBY: Label("jaringan listrik di dekatnya", "power grid nearby"),
        _N.HAS_NIK: Label("mempunyai NIK", "has a NIK"),
        _N.AGE_BAND: Label("kelompok umur", "age band"),
        _N.SCHOOL_LEVEL: Label("jenjang sekolah", "level of schooling"),
        _N.SCHOOL_STATUS: Label("status sekolah", "schooling"),
        _N.DOCUMENT: Label("dokumen", "document"),
        _N.DESTINATION: Label("tujuan perjalanan", "destination of the trip"),
        _N.RETURN_TRIP: Label("perlu diantar pulang", "is taken back home"),
    }
)
"""Attribute name → label, as it stands within a sentence."""

VALUE_LABELS: Final[Mapping[str, Label]] = MappingProxyType(
    {
        _V.YES: Label("ya", "yes"),
        _V.NO: Label("tidak", "no"),
        _V.UNKNOWN: Label("belum diketahui", "unknown"),
        _V.NATIONAL_ROAD: Label("jalan nasional", "national road"),
        _V.PROVINCIAL_ROAD: Label("jalan provinsi", "provincial road"),
        _V.REGENCY_ROAD: Label("jalan kabupaten/kota", "regency road"),
        _V.VILLAGE_ROAD: Label("jalan desa", "village road"),
        _V.YELLOW: Label("kuning", "yellow"),
        _V.WHITE: Label("putih", "white"),
        _V.UNDER_FIVE: Label("balita", "under five"),
        _V.CHILD: Label("anak", "child"),
        _V.ADULT: Label("dewasa", "adult"),
        _V.ELDERLY: Label("lanjut usia", "elderly"),
        _V.PRIMARY: Label("SD", "primary"),
        _V.JUNIOR: Label("SMP", "junior secondary"),
        _V.SENIOR: Label("SMA/SMK", "senior secondary"),
        _V.HIGHER: Label("perguruan tinggi", "higher"),
        _V.ENROLLED: Label("bersekolah", "enrolled"),
        _V.OUT_OF_SCHOOL: Label("tidak bersekolah", "out of school"),
        _V.IDENTITY_CARD: Label("KTP", "identity card"),
        _V.FAMILY_CARD: Label("kartu keluarga", "family card"),
        _V.BIRTH_CERTIFICATE: Label("akta kelahiran", "birth certificate"),
        _V.DEATH_CERTIFICATE: Label("akta kematian", "death certificate"),
        _V.CHILD_CARD: Label("KIA", "child card"),
        _V.SOCIAL_OFFICE: Label("Dinas Sosial", "social office"),
        _V.REFERRAL_PLACE: Label("tempat rujukan", "place of referral"),
        _V.SCHOOL: Label("sekolah", "school"),
        _V.HOME: Label("rumah", "home"),
    }
)
"""Attribute value → label, as it stands within a sentence."""
