"""The settings of intake (``SLRT_INTAKE_…``)."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from slrt_kit.files.settings import FilesSettings


class IntakeSettings(FilesSettings):
    """See `FilesSettings`."""

    model_config = SettingsConfigDict(env_prefix="SLRT_INTAKE_", frozen=True, extra="ignore")

    client_id: str = "slrt-intake"
    max_streams: int = Field(default=500, ge=0, le=20_000, description="streams that an API process has open at once")
