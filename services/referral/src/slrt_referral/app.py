"""Compose referral: the only place that knows all its parts."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import psycopg

from slrt_contracts.types import OfficeCode
from slrt_kit.db import Database
from slrt_kit.messaging.consumer import EventConsumer
from slrt_kit.policy.book import PolicyBook
from slrt_kit.policy.problems import PolicyUnknownError
from slrt_kit.regions import Regions
from slrt_kit.runtime import LINGER_S, Runtime
from slrt_referral.adapters.connectors_file import ConnectorConfigError, Endpoint, endpoint_of
from slrt_referral.adapters.office_book import BookOffices
from slrt_referral.adapters.policy_files import load_policy
from slrt_referral.adapters.webhook import WebhookNotices
from slrt_referral.consumers.cases import CaseParts, cases
from slrt_referral.consumers.connector import ConnectorParts, connector
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
    from slrt_referral.api import policy, referrals  # noqa: PLC0415
    from slrt_referral.api.parts import ReferralParts  # noqa: PLC0415

    app = runtime.app(
        title="SLRT referral",
        description="The right office: needs become referrals by rules that are data, offices answer them.",
        routers=[referrals.router, policy.router],
        consumers={"cases": cases, "erasures": erasures},
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
    ]


def build_policy(runtime: Runtime) -> RoutingPolicy:
    """The routing rules, with the offices of the policy that is in force when they are asked for.

    Raises:
        PolicyError: naming every entry that is wrong.
    """
    policy = load_policy(_settings(runtime).policy_dir, Regions.load())
    return replace(policy, offices=BookOffices(runtime.policy_book, runtime.database.clock))


def connector_endpoint(runtime: Runtime, office: str) -> Endpoint:
    """Where the connector of an office delivers to.

    Raises:
        ConnectorConfigError: no such office, or no (good) entry in the connectors file.
        PolicyError: the table of offices is wrong.
    """
    settings = _settings(runtime)
    packaged = load_policy(settings.policy_dir, Regions.load()).offices
    if all(known.code != office for known in packaged) and not asyncio.run(_is_in_force(runtime, office)):
        raise ConnectorConfigError(f"{office} is not in the table of offices")
    return endpoint_of(OfficeCode(office), settings.connectors_file, settings.office_destinations)


async def _is_in_force(runtime: Runtime, office: str) -> bool:
    """Whether the policy in force has the office; no where the database cannot be asked."""
    database = Database(_settings(runtime).database_url.get_secret_value(), pool_size=1)
    book = PolicyBook(runtime.policy_rules, database)
    try:
        await book.refresh()
        return any(known.code == office for known in BookOffices(book, database.clock))
    except (psycopg.Error, OSError, TimeoutError, PolicyUnknownError):
        return False
    finally:
        await database.close()


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
