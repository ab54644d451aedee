"""Say as data which action may follow in which state of a case and of a need.

Source: the Kemensos FO-BO steps (2017) and the proposed model of the domain, section 13.2. Words of the manual:
registered = pendaftaran (FO), in_handling = penanganan dan rekomendasi (BO), decided = penetapan (koordinator).
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class CaseStatus(StrEnum):
    """Where a case stands."""

    REGISTERED = "registered"
    SCREENING = "screening"
    IN_HANDLING = "in_handling"
    DECIDED = "decided"
    CLOSED = "closed"


class CaseAction(StrEnum):
    """What somebody does to a case."""

    SCREEN = "screen"
    RECOMMEND = "recommend"
    DECIDE = "decide"
    CLOSE = "close"


class SealReason(StrEnum):
    """Why a case is closed to everybody."""

    COURT_ORDER = "court_order"
    CHILD_IN_LAW = "child_in_law"
    SAFETY = "safety"
    DATA_PROTECTION = "data_protection"


class NeedStatus(StrEnum):
    """Where a need stands."""

    IDENTIFIED = "identified"
    RECOMMENDED = "recommended"
    REFERRED = "referred"
    SOLVED_LOCALLY = "solved_locally"
    OUTCOME_RECORDED = "outcome_recorded"


class NeedAction(StrEnum):
    """What happens to a need."""

    RECOMMEND = "recommend"
    REFER = "refer"
    SOLVE_LOCALLY = "solve_locally"
    RECORD_OUTCOME = "record_outcome"


RESOLVED: Final = "resolved"
"""The step of a decided case whose needs all have an outcome: whether it helped is the resident's to say."""

CASE_TRANSITIONS: Mapping[tuple[CaseStatus, CaseAction], CaseStatus] = MappingProxyType(
    {
        (CaseStatus.REGISTERED, CaseAction.SCREEN): CaseStatus.SCREENING,
        (CaseStatus.SCREENING, CaseAction.RECOMMEND): CaseStatus.IN_HANDLING,
        (CaseStatus.IN_HANDLING, CaseAction.DECIDE): CaseStatus.DECIDED,
        (CaseStatus.DECIDED, CaseAction.CLOSE): CaseStatus.CLOSED,
    }
)

NEED_TRANSITIONS: Mapping[tuple[NeedStatus, NeedAction], NeedStatus] = MappingProxyType(
    {
        (NeedStatus.IDENTIFIED, NeedAction.RECOMMEND): NeedStatus.RECOMMENDED,
        (NeedStatus.RECOMMENDED, NeedAction.REFER): NeedStatus.REFERRED,
        (NeedStatus.RECOMMENDED, NeedAction.SOLVE_LOCALLY): NeedStatus.SOLVED_LOCALLY,
        (NeedStatus.REFERRED, NeedAction.RECORD_OUTCOME): NeedStatus.OUTCOME_RECORDED,
        (NeedStatus.SOLVED_LOCALLY, NeedAction.RECORD_OUTCOME): NeedStatus.OUTCOME_RECORDED,
    }
)
