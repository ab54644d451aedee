"""Translate what other services tell into intake's own: outcomes of needs, and the case's timeline."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from slrt_contracts.codes import OutcomeCode, UnknownCode
from slrt_contracts.events import EVENT_TYPES, Event
from slrt_contracts.events.looks import (
    IntakeLooksRecorded,
    LooksRecorded,
    ReferralLooksRecorded,
    RegistryLooksRecorded,
)
from slrt_contracts.events.referral import ReferralCompleted, ReferralDeclined, ReferralSent
from slrt_contracts.events.registry import PersonErased, PersonRecorded
from slrt_intake.domain.problems import TransitionRefusedError
from slrt_intake.store import erasing, people
from slrt_intake.store.cases import CaseStores
from slrt_intake.store.holdings import CASES, lock_case
from slrt_intake.store.looks import forget_person, keep_looks, note_person
from slrt_intake.store.timeline import add_to_timeline, entry_of
from slrt_intake.usecases import cases
from slrt_kit.db import UnitOfWork
from slrt_kit.files.objects import ObjectStore
from slrt_kit.messaging.errors import RejectedError
from slrt_kit.messaging.handlers import Handlers, ProjectionTable, Received
from slrt_kit.outbox import Outbox
from slrt_kit.privacy import Vault
from slrt_kit.problems import NotFoundError, ProblemError


@dataclass(frozen=True, slots=True)
class ConsumerParts:
    """What the handlers need."""

    outbox: Outbox
    vault: Vault
    cases: CaseStores
    objects: ObjectStore | None = None


outcomes = Handlers[ConsumerParts]()
timeline = Handlers[ConsumerParts]()
looks = Handlers[ConsumerParts]()
erasures = Handlers[ConsumerParts]()


@outcomes.on(ReferralCompleted)
async def record_outcome(received: Received[ReferralCompleted], work: UnitOfWork, parts: ConsumerParts) -> None:
    """The office's outcome becomes the need's outcome."""
    event = received.event
    # A newer contract may know outcomes that this build does not: what the office did is then told in words only.
    outcome = OutcomeCode.PARTLY if isinstance(event.outcome_code, UnknownCode) else event.outcome_code
    try:
        await cases.record_referral_outcome(
            event.case_id,
            event.need_id,
            outcome,
            referral_id=event.referral_id,
            cases=parts.cases(work),
            at=received.envelope.time,
        )
    except NotFoundError as error:
        raise RejectedError("no such case") from error
    except TransitionRefusedError as error:
        raise RejectedError("the need takes no outcome now") from error


@outcomes.on(ReferralSent)
async def note_office(received: Received[ReferralSent], work: UnitOfWork, _: ConsumerParts) -> None:
    """From now on the office may fetch the people of this need, and holds the case unless another one was first."""
    event, at = received.event, received.envelope.time
    lock_case(work.connection, event.case_id)
    people.note_office(
        work.connection,
        referral_id=event.referral_id,
        need_id=event.need_id,
        office_code=event.office_code,
        case_id=event.case_id,
        sent_at=at,
    )
    CASES.follow(work.connection, [(event.case_id, at)], now=work.clock.now())


@outcomes.on(ReferralDeclined)
async def withdraw_office(received: Received[ReferralDeclined], work: UnitOfWork, _: ConsumerParts) -> None:
    """An office that declined has no more business with the need, nor holds the case."""
    event = received.event
    lock_case(work.connection, event.case_id)
    people.withdraw_office(work.connection, event.referral_id)
    CASES.follow(work.connection, [(event.case_id, received.envelope.time)], now=work.clock.now())


async def note_looks(received: Received[LooksRecorded], work: UnitOfWork, _: ConsumerParts) -> None:
    """Keep who looked, for the resident to read."""
    keep_looks(work.connection, received.envelope, received.event)


for _told in (IntakeLooksRecorded, ReferralLooksRecorded, RegistryLooksRecorded):
    looks.on(_told)(note_looks)


@looks.on(PersonRecorded)
async def note_person_of_case(received: Received[PersonRecorded], work: UnitOfWork, _: ConsumerParts) -> None:
    """From now on looks at the person are looks at the data of the case."""
    event = received.event
    note_person(work.connection, case_id=event.case_id, person_id=event.person_id, family_id=event.family_id)


@looks.on(PersonErased)
async def forget_person_of_cases(received: Received[PersonErased], work: UnitOfWork, _: ConsumerParts) -> None:
    """Nothing leads from the person to a case any more."""
    forget_person(work.connection, received.event.person_id)


@erasures.on(PersonErased)
async def erase_person(received: Received[PersonErased], work: UnitOfWork, parts: ConsumerParts) -> None:
    """Destroy the keys of the person in every case; and of the case itself, of its client or the last one in it."""
    parties = [party for case in received.event.cases for party in case.party_ids]
    files = await erasing.erase_parties(work.connection, parts.vault, parties)
    if parts.objects is not None:
        with contextlib.suppress(ProblemError):  # the keys are gone; what is left of the files, the sweep removes
            for file in files:
                await parts.objects.delete(file)


# Our own events are on the timeline since the transaction that raised them; what is about no case has no place on it.
_TOLD_BY_OTHERS = [event for event in EVENT_TYPES.values() if not event.TOPIC.startswith("slrt.intake.")]


@timeline.project(
    (event for event in _TOLD_BY_OTHERS if "case_id" in event.model_fields),
    table=ProjectionTable(name="timeline"),
)
async def note(events: Sequence[Received[Event]], work: UnitOfWork, _: ConsumerParts) -> None:
    """Put events of other services on their cases' timelines."""
    add_to_timeline(work.connection, [entry_of(received.envelope, received.event.encode()) for received in events])
