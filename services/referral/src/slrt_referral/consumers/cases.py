"""Make referrals of decided cases, confirm them when the client is satisfied, show them to whom the case is shown."""

from dataclasses import dataclass

from slrt_contracts.codes import NeedCode, NeedDecision, ProgrammeCode, UnknownCode
from slrt_contracts.events.intake import (
    CaseClosed,
    CaseDecided,
    CaseSealed,
    CaseTransferred,
    CaseUnsealed,
    DecidedNeed,
)
from slrt_kit.db import UnitOfWork
from slrt_kit.messaging.handlers import Handlers, Received
from slrt_referral import usecases
from slrt_referral.adapters.routing_book import RoutingBook
from slrt_referral.domain.routing import NeedToRefer
from slrt_referral.store.referrals import ReferralStores
from slrt_referral.usecases import ReferNeeds


@dataclass(frozen=True, slots=True)
class CaseParts:
    """What the handlers need."""

    referrals: ReferralStores
    routing: RoutingBook


cases = Handlers[CaseParts]()


@cases.on(CaseDecided)
async def refer_needs(received: Received[CaseDecided], work: UnitOfWork, parts: CaseParts) -> None:
    """Every need decided `refer` becomes a referral, all of them in one transaction."""
    event = received.event
    await usecases.refer_needs(
        ReferNeeds(
            case_id=event.case_id,
            district_code=event.district_code,
            needs=[_need(need) for need in event.needs if need.decision is NeedDecision.REFER],
            restricted=event.restricted,
        ),
        referrals=parts.referrals(work),
        policy=parts.routing.at(event.district_code),
        at=work.clock.now(),
        new_id=work.new_id,
    )


@cases.on(CaseClosed)
async def confirm_completed(received: Received[CaseClosed], work: UnitOfWork, parts: CaseParts) -> None:
    """A satisfied client confirms what was completed; silence or a no confirms nothing."""
    case_id, at = received.event.case_id, received.envelope.time
    referrals = parts.referrals(work)
    if received.event.satisfied:
        await usecases.confirm_completed(case_id, referrals=referrals, at=at)
    referrals.end_case(case_id, at=at)


@cases.on(CaseTransferred)
async def move_case(received: Received[CaseTransferred], work: UnitOfWork, parts: CaseParts) -> None:
    """The new district sees the case's referrals, the old one no longer does."""
    await parts.referrals(work).move_case(
        received.event.case_id, received.event.district_code, at=received.envelope.time
    )


@cases.on(CaseSealed)
async def seal_case(received: Received[CaseSealed], work: UnitOfWork, parts: CaseParts) -> None:
    """Nobody sees the case's referrals."""
    parts.referrals(work).seal_case(received.event.case_id, sealed=True)


@cases.on(CaseUnsealed)
async def unseal_case(received: Received[CaseUnsealed], work: UnitOfWork, parts: CaseParts) -> None:
    """They are seen again."""
    parts.referrals(work).seal_case(received.event.case_id, sealed=False)


def _need(need: DecidedNeed) -> NeedToRefer:
    return NeedToRefer(
        need_id=need.need_id,
        # A newer contract may know needs and programmes that this build does not: a person sorts them out.
        need_code=NeedCode.LAINNYA if isinstance(need.need_code, UnknownCode) else need.need_code,
        programme_code=_known_programme(need.programme_code),
        urgent=need.urgent,
        attributes={str(attribute.name): str(attribute.value) for attribute in need.attributes},
    )


def _known_programme(code: ProgrammeCode | UnknownCode | None) -> ProgrammeCode | None:
    return None if isinstance(code, UnknownCode) else code
