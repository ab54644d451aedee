"""Demand of whoever looks at personal data a purpose of purposes.yaml that is theirs to state."""

from typing import Annotated

from fastapi import Header

from slrt_kit.access import Principal
from slrt_kit.problems import ProblemError, Text
from slrt_kit.purposes import Purpose, possible_purposes, purpose_table

_WHAT_FOR = "what the data is for, such as case-handling: see docs/reference/purposes.md"
PurposeHeader = Annotated[
    str | None,
    Header(max_length=100, pattern="^[a-z0-9-]+$", description=_WHAT_FOR),
]


class PurposeRequiredError(ProblemError):
    slug, status = "purpose-required", 400
    title = Text("Sebutkan tujuan pada header Purpose", "Say what for in the Purpose header")


class UnknownPurposeError(ProblemError):
    """No such purpose; ``possible`` lists those that the caller may state here."""

    slug, status = "unknown-purpose", 422
    title = Text("Tujuan ini tidak dikenal", "There is no such purpose")


class PurposeNotYoursError(ProblemError):
    """There is such a purpose, and it is not the caller's; ``possible`` lists those that are."""

    slug, status = "purpose-not-yours", 403
    title = Text(
        "Tujuan ini bukan untuk Anda atau bukan untuk data ini", "That purpose is not yours, or not for this data"
    )


def stated(purpose: str | None, principal: Principal, resource: str) -> Purpose:
    """The purpose that the caller states to see a resource.

    Raises:
        PurposeRequiredError, UnknownPurposeError, PurposeNotYoursError: the last two list what is possible.
    """
    possible = possible_purposes(principal, resource)
    if purpose is None:
        raise PurposeRequiredError(possible=possible)
    found = purpose_table().purposes.get(purpose)
    if found is not None and purpose in possible:
        return found
    said = ", ".join(possible)
    detail = Text(f"Yang dapat Anda sebutkan: {said or 'tidak ada'}", f"You may state: {said or 'none'}")
    refused = UnknownPurposeError if found is None else PurposeNotYoursError
    raise refused(detail, possible=possible)
