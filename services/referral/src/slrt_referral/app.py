"""Compose referral: the only place that knows all its parts."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from slrt_contracts.types import OfficeCode
from slrt_kit.messaging.consumer import EventConsumer
from slrt_kit.regions import Regions
from slrt_kit.runtime import LINGER_S, Runtime
from slrt_referral.adapters.connectors_file import ConnectorConfigError, Endpoint, endpoint_of
from slrt_referral.adapters.policy_files import load_policy
from slrt_referral.adapters.webhook import WebhookNotices
from slrt_referral.consumers.cases import CaseParts, cases
from slrt_referral.consumers.connector import ConnectorParts, connector
from slrt_referral.consumers.duties import duties
from slrt_referral.consumers.erasures import ErasureParts, erasures
from slrt_referral.domain.policy import RoutingPolicy
from slrt_referral.settings import ReferralSettings

if TYPE_CHECKING:
    from fastapi import FastAPI

PACKAGE = "slrt_referral"


def build_runtime() -> Runtime:
    """The parts of a referral process, from the environment."""
    return Runtime("referral", PACKAGE, ReferralSettings.load())


def build_app(runtime: Runtime) -> "FastAPI":
    """The HTTP application; imported here, because roles without an API do without FastAPI."""
    from slrt_referral.api import holdings, policy, referrals  # noqa: PLC0415
    from slrt_referral.api.parts import ReferralParts  # noqa: PLC0415

    app = runtime.app(
        title="SLRT referral",
        description="The right office: needs become referrals by rules that are data, offices answer them.",
        routers=[referrals.router, holdings.router, policy.router],
        consumers={"cases": cases, "erasures": erasures, "duties": duties},
    )
    app.state.parts = ReferralParts(runtime.database, runtime.outbox, build_policy(runtime), runtime.vault)
    return app


def build_consumers(runtime: Runtime) -> Sequence[EventConsumer]:
    """The consumer groups of the worker; each office's connector is a process of its own."""
    return [
        runtime.consumer(
            "cases", cases, CaseParts(runtime.outbox, build_policy(runtime), runtime.vault), linger=LINGER_S
        ),
        runtime.consumer("erasures", erasures, ErasureParts(runtime.vault)),
        runtime.consumer("duties", duties, None),
    ]


def build_policy(runtime: Runtime) -> RoutingPolicy:
    """The routing policy.

    Raises:
        PolicyError: naming every entry that is wrong.
    """
    return load_policy(_settings(runtime).policy_dir, Regions.load())


def connector_endpoint(runtime: Runtime, office: str) -> Endpoint:
    """Where the connector of an office delivers to.

    Raises:
        ConnectorConfigError: no such office, or no (good) entry in the connectors file.
        PolicyError: the table of offices is wrong.
    """
    if all(known.code != office for known in build_policy(runtime).offices):
        raise ConnectorConfigError(f"{office} is not in the table of offices")
    settings = _settings(runtime)
    return endpoint_of(OfficeCode(office), settings.connectors_file, settings.office_destinations)


def build_connector(runtime: Runtime, office: str, endpoint: Endpoint) -> EventConsumer:
    """The connector of one office: a consumer group of its own, so that an office that is away delays itself alone."""
    notices = WebhookNotices(
        endpoint,
        client=runtime.foreign_http(_settings(runtime).office_destinations),
        clock=runtime.database.clock,
        timeout=_settings(runtime).office_endpoint_timeout,
    )
    parts = ConnectorParts(OfficeCode(office), notices, runtime.database, runtime.outbox, runtime.vault)
    return runtime.consumer(f"connector.{office}", connector, parts)


def _settings(runtime: Runtime) -> ReferralSettings:
    if not isinstance(runtime.settings, ReferralSettings):
        raise TypeError("a referral process needs ReferralSettings")
    return runtime.settings
