"""The settings of the registry (``SLRT_REGISTRY_…``)."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from slrt_kit.privacy.settings import PrivacySettings


class RegistrySettings(PrivacySettings):
    """See `PrivacySettings`."""

    model_config = SettingsConfigDict(env_prefix="SLRT_REGISTRY_", frozen=True, extra="ignore")

    client_id: str = "slrt-registry"
    intake_url: str = Field(description="base URL of intake's own API, without the gateway's prefix")
