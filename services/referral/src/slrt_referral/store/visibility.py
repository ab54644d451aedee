"""Say which referrals a scope reaches, as the condition of a query: what is not the caller's is not found."""

from slrt_kit.access import Scope
from slrt_kit.scoped import in_region

# What waits as a draft was not handed over to the office yet.
_OF_OFFICE = "(office_code = %(own_office)s AND status <> 'draft')"


def within(scope: Scope) -> tuple[str, dict[str, object]]:
    """The condition on a row of ``referrals`` that the scope reaches it, and its values (access.yaml).

    A restricted one is seen by the office that it was sent to and by no one else of its region: those in charge of
    its case follow it in intake. A sealed one nobody sees.
    """
    condition, values = in_region(scope, "district_code")
    if scope.everywhere:
        return condition, values
    condition = f"({condition} AND NOT restricted)"
    if scope.office is not None:
        values["own_office"] = scope.office
        condition = f"({condition} OR {_OF_OFFICE})"
    return f"{condition} AND NOT sealed", values
