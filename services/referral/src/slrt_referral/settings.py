"""The settings of referral (``SLRT_REFERRAL_…``)."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from slrt_kit.privacy.settings import PrivacySettings


class ReferralSettings(PrivacySettings):
    """See `PrivacySettings`."""

    model_config = SettingsConfigDict(env_prefix="SLRT_REFERRAL_", frozen=True, extra="ignore")

    client_id: str = "slrt-referral"
    policy_dir: Path | None = Field(default=None, description="has routing.yaml and offices.yaml; else the packaged")
    connectors_file: Path | None = Field(default=None, description="YAML {office code: {url, secret}}, for connectors")
    office_endpoint_timeout: float = Field(default=10.0, gt=0, le=60, description="seconds for one notice")
