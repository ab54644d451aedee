"""The settings of intake (``SLRT_INTAKE_…``)."""

from datetime import timedelta

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from slrt_intake.domain.challenge import CodeLimits
from slrt_kit.files.settings import FilesSettings


class IntakeSettings(FilesSettings):
    """See `FilesSettings`."""

    model_config = SettingsConfigDict(env_prefix="SLRT_INTAKE_", frozen=True, extra="ignore")

    client_id: str = "slrt-intake"
    public_url: str = Field(
        default="http://127.0.0.1:8080",
        pattern=r"^https?://[^\s/?#]+$",
        description="where anybody reaches the gateway: the QR of a letter leads there",
    )
    max_streams: int = Field(default=500, ge=0, le=20_000, description="streams that an API process has open at once")
    resident_code_seconds: int = Field(default=600, ge=60, le=600, description="how long a one-time code lives")
    resident_code_guesses: int = Field(default=5, ge=1, le=10, description="wrong guesses after which a code is dead")
    resident_codes_per_hour: int = Field(default=3, ge=1, le=10, description="codes that a ticket gets in an hour")
    resident_codes_per_day: int = Field(default=10, ge=1, le=50, description="codes that a ticket gets in a day")
    resident_code_resend_seconds: int = Field(
        default=60, ge=1, le=600, description="how soon the next may be asked for"
    )
    resident_session_seconds: int = Field(default=1800, ge=60, le=7200, description="how long a session lasts")

    @property
    def code_limits(self) -> CodeLimits:
        """What may be tried how often with one-time codes."""
        return CodeLimits(
            lives=timedelta(seconds=self.resident_code_seconds),
            guesses=self.resident_code_guesses,
            per_hour=self.resident_codes_per_hour,
            per_day=self.resident_codes_per_day,
            resend_after=timedelta(seconds=self.resident_code_resend_seconds),
        )

    @property
    def session_lives(self) -> timedelta:
        """How long a resident's session lasts."""
        return timedelta(seconds=self.resident_session_seconds)
