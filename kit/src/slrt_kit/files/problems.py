"""The refusals of files, each with its stable name and its sentence for people."""

from types import MappingProxyType

from slrt_kit.problems import ProblemError, Text


class FileTooLargeError(ProblemError):
    slug, status = "file-too-large", 413
    title = Text("Berkas terlalu besar", "The file is too large")


class FileEmptyError(ProblemError):
    slug, status = "file-empty", 422
    title = Text("Berkas kosong", "The file is empty")


class FileTypeRefusedError(ProblemError):
    """By its content, whatever its name and its header say."""

    slug, status = "file-type-refused", 415
    title = Text(
        "Jenis berkas ini tidak diterima; kirim foto JPEG, PNG atau WebP, atau dokumen PDF",
        "Files of this type are not taken; send a JPEG, PNG or WebP picture, or a PDF document",
    )


class HeicRefusedError(ProblemError):
    slug, status = "file-heic", 415
    title = Text(
        "Foto HEIC belum dapat dibersihkan; atur kamera ke JPEG ('Paling Kompatibel') atau ubah dulu menjadi JPEG",
        "HEIC pictures cannot be cleaned yet; set the camera to JPEG ('Most Compatible') or convert it first",
    )


class FileTypeMismatchError(ProblemError):
    slug, status = "file-type-mismatch", 415
    title = Text("Isi berkas bukan jenis yang disebutkan", "The file is not of the type that was stated")


class FileDamagedError(ProblemError):
    slug, status = "file-damaged", 422
    title = Text("Berkas rusak atau terpotong; kirim ulang", "The file is damaged or cut off; send it again")


class ImageTooLargeError(ProblemError):
    slug, status = "image-too-large", 422
    title = Text("Gambar memiliki terlalu banyak piksel", "The picture has too many pixels")


class ImageAnimatedError(ProblemError):
    slug, status = "image-animated", 422
    title = Text("Gambar bergerak tidak diterima", "Moving pictures are not taken")


class FileActiveError(ProblemError):
    slug, status = "file-active", 422
    title = Text(
        "Dokumen berisi skrip, perintah atau berkas lain; cetak ulang sebagai PDF biasa",
        "The document holds scripts, actions or other files; print it as a plain PDF",
    )


class FileEncryptedError(ProblemError):
    slug, status = "file-encrypted", 422
    title = Text("Dokumen dikunci kata sandi; kirim tanpa kata sandi", "The document is locked; send it unlocked")


class MalwareFoundError(ProblemError):
    slug, status = "malware-found", 422
    title = Text("Berkas ditolak pemindai malware", "The malware scanner refuses the file")
    refuses = True


class ScannerUnavailableError(ProblemError):
    slug, status = "scanner-unavailable", 503
    title = Text(
        "Pemindai malware tidak menjawab; belum ada yang disimpan, coba sebentar lagi",
        "The malware scanner does not answer; nothing was stored, try again in a moment",
    )
    headers = MappingProxyType({"Retry-After": "30"})


class UploadTooSlowError(ProblemError):
    slug, status = "upload-too-slow", 408
    title = Text("Pengiriman berkas terlalu lama; kirim ulang", "The upload took too long; send it again")


class FilesBusyError(ProblemError):
    slug, status = "files-busy", 503
    title = Text("Terlalu banyak berkas sekaligus; coba sebentar lagi", "Too many files at once; try again in a moment")
    headers = MappingProxyType({"Retry-After": "5"})


class StorageFullError(ProblemError):
    slug, status = "storage-full", 507
    title = Text("Tempat penyimpanan penuh; hubungi pengelola sistem", "The storage is full; tell the operator")


class StorageUnavailableError(ProblemError):
    slug, status = "storage-unavailable", 503
    title = Text(
        "Penyimpanan berkas tidak menjawab; belum ada yang disimpan",
        "The storage of files does not answer; nothing was stored",
    )
    headers = MappingProxyType({"Retry-After": "30"})


class FileMissingError(ProblemError):
    """It is on record and its object is not there: a fault of ours."""

    slug, status = "file-missing", 503
    title = Text(
        "Berkas tercatat tetapi tidak ditemukan di penyimpanan; hubungi pengelola sistem",
        "The file is on record and not in the storage; tell the operator",
    )


class FilesOffError(ProblemError):
    slug, status = "files-off", 503
    title = Text("Instalasi ini tidak menyimpan berkas", "This installation keeps no files")
    headers = MappingProxyType({"Retry-After": "3600"})
