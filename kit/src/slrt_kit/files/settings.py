"""The settings of services that take files."""

from pathlib import Path

from pydantic import Field, field_validator

from slrt_kit.privacy.settings import PrivacySettings


class FilesSettings(PrivacySettings):
    """See `PrivacySettings`."""

    objects_dir: Path | None = Field(default=None, description="folder of the sealed files; none are kept without it")
    scan_address: str | None = Field(
        default=None, description="malware scanner (clamd): tcp://host:port or unix:///path; none without it"
    )
    max_file_bytes: int = Field(default=10 * 1024 * 1024, ge=1024, le=100 * 1024 * 1024, description="of one file")
    max_pixels: int = Field(default=50_000_000, ge=10_000, le=200_000_000, description="of one picture, once decoded")
    max_pages: int = Field(default=50, ge=1, le=1000, description="of one PDF document")
    cleaned_at_once: int = Field(default=2, ge=1, le=64, description="files of a process; a picture may take 500 MB")
    max_upload_seconds: float = Field(default=120, gt=0, le=3600, description="how long one file may take to arrive")

    @field_validator("scan_address", mode="before")
    @classmethod
    def _none_where_empty(cls, given: object) -> object:
        return given or None
