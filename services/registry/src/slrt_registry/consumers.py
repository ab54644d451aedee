"""Translate what intake and referral tell into the registry's own: who a case is about, what a referral came to."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from slrt_contracts.catalogue import PROGRAMMES
from slrt_contracts.codes import OutcomeCode, ProgrammeCode, UnknownCode
from slrt_contracts.events.intake import CaseClosed, CaseRegistered, CaseSealed, CaseTransferred, CaseUnsealed
from slrt_contracts.events.referral import ReferralCompleted
from slrt_contracts.events.registry import PersonErased
from slrt_kit.db import Database, UnitOfWork
from slrt_kit.messaging.errors import IgnoredError, RejectedError
from slrt_kit.messaging.handlers import Handlers, Received
from slrt_kit.problems import NotFoundError
from slrt_kit.regions import RegionCode
from slrt_registry.domain.problems import TransitionRefusedError
from slrt_registry.ports import CaseRecord, Claims, Parties, Registry
from slrt_registry.usecases import recording
from slrt_registry.usecases.recording import NeedInput


@dataclass(frozen=True, slots=True)
class ConsumerParts:
    """What the handlers need."""

    database: Database
    claims: Claims
    registry: Callable[[UnitOfWork], Registry]


cases = Handlers[ConsumerParts]()
outcomes = Handlers[ConsumerParts]()
erasures = Handlers[ConsumerParts]()


async def fetch_parties(received: Received[CaseRegistered], parts: ConsumerParts) -> Parties:
    """Who the case is about.

    Raises:
        IgnoredError: nobody; that is noted, so that outcomes of the case do not wait for its people for ever.
    """
    event = received.event
    parties = None
    if event.has_subject:
        parties = await parts.claims.parties(event.case_id, event_id=received.envelope.id)
    if parties is None or not parties.stated.persons:
        # In a transaction of its own, as an ignored event has none; noting it again changes nothing.
        async with parts.database.unit_of_work(causation_id=received.envelope.id) as work:
            await parts.registry(work).save(
                case=CaseRecord(
                    case_id=event.case_id,
                    region_code=RegionCode(event.district_code),
                    family_id=None,
                    persons=(),
                    handled_at=work.clock.now(),
                    restricted=event.restricted,
                )
            )
            await work.commit()
        raise IgnoredError("the case is about no person")
    return parties


@cases.on_prepared(CaseRegistered, fetch_parties, only_asks=True)
async def record_case(
    received: Received[CaseRegistered], work: UnitOfWork, parts: ConsumerParts, parties: Parties
) -> None:
    """Persons, family and needs of a new case."""
    await recording.record_case(
        received.event.case_id,
        parties,
        _programme_needs(received.event),
        registry=parts.registry(work),
        at=work.clock.now(),
        new_id=work.new_id,
        restricted=received.event.restricted,
    )


@cases.on(CaseTransferred)
async def move_case(received: Received[CaseTransferred], work: UnitOfWork, parts: ConsumerParts) -> None:
    """The new district learns what became of the case, the old one no longer does."""
    parts.registry(work).move_case(received.event.case_id, received.event.district_code)


@cases.on(CaseSealed)
async def seal_case(received: Received[CaseSealed], work: UnitOfWork, parts: ConsumerParts) -> None:
    """Nobody learns what became of the case."""
    parts.registry(work).seal_case(received.event.case_id, sealed=True)


@cases.on(CaseUnsealed)
async def unseal_case(received: Received[CaseUnsealed], work: UnitOfWork, parts: ConsumerParts) -> None:
    """It is told again."""
    parts.registry(work).seal_case(received.event.case_id, sealed=False)


def _programme_needs(event: CaseRegistered) -> Sequence[NeedInput]:
    needs = []
    for need in event.needs:
        if need.programme_code is None:
            continue
        needs.append(NeedInput(need_id=need.need_id, programme_code=_known_programme(need.programme_code)))
    return needs


def _known_programme(code: ProgrammeCode | UnknownCode) -> ProgrammeCode:
    """Raises RejectedError for a programme of a newer contract: the event waits, parked, for the newer build."""
    if isinstance(code, UnknownCode) or code not in PROGRAMMES:
        raise RejectedError("the programme is newer than this build")
    return code


@outcomes.on(ReferralCompleted)
async def settle_need(received: Received[ReferralCompleted], work: UnitOfWork, parts: ConsumerParts) -> None:
    """The office's outcome meets or ends the need.

    Raises:
        IgnoredError: the registry keeps no such need: it asked for no programme, or the case is about no person.
        RejectedError: not now; see its reason.
    """
    event = received.event
    if isinstance(event.outcome_code, UnknownCode):
        # Whether the need is met cannot be guessed: it decides about somebody's participation.
        raise RejectedError("the outcome is newer than this build")
    registry = parts.registry(work)
    try:
        await recording.settle_need(
            event.need_id,
            OutcomeCode(event.outcome_code),
            programme_code=None if event.programme_code is None else _known_programme(event.programme_code),
            referral_id=event.referral_id,
            registry=registry,
            at=received.envelope.time,
            new_id=work.new_id,
        )
    except NotFoundError as error:
        if await registry.case(event.case_id) is None:
            raise RejectedError("the case is not recorded yet") from error
        raise IgnoredError("no programme need") from error
    except TransitionRefusedError as error:
        raise RejectedError("the need is settled already") from error


@cases.on(CaseClosed)
async def note_closed(received: Received[CaseClosed], work: UnitOfWork, parts: ConsumerParts) -> None:
    """From now on the period counts for which the case is kept."""
    if not await parts.registry(work).note_closed(received.event.case_id, received.envelope.time):
        raise RejectedError("the case is not recorded yet")


@erasures.on(PersonErased)
async def destroy_keys(received: Received[PersonErased], work: UnitOfWork, parts: ConsumerParts) -> None:
    """What was erased here by the command becomes unreadable in every copy, too.

    By our own event, because it is told again until it is done: after the command's commit nobody would repeat it.
    """
    await parts.registry(work).destroy_keys(received.event.person_id, at=received.envelope.time)
