"""Compose referral: the only place that knows all its parts."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import psycopg

from slrt_contracts.types import OfficeCode
from slrt_kit.clock import SystemClock
from slrt_kit.db import Database
from slrt_kit.messaging.consumer import EventConsumer
from slrt_kit.policy.book import PolicyBook
from slrt_kit.policy.packaged import packaged_documents
from slrt_kit.policy.problems import PolicyUnknownError
from slrt_kit.policy.routing import routing_context
from slrt_kit.regions import packaged_regions
from slrt_kit.runtime import LINGER_S, Part, Runtime
from slrt_kit.timekeeping import BACKLOG, Timekeeping
from slrt_referral.adapters.connectors_file import ConnectorConfigError, Endpoint, endpoint_of
from slrt_referral.adapters.office_book import BookOffices
from slrt_referral.adapters.routing_book import RoutingBook
from slrt_referral.adapters.webhook import WebhookNotices
from slrt_referral.consumers.cases import CaseParts, cases
from slrt_referral.consumers.connector import ConnectorParts, connector
from slrt_referral.consumers.duties import duties
from slrt_referral.consumers.erasures import ErasureParts, erasures
from slrt_referral.settings import ReferralSettings
from slrt_referral.store.clock_events import tell_of_clocks
from slrt_referral.store.holdings import ReferralPauses
from slrt_referral.store.referral_clocks import ReferralClocks
from slrt_referral.store.referrals import ReferralStores
from slrt_referral.store.stalls import watched

if TYPE_CHECKING:
    from fastapi import FastAPI

    from slrt_kit.policy.what_if.running import Replays

PACKAGE = "slrt_referral"


def build_runtime() -> Runtime:
    """The parts of a referral process, from the environment."""
    return Runtime("referral", PACKAGE, ReferralSettings.load())


def build_app(runtime: Runtime) -> "FastAPI":
    """The HTTP application; imported here, because roles without an API do without FastAPI."""
    from slrt_kit.http import clock_moves  # noqa: PLC0415
    from slrt_referral.api import clocks, holdings, policy, referrals, stalls, worklists  # noqa: PLC0415
    from slrt_referral.api.parts import ReferralParts  # noqa: PLC0415

    runtime.database.own_backlog = [*BACKLOG]
    app = runtime.app(
        title="SLRT referral",
        description="The right office: needs become referrals by rules that are data, offices answer them.",
        routers=[
            referrals.router,
            holdings.router,
            worklists.router,
            clocks.router,
            clock_moves.router,
            stalls.router,
            policy.router,
        ],
        consumers={"cases": cases, "erasures": erasures, "duties": duties},
    )
    app.state.parts = ReferralParts(
        runtime.database,
        runtime.outbox,
        build_routing(runtime),
        runtime.vault,
        build_stores(runtime),
    )
    app.state.clocks = build_timekeeping(runtime).commands()
    app.state.replays = build_replays()
    return app


def build_replays() -> "Replays":
    """What a draft of the policy is judged by: the routes of past referrals, and their deadlines."""
    from slrt_kit.policy.what_if.deadlines import REFERRALS, DeadlineReplay  # noqa: PLC0415 — for the API alone
    from slrt_referral.adapters.route_replay import RouteReplay  # noqa: PLC0415 — the same
    from slrt_referral.store.what_if import REGION, ROUTED  # noqa: PLC0415 — the same

    regions = packaged_regions()
    context = routing_context(regions)
    return [
        partial(RouteReplay, query=ROUTED, column=REGION, regions=regions, context=context),
        partial(DeadlineReplay, subjects=REFERRALS),
    ]


def build_consumers(runtime: Runtime) -> Sequence[EventConsumer]:
    """The consumer groups of the worker; each office's connector is a process of its own."""
    runtime.database.own_backlog = [*BACKLOG]
    return [
        runtime.consumer("cases", cases, CaseParts(build_stores(runtime), build_routing(runtime)), linger=LINGER_S),
        runtime.consumer("erasures", erasures, ErasureParts(runtime.vault)),
        runtime.consumer("duties", duties, None),
    ]


def build_stores(runtime: Runtime) -> ReferralStores:
    """What opens the store of a unit of work."""
    return ReferralStores(runtime.outbox, runtime.vault, ReferralClocks(runtime.deadlines))


def build_timekeeping(runtime: Runtime) -> Timekeeping:
    """What keeps the deadlines of referrals."""
    clock = runtime.database.clock
    return Timekeeping(
        runtime,
        tell=partial(tell_of_clocks, runtime.outbox),
        ledger=ReferralPauses(),
        watched=watched(runtime.outbox, BookOffices(runtime.policy_book, clock), clock),
    )


def build_chores(runtime: Runtime) -> Sequence[Part]:
    """What a worker of referral does from time to time."""
    return build_timekeeping(runtime).chores()


def build_routing(runtime: Runtime) -> RoutingBook:
    """The routing rules and offices of the policy that is in force when they are asked for."""
    return RoutingBook(runtime.policy_book, runtime.database.clock, packaged_regions())


def connector_endpoint(runtime: Runtime, office: str) -> Endpoint:
    """Where the connector of an office delivers to.

    Raises:
        ConnectorConfigError: no such office, or no (good) entry in the connectors file.
    """
    packaged = PolicyBook.of(runtime.policy_rules, packaged_documents(runtime.package, runtime.policy_rules))
    if not _has_office(packaged, office) and not asyncio.run(_is_in_force(runtime, office)):
        raise ConnectorConfigError(f"{office} is not in the table of offices")
    settings = _settings(runtime)
    return endpoint_of(OfficeCode(office), settings.connectors_file, settings.office_destinations)


async def _is_in_force(runtime: Runtime, office: str) -> bool:
    """Whether the policy in force has the office; no where the database cannot be asked."""
    database = Database(_settings(runtime).database_url.get_secret_value(), pool_size=1)
    book = PolicyBook(runtime.policy_rules, database)
    try:
        await book.refresh()
        return _has_office(book, office)
    except (psycopg.Error, OSError, TimeoutError, PolicyUnknownError):
        return False
    finally:
        await database.close()


def _has_office(book: PolicyBook, office: str) -> bool:
    return any(known.code == office for known in BookOffices(book, SystemClock()))


def build_connector(runtime: Runtime, office: str, endpoint: Endpoint) -> EventConsumer:
    """The connector of one office: a consumer group of its own, so that an office that is away delays itself alone."""
    notices = WebhookNotices(
        endpoint,
        client=runtime.foreign_http(_settings(runtime).office_destinations),
        clock=runtime.database.clock,
        timeout=_settings(runtime).office_endpoint_timeout,
    )
    parts = ConnectorParts(OfficeCode(office), notices, runtime.database, build_stores(runtime))
    return runtime.consumer(f"connector.{office}", connector, parts)


def _settings(runtime: Runtime) -> ReferralSettings:
    if not isinstance(runtime.settings, ReferralSettings):
        raise TypeError("a referral process needs ReferralSettings")
    return runtime.settings
