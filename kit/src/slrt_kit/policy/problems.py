"""What may be refused to whoever changes a policy, or asks for one; each changes nothing."""

from collections.abc import Sequence
from datetime import datetime

from slrt_kit.messaging.errors import TransientError
from slrt_kit.policy.findings import Finding
from slrt_kit.policy.rules import view_of
from slrt_kit.problems import ProblemError, Text


class PolicyFindingsError(ProblemError):
    """``findings`` says everything that is wrong, in both languages' texts of the caller's choice."""

    slug, status = "policy-findings", 422
    title = Text("Kebijakan ini salah; tidak ada yang diubah", "The policy is wrong; nothing was changed")

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        detail = Text(
            "; ".join(each.line("id") for each in self.findings[:3]),
            "; ".join(each.line("en") for each in self.findings[:3]),
        )
        views = [
            view_of(each, "id") | {"what_en": each.what.en, "remedy_en": each.remedy.en} for each in self.findings[:200]
        ]
        super().__init__(detail, findings=views)


class PolicyTooSoonError(ProblemError):
    slug, status = "policy-too-soon", 422
    title = Text(
        "Waktu berlaku sudah lewat atau terlalu dekat: semua proses harus beralih bersamaan",
        "The policy would begin in the past or too soon: all processes must switch together",
    )

    def __init__(self, earliest: datetime) -> None:
        super().__init__(earliest=earliest.isoformat(timespec="seconds"))


class PolicyAtOnceError(ProblemError):
    slug, status = "policy-two-at-once", 409
    title = Text(
        "Pada saat itu sudah ada versi dari lapisan ini yang mulai berlaku",
        "A version of this layer begins at that instant already",
    )

    def __init__(self, number: int) -> None:
        super().__init__(number=number)


class PolicyDecidedError(ProblemError):
    slug, status = "policy-decided", 409
    title = Text("Versi ini sudah disetujui atau ditolak", "This version was approved or rejected already")


class PolicyNotApprovedError(ProblemError):
    slug, status = "policy-not-approved", 409
    title = Text("Versi ini belum disetujui", "This version is not approved")


class PolicyNeverInForceError(ProblemError):
    slug, status = "policy-never-in-force", 409
    title = Text(
        "Hanya kembali ke versi yang pernah berlaku dan bukan yang sedang berlaku",
        "One goes back only to a version that was in force and is not now",
    )


class PolicyUnchangedError(ProblemError):
    slug, status = "policy-unchanged", 409
    title = Text("Draf ini sama dengan versi yang berlaku", "The draft is what the version in force is")


class PolicyUnknownError(ProblemError, TransientError):
    """Nothing has been read yet: the process has just begun, or its database was away from the beginning on.

    A consumer waits until something is.
    """

    slug, status = "policy-unknown", 503
    title = Text("Kebijakan belum termuat; ulangi sebentar lagi", "The policy is not loaded yet; repeat in a moment")
    headers = {"Retry-After": "2"}  # noqa: RUF012 — as in the base
