"""One function per thing that is done with consents: record one, withdraw one, end one that has run out."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from slrt_contracts.types import CaseId, ConsentId
from slrt_intake.domain.consent import BY_RESIDENT, Consent, HeldClaim, Speaker, WithdrawalReason
from slrt_intake.domain.problems import ConsentInForceError, UnknownPrincipalError
from slrt_intake.ports import Consents
from slrt_kit.problems import NotFoundError
from slrt_kit.purposes import PurposeTable


async def record_consent(
    case_id: CaseId,
    said: Mapping[str, object],
    *,
    consents: Consents,
    table: PurposeTable,
    person_id: UUID,
    at: datetime,
) -> Consent:
    """Record what a person of the case agreed to.

    Raises:
        UnknownPrincipalError, ErasedError: no such person, or not any more. ConsentInForceError: they have agreed to
        the same already. What `Consent.give` raises.
    """
    principal = await consents.principal(case_id, person_id)
    if principal is None:
        raise UnknownPrincipalError
    consent = Consent.give(
        table=table, birth_date=principal.birth_date, at=at, case_id=case_id, person_id=person_id, **said
    )
    for other in await consents.of_case(case_id):
        if other.overlaps(consent, at=at):
            raise ConsentInForceError(consent_id=str(other.consent_id))
    consents.add(consent, principal.key)
    return consent


async def withdraw_consent(
    case_id: CaseId,
    consent_id: ConsentId,
    *,
    speaker: Speaker | None,
    reason: WithdrawalReason,
    note: str | None,
    consents: Consents,
    by: str,
    at: datetime,
) -> tuple[Consent, list[HeldClaim]]:
    """Withdraw a consent; nothing is shared by it after the commit. Returns also what offices hold and must erase.

    `BY_RESIDENT` reaches those alone that the resident is shown. ``speaker`` is None where nobody was asked who speaks:
    then it is whoever has given it.

    Raises:
        NotFoundError: the case has no such consent. TransitionRefusedError: it has ended before.
    """
    consent = await consents.get_locked(case_id, consent_id)
    if consent is None or (by == BY_RESIDENT and not consent.shown_to_resident):
        raise NotFoundError
    consent.check_open()
    held = await consents.held(consent, at=at)
    consent.withdraw(speaker=speaker or consent.speaker, reason=reason, note=note, held=held, by=by, at=at)
    await consents.save_withdrawn(consent)
    return consent, held


async def end_expired_consent(consent_id: ConsentId, *, consents: Consents, at: datetime) -> Consent | None:
    """End a consent whose time was over at ``at`` (UTC), with what a withdrawal does.

    None when it has ended since, or somebody else has it in hand, such as another replica: it is left to them.
    """
    consent = await consents.get_run_out(consent_id, at=at)
    if consent is None:
        return None
    consent.expire(held=await consents.held(consent, at=at), at=at)
    await consents.save_expired(consent)
    return consent
