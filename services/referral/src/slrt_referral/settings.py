"""The settings of referral (``SLRT_REFERRAL_…``)."""

from pathlib import Path

from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict

from slrt_kit.http.destinations import Destinations
from slrt_kit.privacy.settings import PrivacySettings


class ReferralSettings(PrivacySettings):
    """See `PrivacySettings`."""

    model_config = SettingsConfigDict(env_prefix="SLRT_REFERRAL_", frozen=True, extra="ignore")

    client_id: str = "slrt-referral"
    policy_dir: Path | None = Field(default=None, description="has 00/routing.yaml and offices.yaml; else the packaged")
    connectors_file: Path | None = Field(default=None, description="YAML {office code: {url, secret}}, for connectors")
    office_endpoint_allow: str = Field(
        default="",
        description="origins (http://10.1.2.3:8080) and networks (10.1.2.0/24) that the endpoints of the connectors "
        "file may be at, comma separated; without it public https addresses alone",
    )
    office_endpoint_timeout: float = Field(default=10.0, gt=0, le=60, description="seconds for one notice")

    @field_validator("office_endpoint_allow")
    @classmethod
    def _is_a_list(cls, given: str) -> str:
        Destinations.parse(given)
        return given

    @property
    def office_destinations(self) -> Destinations:
        """Where an office's endpoint may be."""
        return Destinations.parse(self.office_endpoint_allow)
