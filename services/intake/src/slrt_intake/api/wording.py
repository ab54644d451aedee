"""The plain words in which a resident reads where the case stands and what comes next."""

from collections.abc import Mapping
from types import MappingProxyType

from slrt_intake.domain.case import Case
from slrt_intake.domain.transitions import CaseStatus, NeedStatus
from slrt_kit.problems import Text

CASE_STAGES: Mapping[CaseStatus, Text] = MappingProxyType(
    {
        CaseStatus.REGISTERED: Text("Laporan Anda sudah terdaftar", "Your report is registered"),
        CaseStatus.SCREENING: Text("Data Anda sedang dicocokkan", "Your data is being checked"),
        CaseStatus.IN_HANDLING: Text("Petugas sedang menangani laporan Anda", "Staff are handling your report"),
        CaseStatus.DECIDED: Text("Laporan Anda sedang ditindaklanjuti", "Your report is being acted on"),
        CaseStatus.CLOSED: Text("Laporan Anda selesai", "Your report is closed"),
    }
)
NEXT_STEPS: Mapping[CaseStatus, Text] = MappingProxyType(
    {
        CaseStatus.REGISTERED: Text("Petugas depan memeriksa data Anda", "The front office checks your data"),
        CaseStatus.SCREENING: Text("Petugas belakang menyusun rekomendasi", "The back office makes a proposal"),
        CaseStatus.IN_HANDLING: Text("Koordinator menetapkan layanan", "The coordinator decides"),
        CaseStatus.DECIDED: Text("Dinas terkait memberi jawaban", "The offices in charge answer"),
        CaseStatus.CLOSED: Text("Tidak ada lagi yang perlu Anda lakukan", "There is nothing more for you to do"),
    }
)
_RESOLVED = Text("Semua kebutuhan sudah dijawab", "Every need has been answered")
_CONFIRM = Text("Beri tahu kami apakah ini membantu Anda", "Tell us whether it helped you")

NEED_STAGES: Mapping[NeedStatus, Text] = MappingProxyType(
    {
        NeedStatus.IDENTIFIED: Text("dicatat", "noted"),
        NeedStatus.RECOMMENDED: Text("direkomendasikan", "recommended"),
        NeedStatus.REFERRED: Text("dirujuk ke dinas terkait", "referred to the office in charge"),
        NeedStatus.SOLVED_LOCALLY: Text("diselesaikan di desa/kelurahan", "solved in the village"),
        NeedStatus.OUTCOME_RECORDED: Text("sudah ada hasil", "has an outcome"),
    }
)


def stage(case: Case) -> Text:
    """Where the case stands."""
    if case.status is CaseStatus.DECIDED and case.resolved_at is not None:
        return _RESOLVED
    return CASE_STAGES[case.status]


def next_step(case: Case) -> Text:
    """What happens next, and who does it."""
    if case.status is CaseStatus.DECIDED and case.resolved_at is not None:
        return _CONFIRM
    return NEXT_STEPS[case.status]
