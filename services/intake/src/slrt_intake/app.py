"""Compose intake: the only place that knows all its parts."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from slrt_intake import consumers
from slrt_intake.consumers import ConsumerParts
from slrt_intake.reports.parser import ReportParser
from slrt_intake.settings import IntakeSettings
from slrt_intake.store.sharings import COUNT_OVERDUE
from slrt_kit import metrics
from slrt_kit.coalesce import MOST_WAITING
from slrt_kit.messaging.consumer import EventConsumer
from slrt_kit.regions import Regions
from slrt_kit.runtime import LINGER_S, Runtime

if TYPE_CHECKING:
    from fastapi import FastAPI

PACKAGE = "slrt_intake"


def build_runtime() -> Runtime:
    """The parts of an intake process, from the environment."""
    return Runtime("intake", PACKAGE, IntakeSettings.load())


def build_app(runtime: Runtime) -> "FastAPI":
    """The HTTP application; imported here, because roles without an API do without FastAPI."""
    from slrt_intake.api import access, cases, claims, consents, drafts, events, figures, tracking  # noqa: PLC0415
    from slrt_intake.api.parts import IntakeParts  # noqa: PLC0415
    from slrt_intake.store.following import Following  # noqa: PLC0415
    from slrt_intake.store.new_cases import Registrations  # noqa: PLC0415
    from slrt_kit.http.streams import Streams  # noqa: PLC0415

    runtime.database.own_backlog = [(metrics.ERASURES_OVERDUE, COUNT_OVERDUE)]
    registrations = Registrations(runtime.database, runtime.outbox, runtime.vault)
    app = runtime.app(
        title="SLRT intake",
        description="The one door: reports become drafts, drafts become cases, cases get decisions and outcomes.",
        routers=[
            cases.router,
            access.router,
            events.router,
            drafts.router,
            claims.router,
            consents.router,
            figures.router,
            tracking.router,
        ],
        consumers={
            "outcomes": consumers.outcomes,
            "timeline": consumers.timeline,
            "erasures": consumers.erasures,
        },
        fast={
            cases.register_case: MOST_WAITING,
            claims.search_parties: None,
            claims.search_contacts: None,
        },
    )
    regions = Regions.load()
    app.state.parts = IntakeParts(
        runtime.database,
        runtime.outbox,
        registrations,
        regions,
        ReportParser.load(regions),
        Following(runtime.database),
        Streams(limit=_settings(runtime).max_streams),
        runtime.vault,
    )
    return app


def build_consumers(runtime: Runtime) -> Sequence[EventConsumer]:
    """The consumer groups of intake."""
    runtime.database.own_backlog = [(metrics.ERASURES_OVERDUE, COUNT_OVERDUE)]
    parts = ConsumerParts(runtime.outbox, runtime.vault)
    return [
        runtime.consumer("outcomes", consumers.outcomes, parts),
        runtime.consumer("timeline", consumers.timeline, parts, linger=LINGER_S),
        runtime.consumer("erasures", consumers.erasures, parts),
    ]


def _settings(runtime: Runtime) -> IntakeSettings:
    if not isinstance(runtime.settings, IntakeSettings):
        raise TypeError("intake runs on its own settings")
    return runtime.settings
