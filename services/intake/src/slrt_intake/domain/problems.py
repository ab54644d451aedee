"""The refusals of intake, each with its stable name and its sentence for people."""

from collections.abc import Sequence
from types import MappingProxyType
from typing import Self

from slrt_kit.problems import ProblemError, Text


class TransitionRefusedError(ProblemError):
    """The state does not allow the action (see `transitions`)."""

    slug, status = "transition-refused", 409
    title = Text("Langkah ini belum atau tidak lagi dapat dilakukan", "That step cannot be taken now")


class NeedsMismatchError(ProblemError):
    """A recommendation or decision must name every need of the case exactly once."""

    slug, status = "needs-mismatch", 422
    title = Text("Sebutkan setiap kebutuhan tepat satu kali", "Name every need of the case exactly once")


class OutcomesMissingError(ProblemError):
    """A case closes only when every need has an outcome (domain 13.2)."""

    slug, status = "outcomes-missing", 409
    title = Text("Masih ada kebutuhan tanpa hasil", "A need has no outcome yet")


class UnknownRegionError(ProblemError):
    slug, status = "unknown-region", 422
    title = Text("Kode desa/kelurahan tidak dikenal", "The village code is not in the region table")


class OutsideYourAreaError(ProblemError):
    slug, status = "outside-your-area", 403
    title = Text("Di luar wilayah tugas Anda", "Outside the area that you work in")


class UnknownPersonError(ProblemError):
    slug, status = "unknown-person-ref", 422
    title = Text(
        "Kebutuhan menunjuk orang yang tidak ada dalam laporan", "A need names a person who is not in the case"
    )


class NeedOrderError(ProblemError):
    """A need waits for itself, for one that is not in the case, or for one that waits for it."""

    slug, status = "need-order", 422
    title = Text(
        "Urutan kebutuhan tidak mungkin: ada yang saling menunggu, atau menunggu yang tidak ada",
        "The order of the needs cannot be: some wait for one another, or for one that is not there",
    )


class AnswersError(ProblemError):
    slug, status = "answers-do-not-fit", 422
    title = Text("Jawaban tidak sesuai formulir kebutuhan ini", "The answers do not fit the form of the need")


class SheetError(ProblemError):
    """A file of paper forms cannot be read as one; ``reason`` says why, and nothing of it was registered."""

    slug, status = "sheet-refused", 422
    title = Text(
        "Berkas tidak dapat dibaca sebagai lembar formulir; lihat reason",
        "The file cannot be read as a sheet of forms; see reason",
    )


class DraftIncompleteError(ProblemError):
    slug, status = "draft-incomplete", 422
    title = Text("Draf belum lengkap", "The draft is not complete")


class DraftConfirmedError(ProblemError):
    slug, status = "draft-already-confirmed", 409
    title = Text("Draf ini sudah menjadi kasus", "This draft has become a case already")


class NoReportError(ProblemError):
    slug, status = "no-report-found", 422
    title = Text("Pesan ini bukan laporan", "The message holds no report")


class ReviewedAlreadyError(ProblemError):
    slug, status = "reviewed-already", 409
    title = Text("Akses darurat ini sudah diperiksa", "This emergency access was reviewed already")


class AccessNotNeededError(ProblemError):
    """The case is open to the caller as it is: an emergency would only hide that."""

    slug, status = "access-not-needed", 409
    title = Text("Kasus ini sudah terbuka bagi Anda", "The case is open to you as it is")


class TooManyOfficersError(ProblemError):
    slug, status = "too-many-officers", 409
    title = Text("Petugas kasus ini sudah terlalu banyak", "Too many officers are in charge of this case")


class NotAssignedError(ProblemError):
    slug, status = "not-assigned", 409
    title = Text("Petugas itu tidak ditugaskan pada kasus ini", "That officer is not in charge of this case")


class ConsentMissingError(ProblemError):
    """What the purpose rests on is not there: never given, run out or withdrawn."""

    slug, status = "consent-missing", 403
    title = Text(
        "Warga belum menyetujui, atau telah menarik persetujuannya, untuk tujuan ini",
        "The resident has not agreed to this purpose, or has withdrawn the consent",
    )


class NotByConsentError(ProblemError):
    """``possible`` lists the purposes that rest on consent; all others need none."""

    slug, status = "not-by-consent", 422
    title = Text("Tujuan ini tidak memerlukan persetujuan", "That purpose does not rest on consent")


class GuardianNeededError(ProblemError):
    """UU 27/2022 article 25: for a child the parent or guardian agrees."""

    slug, status = "guardian-needed", 422
    title = Text("Untuk anak, orang tua atau wali yang menyetujui", "For a child the parent or guardian agrees")


class WitnessNeededError(ProblemError):
    """UU 27/2022 article 22: consent is written or recorded; what was said or pressed, somebody else confirms."""

    slug, status = "witness-needed", 422
    title = Text("Persetujuan lisan atau cap jempol memerlukan saksi", "Consent by word or thumb mark needs a witness")


class ConsentPeriodError(ProblemError):
    slug, status = "consent-period", 422
    title = Text(
        "Waktu persetujuan di masa depan, atau sudah berakhir", "The consent lies in the future, or has ended already"
    )


class ConsentInForceError(ProblemError):
    """``consent_id`` names the one that says the same: it is withdrawn first."""

    slug, status = "consent-in-force", 409
    title = Text("Persetujuan yang sama masih berlaku", "A consent to the same is in force")


class UnknownPrincipalError(ProblemError):
    slug, status = "unknown-principal", 422
    title = Text("Orang itu bukan bagian dari kasus ini", "That person is not of this case")


class TicketNotFoundError(ProblemError):
    """One answer for a wrong ticket and for wrong digits: it tells a guesser nothing."""

    slug, status = "ticket-not-found", 404
    refuses = True
    title = Text(
        "Nomor tiket dan empat angka terakhir telepon tidak cocok",
        "Ticket number and last four digits of the phone do not match",
    )


class TicketLockedError(ProblemError):
    slug, status = "ticket-locked", 429
    refuses = True
    title = Text("Terlalu banyak percobaan; coba lagi nanti", "Too many attempts; try again later")

    def __init__(self, *, retry_after_seconds: int) -> None:
        super().__init__()
        self.headers = {"Retry-After": str(retry_after_seconds)}


class AttachmentsFullError(ProblemError):
    slug, status = "attachments-full", 409
    title = Text("Kasus ini sudah memiliki berkas sebanyak yang diizinkan", "The case has as many files as it may")


class ExportDecidedError(ProblemError):
    slug, status = "export-decided", 409
    title = Text("Permintaan ekspor ini sudah diputuskan", "This request for an export was decided already")


class ExportNotApprovedError(ProblemError):
    slug, status = "export-not-approved", 409
    title = Text("Ekspor ini belum disetujui", "This export is not approved")


class ExportSpentError(ProblemError):
    slug, status = "export-spent", 410
    title = Text(
        "Ekspor ini sudah kedaluwarsa atau sudah diunduh sebanyak yang diizinkan; ajukan lagi",
        "This export has expired or was fetched as often as it may be; ask again",
    )


class ExportTooLargeError(ProblemError):
    slug, status = "export-too-large", 422
    title = Text(
        "Terlalu banyak baris; persempit saringan, atau ambil sebagai CSV",
        "Too many rows; narrow the filters, or fetch it as CSV",
    )


class ColumnsNotShownError(ProblemError):
    """The purpose of an export does not show some of its columns; ``columns`` names them."""

    slug, status = "columns-not-shown", 422
    title = Text("Tujuan itu tidak membuka semua kolom ini", "That purpose does not show all of these columns")

    @classmethod
    def of(cls, columns: Sequence[str]) -> Self:
        """For these columns."""
        named = ", ".join(columns)
        detail = Text(f"Hapus, atau pilih tujuan lain: {named}", f"Leave out, or choose another purpose: {named}")
        return cls(detail, columns=list(columns))


class NotYourAttachmentError(ProblemError):
    slug, status = "not-your-attachment", 403
    title = Text(
        "Berkas hanya dapat dihapus oleh yang menambahkannya atau oleh manajer",
        "A file is removed by whoever added it, or by a manager",
    )


class FileDetailsError(ProblemError):
    slug, status = "file-details", 422
    title = Text(
        "Header File-Name harus teks UTF-8 ber-persen paling panjang 200 karakter",
        "The File-Name header must be percent-encoded UTF-8 of at most 200 characters",
    )


class TooManyCodesError(ProblemError):
    slug, status = "too-many-codes", 429
    refuses = True
    title = Text(
        "Kode baru saja dikirim atau sudah terlalu sering diminta; coba lagi nanti",
        "A code was sent just now, or too many were asked for; try again later",
    )

    def __init__(self, *, retry_after_seconds: int) -> None:
        super().__init__()
        self.headers = {"Retry-After": str(retry_after_seconds)}


class CodeNotAcceptedError(ProblemError):
    """One answer for a wrong code, a dead one and one of another ticket: it tells a guesser nothing."""

    slug, status = "code-not-accepted", 403
    title = Text(
        "Kode tidak cocok atau sudah tidak berlaku; periksa lagi, atau minta kode baru",
        "The code does not match or is no longer good; check it, or ask for a new one",
    )


class SessionEndedError(ProblemError):
    slug, status = "session-ended", 401
    refuses = True
    title = Text("Sesi sudah berakhir; minta kode baru", "The session has ended; ask for a new code")
    headers = MappingProxyType({"WWW-Authenticate": "Resident-Session"})


class DutyTermsError(ProblemError):
    """What a duty says makes no duty; ``reason`` says which rule it breaks."""

    slug, status = "duty-terms", 422
    title = Text("Tugas ini tidak lengkap atau tidak sesuai", "The terms make no duty")
    _SAYS = MappingProxyType(
        {
            "area_or_office": Text("Sebutkan area_code atau office_code, salah satu", "Name area_code or office_code"),
            "not_at_an_office": Text("Peran ini tidak berada di dinas", "Nobody has that role at an office"),
            "only_at_an_office": Text("Peran ini hanya ada di dinas: sebutkan office_code", "Name the office_code"),
            "days": Text("Hari terakhir sebelum hari pertama", "The last day is before the first"),
            "area": Text("Kode wilayah tidak dikenal", "The area is not in the region table"),
            "outside": Text("Di luar wilayah tugas Anda", "Outside the area that you work in"),
            "role": Text("Peran ini tidak ada di wilayah itu", "The area does not have that role"),
            "twice": Text("Tugas yang sama tercantum dua kali", "The same duty stands in the list twice"),
        }
    )

    def __init__(self, *, reason: str) -> None:
        super().__init__(self._SAYS[reason], reason=reason)


class DutyEndedError(ProblemError):
    slug, status = "duty-ended", 409
    title = Text("Tugas ini sudah berakhir", "This duty has ended")


class DutyRowsError(ProblemError):
    """Nothing of a list is taken while a row of it is refused."""

    slug, status = "duty-rows", 422
    title = Text("Ada baris yang ditolak; tidak satu pun disimpan", "A row is refused; nothing was stored")


class VisitEndedError(ProblemError):
    slug, status = "visit-ended", 409
    title = Text("Kunjungan ini sudah ada hasilnya", "This visit has its result already")


class VisitNotYoursError(ProblemError):
    """It was given to somebody else, or to nobody; what the caller saw there is kept all the same."""

    slug, status = "visit-not-yours", 409
    title = Text("Kunjungan ini tidak, atau tidak lagi, ditugaskan kepada Anda", "This visit is not yours, or no more")


class TooManyVisitsError(ProblemError):
    slug, status = "too-many-visits", 409
    title = Text("Petugas itu sudah memegang kunjungan sebanyak yang diizinkan", "The officer has all visits they may")


class UnknownChecklistError(ProblemError):
    """``possible`` lists the checklists of the case's region."""

    slug, status = "unknown-checklist", 422
    title = Text("Daftar periksa ini tidak ada di wilayah kasus", "The region of the case has no such checklist")


class FactsDoNotFitError(ProblemError):
    slug, status = "facts-do-not-fit", 422
    title = Text("Jawaban tidak sesuai daftar periksa", "The answers do not fit the checklist")


class ConflictSettledError(ProblemError):
    slug, status = "conflict-settled", 409
    title = Text("Pertentangan ini sudah diputuskan", "This conflict was settled already")


class NotInConflictError(ProblemError):
    slug, status = "not-in-conflict", 422
    title = Text("Fakta itu bukan bagian dari pertentangan ini", "That fact is not one of those in conflict")


class DeviceTakenError(ProblemError):
    """Ids are made on devices: this one is another officer's."""

    slug, status = "device-taken", 409
    title = Text(
        "Id perangkat ini milik petugas lain; buat id baru", "Another officer has that device id; make a new one"
    )


class DeviceAreaError(ProblemError):
    """Who sees to the devices of an area must find this one."""

    slug, status = "device-area", 422
    title = Text("Akun Anda tidak menyebut wilayah tugas", "Your account names no region that you work in")


class UnknownDeviceError(ProblemError):
    slug, status = "unknown-device", 404
    title = Text("Perangkat ini belum didaftarkan atas nama Anda", "The device is not registered in your name")


class DeviceNotRevokedError(ProblemError):
    slug, status = "device-not-revoked", 409
    title = Text(
        "Perangkat ini tidak dicabut; tidak ada yang harus dihapus", "The device is not revoked; keep its data"
    )


class TooManyItemsError(ProblemError):
    """``most`` is how many items an upload may have: send the others in the next."""

    slug, status = "too-many-items", 413
    title = Text("Terlalu banyak butir dalam satu kiriman; kirim sebagian-sebagian", "Too many items in one upload")


class UploadTooLargeError(ProblemError):
    """``most`` is the bytes that an upload may have."""

    slug, status = "upload-too-large", 413
    title = Text("Kiriman terlalu besar; kirim lebih sedikit butir", "The upload is too large; send fewer items")


class EncodingNotAcceptedError(ProblemError):
    slug, status = "encoding-not-accepted", 415
    title = Text("Kirim tanpa pemampatan (Content-Encoding)", "Send it without Content-Encoding")


class DeviceClockError(ProblemError):
    slug, status = "device-clock", 422
    title = Text(
        "Sertakan device_now: waktu perangkat dengan zona waktu", "Send device_now: the device's time, with its offset"
    )


class PhotoIdTakenError(ProblemError):
    slug, status = "photo-id-taken", 409
    title = Text("Id foto ini sudah dipakai foto lain; buat id baru", "Another picture has that id; make a new one")


class PhotoOffsetError(ProblemError):
    """``offset`` is up to where the picture has arrived: go on from there."""

    slug, status = "photo-offset", 409
    title = Text("Lanjutkan dari offset yang disebutkan", "Go on from the offset that is named")


class PhotoWaitsError(ProblemError):
    """The picture has arrived; the registration that it belongs to has not. Come again: it is kept until then."""

    slug, status = "photo-waits", 409
    title = Text("Foto menunggu kasusnya; kirim pendaftarannya dulu", "The picture waits for its case; send that first")


class PhotoHashError(ProblemError):
    slug, status = "photo-hash", 422
    title = Text(
        "Isi foto tidak sesuai sha256-nya; kirim ulang", "The picture is not what its sha256 says; send it anew"
    )


class TooManyPhotosError(ProblemError):
    slug, status = "too-many-photos", 409
    title = Text("Selesaikan dulu foto yang belum lengkap", "Complete the pictures that are on their way first")
