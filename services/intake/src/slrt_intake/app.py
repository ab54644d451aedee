"""Compose intake: the only place that knows all its parts."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from slrt_intake import consumers
from slrt_intake.consumers import ConsumerParts
from slrt_intake.reports.parser import ReportParser
from slrt_intake.settings import IntakeSettings
from slrt_intake.store.attachments import named
from slrt_intake.store.case_clocks import CaseClocks
from slrt_intake.store.cases import CaseStores
from slrt_intake.store.clock_events import tell_of_clocks
from slrt_intake.store.consents import COUNT_RUN_OUT
from slrt_intake.store.devices import COUNT_SILENT, OLDEST_WAITING
from slrt_intake.store.forms import FormBook
from slrt_intake.store.holdings import CasePauses
from slrt_intake.store.sharings import COUNT_OVERDUE
from slrt_intake.store.stalls import watched
from slrt_intake.sweeps import AutoClose, ExpirySweep, LetterSweep
from slrt_kit import metrics
from slrt_kit.clocks.chain import EffectKind
from slrt_kit.coalesce import MOST_WAITING
from slrt_kit.files.sweep import Sweep
from slrt_kit.files.uploads import Uploads
from slrt_kit.messaging.consumer import EventConsumer
from slrt_kit.privacy.settings import key_bytes
from slrt_kit.regions import packaged_regions
from slrt_kit.runtime import LINGER_S, Part, Runtime
from slrt_kit.timekeeping import BACKLOG, Timekeeping

if TYPE_CHECKING:
    from fastapi import FastAPI

PACKAGE = "slrt_intake"
_BACKLOG = [
    (metrics.ERASURES_OVERDUE, COUNT_OVERDUE),
    (metrics.CONSENTS_RUN_OUT, COUNT_RUN_OUT),
    (metrics.FIELD_DEVICES_SILENT, COUNT_SILENT),
    (metrics.FIELD_ITEMS_WAITING, OLDEST_WAITING),
    *BACKLOG,
]


def build_runtime() -> Runtime:
    """The parts of an intake process, from the environment."""
    return Runtime("intake", PACKAGE, IntakeSettings.load())


def build_app(runtime: Runtime) -> "FastAPI":
    """The HTTP application; imported here, because roles without an API do without FastAPI."""
    from slrt_intake.adapters.letter_codes import LetterCodes  # noqa: PLC0415
    from slrt_intake.api import (  # noqa: PLC0415
        access,
        attachments,
        batches,
        cases,
        claims,
        clocks,
        consents,
        drafts,
        duplicates,
        duties,
        events,
        exports,
        facts,
        field,
        field_oversight,
        field_photos,
        figures,
        forms,
        holdings,
        letter_check,
        letters,
        looks,
        own_consents,
        reports,
        resident,
        stalls,
        tracking,
        visits,
        worklists,
    )
    from slrt_intake.api.parts import IntakeParts  # noqa: PLC0415
    from slrt_intake.paper.columns import PaperReader  # noqa: PLC0415
    from slrt_intake.store.checklists import ChecklistBook  # noqa: PLC0415
    from slrt_intake.store.following import Following  # noqa: PLC0415
    from slrt_intake.store.letter_book import LetterBook  # noqa: PLC0415
    from slrt_intake.store.new_cases import Registrations  # noqa: PLC0415
    from slrt_kit.http import clock_moves  # noqa: PLC0415
    from slrt_kit.http.streams import Streams  # noqa: PLC0415
    from slrt_kit.policy.what_if.deadlines import CASES, DeadlineReplay  # noqa: PLC0415

    runtime.database.own_backlog = [*_BACKLOG]
    stores = build_stores(runtime)
    registrations = Registrations(runtime.database, runtime.outbox, runtime.vault, stores.clocks)
    app = runtime.app(
        title="SLRT intake",
        description="The one door: reports become drafts, drafts become cases, cases get decisions and outcomes.",
        routers=[
            cases.router,
            batches.router,
            access.router,
            attachments.router,
            events.router,
            exports.router,
            drafts.router,
            duplicates.router,
            reports.router,
            forms.router,
            duties.router,
            claims.router,
            consents.router,
            figures.router,
            holdings.router,
            worklists.router,
            clocks.router,
            clock_moves.router,
            tracking.router,
            resident.router,
            own_consents.router,
            letter_check.router,
            letters.router,
            looks.router,
            stalls.router,
            visits.router,
            facts.router,
            field.router,
            field_oversight.router,
            field_photos.router,
        ],
        consumers={
            "outcomes": consumers.outcomes,
            "timeline": consumers.timeline,
            "erasures": consumers.erasures,
            "looks": consumers.looks,
        },
        fast={
            cases.register_case: MOST_WAITING,
            claims.search_parties: None,
            claims.search_contacts: None,
        },
    )
    regions = packaged_regions()
    app.state.audit_of_many = True
    app.state.clocks = build_timekeeping(runtime).commands()
    app.state.replays = [partial(DeadlineReplay, subjects=CASES)]
    app.state.parts = IntakeParts(
        runtime.database,
        runtime.outbox,
        registrations,
        regions,
        ReportParser.load(regions),
        Following(runtime.database),
        Streams(limit=_settings(runtime).max_streams),
        runtime.vault,
        _settings(runtime).code_limits,
        _settings(runtime).session_lives,
        stores,
        runtime.deadlines,
        FormBook(runtime.policy_book),
        PaperReader.load(regions),
        ChecklistBook(runtime.policy_book),
        LetterBook(runtime.policy_book),
        LetterCodes(key_bytes(_settings(runtime).index_key)),
        _settings(runtime).public_url,
        Uploads.of(_settings(runtime)),
    )
    return app


def build_consumers(runtime: Runtime) -> Sequence[EventConsumer]:
    """The consumer groups of intake."""
    runtime.database.own_backlog = [*_BACKLOG]
    uploads = Uploads.of(_settings(runtime))
    objects = None if uploads is None else uploads.objects
    parts = ConsumerParts(runtime.outbox, runtime.vault, build_stores(runtime), objects)
    return [
        runtime.consumer("outcomes", consumers.outcomes, parts),
        runtime.consumer("timeline", consumers.timeline, parts, linger=LINGER_S),
        runtime.consumer("erasures", consumers.erasures, parts),
        runtime.consumer("looks", consumers.looks, parts, linger=LINGER_S),
    ]


def build_stores(runtime: Runtime) -> CaseStores:
    """What opens the store of a unit of work."""
    return CaseStores(runtime.outbox, runtime.vault, CaseClocks(runtime.deadlines))


def build_timekeeping(runtime: Runtime) -> Timekeeping:
    """What keeps the deadlines of cases."""
    return Timekeeping(
        runtime,
        tell=partial(tell_of_clocks, runtime.outbox),
        ledger=CasePauses(),
        watched=watched(runtime.outbox),
        effects={EffectKind.AUTO_CLOSE: AutoClose(build_stores(runtime))},
    )


def build_chores(runtime: Runtime) -> Sequence[Part]:
    """What a worker of intake does from time to time."""
    chores: list[Part] = [
        *build_timekeeping(runtime).chores(),
        ExpirySweep(runtime.worker_database, runtime.outbox, runtime.vault).run,
        LetterSweep(runtime.worker_database, runtime.outbox, runtime.vault, FormBook(runtime.policy_book)).run,
    ]
    uploads = Uploads.of(_settings(runtime))
    if uploads is not None:
        chores.append(Sweep(uploads, lambda object_ids: named(runtime.worker_database, object_ids)).run)
    return chores


def _settings(runtime: Runtime) -> IntakeSettings:
    if not isinstance(runtime.settings, IntakeSettings):
        raise TypeError("intake runs on its own settings")
    return runtime.settings
